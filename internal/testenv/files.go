//go:build unix

package testenv

import (
	"os"
	"path/filepath"
	"testing"
)

// Dir returns a new directory, removed when the test ends. Unlike that of
// t.TempDir its path is short enough to hold a unix socket.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "stent-")
	if err != nil {
		t.Fatalf("making a directory: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("removing a directory: %v", err)
		}
	})
	return dir
}

// SQLite returns the URL of an SQLite file that does not exist yet. It is
// removed when the test ends.
func SQLite(t testing.TB) string {
	t.Helper()
	covered(t, BackendSQLite, "")
	return "sqlite:" + filepath.Join(Dir(t), "stent.db")
}
