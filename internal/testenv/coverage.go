//go:build unix

package testenv

import (
	"os"
	"path/filepath"
	"testing"
)

// EnvReport names the directory in which tests leave a file for each backend
// that they used, named after it and holding its version.
const EnvReport = "STENT_TESTENV_REPORT"

// The backends (and the browser), as files in the report directory.
const (
	BackendSQLite   = "sqlite"
	BackendPostgres = "postgres"
	BackendRedis    = "redis"
	BackendChromium = "chromium"
)

func covered(t testing.TB, backend, version string) {
	t.Helper()
	dir := os.Getenv(EnvReport)
	if dir == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, backend), []byte(version), 0o600); err != nil {
		t.Fatalf("reporting that %s is covered: %v", backend, err)
	}
}
