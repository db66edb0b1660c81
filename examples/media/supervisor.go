package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/stent-dev/stent/durable"
)

// supervisor runs the worker as a process, kills it at random, and starts it again
// at the same address.
type supervisor struct {
	path, addr, storage string

	mu      sync.Mutex
	process *exec.Cmd
	left    int // kills to come
	done    int
}

// supervise starts the worker. It will be killed so many times.
func supervise(path, storage string, kills int) (*supervisor, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &supervisor{path: path, addr: listener.Addr().String(), storage: storage, left: kills}
	if err := listener.Close(); err != nil {
		return nil, err
	}
	return s, s.start()
}

func (s *supervisor) start() error {
	s.process = exec.Command(s.path, "-worker", s.addr, "-storage", s.storage) //nolint:gosec // it is this program
	s.process.Stderr = os.Stderr
	return s.process.Start()
}

// crash kills the worker, one time in four, with all that it is working on.
func (s *supervisor) crash() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left == 0 || rand.IntN(4) > 0 {
		return
	}
	s.left--
	s.done++
	s.end()
	if err := s.start(); err != nil {
		fmt.Fprintln(os.Stderr, "the worker does not start again:", err)
		s.left = 0
	}
}

func (s *supervisor) end() {
	if s.process.Process == nil {
		return // it did not start
	}
	_ = s.process.Process.Kill() // it may have ended by itself
	_ = s.process.Wait()         // it was killed: that is its error
}

func (s *supervisor) killed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done
}

// stop ends the worker for good.
func (s *supervisor) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = 0
	s.end()
}

// register registers the worker as soon as it listens.
func (s *supervisor) register(ctx context.Context, client *durable.Client) error {
	for range 500 {
		if connection, err := net.Dial("tcp", s.addr); err == nil {
			_ = connection.Close()
			break
		}
		if err := work(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	_, err := client.RegisterWorker(ctx, "http://"+s.addr, "")
	return err
}
