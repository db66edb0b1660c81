//go:build unix

package testenv

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"testing"
)

// EnvChromium names the browser to test the dashboard with: the path of a
// Chromium or Chrome.
const EnvChromium = "STENT_TEST_CHROMIUM"

var chromium struct {
	sync.Mutex
	path string
}

// Chromium returns the path of a Chromium or Chrome, which it installs when that
// is possible and there is none.
func Chromium(t testing.TB) (path string) {
	t.Helper()
	chromium.Lock()
	defer chromium.Unlock()
	if chromium.path != "" {
		return chromium.path
	}
	path, version, err := findChromium(t)
	if err != nil {
		t.Fatalf("looking for Chromium: %v", err)
	}
	covered(t, BackendChromium, version)
	chromium.path = path
	return path
}

func findChromium(t testing.TB) (path, version string, err error) {
	t.Helper()
	if path := os.Getenv(EnvChromium); path != "" {
		out, err := exec.Command(path, "--version").Output()
		if err != nil {
			return "", "", fmt.Errorf("asking %s for its version: %w", path, err)
		}
		return path, string(regexp.MustCompile(`\d+(\.\d+)+`).Find(out)), nil
	}
	h, err := hold(t, BackendChromium)
	if err != nil {
		return "", "", err
	}
	if err := h.release(); err != nil {
		return "", "", errors.Join(errors.New("ending the helper that looked for it"), err)
	}
	return h.URL, h.Version, nil
}
