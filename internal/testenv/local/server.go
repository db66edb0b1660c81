//go:build unix

package local

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/stent-dev/stent/internal/testenv/supervise"
)

const (
	startTimeout = 60 * time.Second
	stopGrace    = 10 * time.Second
	// A port that was free may be taken before the server listens on it.
	startTries = 5
)

// errExited says that a server ended before it was ready.
var errExited = errors.New("the server ended at once")

// Server is a running server.
type Server struct {
	URL     string // where to connect
	Version string // as the server's program reports it

	scratch *Scratch
	process *supervise.Process
	stopSig syscall.Signal
}

// Stop ends the server and deletes its data.
func (s *Server) Stop() error {
	// How a server ends whose data is thrown away is of no interest.
	_ = s.process.Stop(s.stopSig, stopGrace)
	return s.scratch.Remove()
}

// program is what a kind of server needs to be started.
type program struct {
	binary  binary
	cred    *syscall.Credential
	args    func(port int) []string
	ready   func(port int) bool
	url     func(port int) string
	stopSig syscall.Signal
}

// launch starts a server on a free port and waits until it is ready. It takes
// the scratch directory over, and removes it when it fails.
func launch(p program, scratch *Scratch) (*Server, error) {
	var err error
	for range startTries {
		var server *Server
		server, err = launchOnce(p, scratch)
		if err == nil {
			return server, nil
		}
		if !errors.Is(err, errExited) {
			break
		}
	}
	output, _ := os.ReadFile(logFile(scratch))
	return nil, errors.Join(fmt.Errorf("starting %s: %w\n%s", p.binary.path, err, output), scratch.Remove())
}

func launchOnce(p program, scratch *Scratch) (*Server, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(logFile(scratch))
	if err != nil {
		return nil, fmt.Errorf("creating the log: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(p.binary.path, p.args(port)...)
	cmd.Dir = scratch.Path
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.cred}
	process, err := supervise.Start(cmd, p.stopSig)
	if err != nil {
		return nil, err
	}
	if err := awaitReady(process, func() bool { return p.ready(port) }); err != nil {
		_ = process.Stop(syscall.SIGKILL, stopGrace)
		return nil, err
	}
	return &Server{URL: p.url(port), Version: p.binary.version, scratch: scratch, process: process, stopSig: p.stopSig}, nil
}

func awaitReady(process *supervise.Process, ready func() bool) error {
	deadline := time.NewTimer(startTimeout)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-process.Done():
			return errExited
		case <-deadline.C:
			return fmt.Errorf("not ready within %s", startTimeout)
		case <-tick.C:
			if ready() {
				return nil
			}
		}
	}
}

func logFile(scratch *Scratch) string { return filepath.Join(scratch.Path, "server.log") }

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("looking for a free port: %w", err)
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
