//go:build unix

package local

import (
	"bytes"
	"cmp"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Debian keeps the servers of several versions side by side, outside PATH.
const debianPostgres = "/usr/lib/postgresql/*/bin/postgres"

var versionNumber = regexp.MustCompile(`\d+(\.\d+)+|\d+(beta|rc)\d+`)

// binary is a program and the version that it reports.
type binary struct {
	path    string
	version string
}

// findPostgres returns the newest PostgreSQL server that has its initdb beside it.
func findPostgres() (binary, bool) {
	paths, _ := filepath.Glob(debianPostgres)
	if path, err := exec.LookPath("postgres"); err == nil {
		paths = append(paths, path)
	}
	var found []binary
	for _, path := range paths {
		b, err := inspect(path)
		if err != nil {
			continue
		}
		if _, err := exec.LookPath(initdb(b)); err == nil {
			found = append(found, b)
		}
	}
	if len(found) == 0 {
		return binary{}, false
	}
	return slices.MaxFunc(found, func(a, b binary) int { return cmp.Compare(major(a), major(b)) }), true
}

func initdb(postgres binary) string { return filepath.Join(filepath.Dir(postgres.path), "initdb") }

func findRedis() (binary, bool) {
	for _, name := range []string{"redis-server", "valkey-server"} {
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

// inspect asks a program for its version.
func inspect(path string) (binary, error) {
	out, err := exec.Command(path, "--version").Output()
	if err != nil {
		return binary{}, fmt.Errorf("asking %s for its version: %w", path, err)
	}
	version := versionNumber.Find(out)
	if version == nil {
		return binary{}, fmt.Errorf("no version in what %s says: %q", path, bytes.TrimSpace(out))
	}
	return binary{path: path, version: string(version)}, nil
}

func major(b binary) int {
	digits, _, _ := strings.Cut(b.version, ".")
	n, err := strconv.Atoi(digits)
	if err != nil {
		// A beta or release candidate: older than any release.
		return 0
	}
	return n
}
