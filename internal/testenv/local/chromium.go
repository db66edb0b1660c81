//go:build unix

package local

import (
	"io"
	"os/exec"
)

// FindChromium makes sure that there is a Chromium or Chrome on this machine and
// returns its path and version.
func FindChromium(log io.Writer) (path, version string, err error) {
	b, err := find(findChromium, "a Chromium or Chrome browser", "chromium", log)
	return b.path, b.version, err
}

func findChromium() (binary, bool) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if b, err := inspect(path); err == nil {
			return b, true
		}
	}
	return binary{}, false
}
