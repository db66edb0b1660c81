//go:build unix

package testenv

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

var builds struct {
	sync.Mutex
	dir   string
	paths map[string]string
}

// Build builds a program of this module, named by its package relative to the
// module's root ("./cmd/api"), and returns the path of the binary. It builds
// each once in the life of the test process, with the race detector if the
// test has it.
func Build(t testing.TB, pkg string) string {
	t.Helper()
	builds.Lock()
	defer builds.Unlock()
	if path, ok := builds.paths[pkg]; ok {
		return path
	}
	if builds.dir == "" {
		h, err := hold(t, "dir")
		if err != nil {
			t.Fatalf("making a directory for programs: %v", err)
		}
		builds.dir = h.URL
		builds.paths = map[string]string{}
	}
	path := filepath.Join(builds.dir, filepath.Base(pkg))
	if err := build(pkg, path); err != nil {
		t.Fatalf("building %s: %v", pkg, err)
	}
	builds.paths[pkg] = path
	return path
}

func build(pkg, path string) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	args := []string{"build", "-o", path}
	if raceEnabled {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, pkg)...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}
