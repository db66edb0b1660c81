//go:build unix

package testenv

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/testenv/supervise"
)

const (
	waitTimeout = 30 * time.Second
	waitPoll    = 20 * time.Millisecond
	stopGrace   = 30 * time.Second
)

// Process is a program that runs for the length of a test, or shorter.
type Process struct {
	t       testing.TB
	name    string
	output  *output
	process *supervise.Process
}

// Start starts the program at path; env ("KEY=value") is added to the test's
// own environment, from which STENT_* settings are taken out. What the program
// writes goes to the test's log, each line after [name]. It is killed when the
// test ends.
func Start(t testing.TB, name, path string, args, env []string) *Process {
	t.Helper()
	p := &Process{t: t, name: name, output: newOutput(t, name)}
	cmd := exec.Command(path, args...)
	cmd.Env = append(cleanEnv(), env...)
	cmd.Stdout, cmd.Stderr = p.output, p.output
	// A grandchild may keep the pipe open after the program was killed.
	cmd.WaitDelay = time.Second
	process, err := supervise.Start(cmd, syscall.SIGKILL)
	if err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	p.process = process
	t.Cleanup(p.Kill)
	return p
}

// Kill ends the program as kill -9 does, and waits until it is gone. A program
// that has ended already is left as it is.
func (p *Process) Kill() { _ = p.process.Stop(syscall.SIGKILL, stopGrace) }

// Stop asks the program to end (SIGTERM) and returns how it did: nil for exit
// code 0. After 30 seconds it is killed.
func (p *Process) Stop() error { return p.process.Stop(syscall.SIGTERM, stopGrace) }

// Signal sends a signal, such as SIGSTOP and SIGCONT, and does not wait.
func (p *Process) Signal(sig os.Signal) {
	p.t.Helper()
	if err := p.process.Signal(sig); err != nil {
		p.t.Fatalf("sending %s to %s: %v", sig, p.name, err)
	}
}

// Wait waits until the program ends by itself and returns how it did.
func (p *Process) Wait() error { return p.process.Err() }

// Output returns all that the program has written so far.
func (p *Process) Output() string { return p.output.String() }

// WaitLine waits until the program has written a line that contains part, and
// returns that line. It fails the test if the program ends first, or after 30
// seconds.
func (p *Process) WaitLine(part string) string {
	p.t.Helper()
	var line string
	p.await(fmt.Sprintf("a line with %q", part), func() bool {
		for line = range strings.Lines(p.Output()) {
			if strings.Contains(line, part) {
				return true
			}
		}
		return false
	})
	return strings.TrimRight(line, "\r\n")
}

// WaitReady waits until a GET of url, such as http://127.0.0.1:8233/readyz,
// answers 200. It fails the test if the program ends first, or after 30 seconds.
func (p *Process) WaitReady(url string) {
	p.t.Helper()
	// A transport of its own leaves no idle connection for goleak to find.
	client := &http.Client{Timeout: waitTimeout, Transport: &http.Transport{DisableKeepAlives: true}}
	p.await("an answer of "+url, func() bool {
		resp, err := client.Get(url)
		if err != nil {
			return false
		}
		return resp.Body.Close() == nil && resp.StatusCode == http.StatusOK
	})
}

func (p *Process) await(what string, happened func() bool) {
	p.t.Helper()
	deadline := time.NewTimer(waitTimeout)
	defer deadline.Stop()
	tick := time.NewTicker(waitPoll)
	defer tick.Stop()
	for !happened() {
		select {
		case <-p.process.Done():
			// It may have written what is awaited as its last words.
			if happened() {
				return
			}
			p.t.Fatalf("%s ended while the test waited for %s: %v", p.name, what, p.process.Err())
		case <-deadline.C:
			p.t.Fatalf("waited %s in vain for %s from %s", waitTimeout, what, p.name)
		case <-tick.C:
		}
	}
}

// FreeAddr returns an address of 127.0.0.1 that nothing listens on, for a
// program that has to know its address before it starts.
func FreeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("looking for a free port: %v", err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatalf("freeing a port: %v", err)
	}
	return addr
}

func cleanEnv() []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "STENT_") {
			env = append(env, kv)
		}
	}
	return env
}
