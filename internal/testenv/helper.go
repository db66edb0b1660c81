//go:build unix

package testenv

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

const (
	// EnvHelper names the built cmd/testenv; without it tests `go run` it.
	EnvHelper = "STENT_TESTENV_HELPER"
	helperPkg = "./internal/testenv/cmd/testenv"
)

// Resource is what the helper process says about what it holds, as one line
// of JSON. It holds it until its standard input ends.
type Resource struct {
	URL     string `json:"url,omitempty"`
	Version string `json:"version,omitempty"`
	Error   string `json:"error,omitempty"`
}

// held is a resource together with the helper process that holds it.
type held struct {
	Resource
	cmd   *exec.Cmd
	stdin io.Closer
}

// all keeps every resource of this process reachable: a pipe that the garbage
// collector closes would tell the helper that the process has gone.
var all struct {
	sync.Mutex
	held []*held
}

// hold starts a helper process that holds a resource of the given kind
// (postgres, redis, chromium or dir) for as long as this process lives.
func hold(t testing.TB, kind string) (*held, error) {
	t.Helper()
	cmd, err := helperCommand()
	if err != nil {
		return nil, err
	}
	cmd.Args = append(cmd.Args, "serve", kind)
	// A Ctrl-C is for the tests; the helper ends when they have.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("piping to the helper: %w", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("piping from the helper: %w", err)
	}
	// One pipe for both: compiler errors and the progress of an installation
	// belong into the test's log.
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the helper: %w", err)
	}
	h := &held{cmd: cmd, stdin: stdin}
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if !strings.HasPrefix(lines.Text(), "{") {
			t.Logf("testenv: %s", lines.Text())
			continue
		}
		if err := json.Unmarshal(lines.Bytes(), &h.Resource); err != nil {
			return nil, errors.Join(fmt.Errorf("reading from the helper: %w", err), h.release())
		}
		if h.Error != "" {
			return nil, errors.Join(errors.New(h.Error), h.release())
		}
		all.Lock()
		defer all.Unlock()
		all.held = append(all.held, h)
		return h, nil
	}
	return nil, errors.Join(errors.New("the helper ended early"), lines.Err(), h.release())
}

// release lets go of the resource and waits until it is gone.
func (h *held) release() error {
	return errors.Join(h.stdin.Close(), h.cmd.Wait())
}

func helperCommand() (*exec.Cmd, error) {
	if path := os.Getenv(EnvHelper); path != "" {
		return exec.Command(path), nil
	}
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("go", "run", helperPkg)
	cmd.Dir = root
	return cmd, nil
}

// moduleRoot returns the directory of go.mod. Tests run in their package's.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("looking for the module: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("looking for the module: no go.mod in any directory above")
		}
		dir = parent
	}
}
