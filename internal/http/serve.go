package http

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Drain is how a server stops.
type Drain struct {
	// Delay is for how long new connections are accepted after the service has said
	// that it is not ready, for load balancers to notice.
	Delay time.Duration
	// Timeout is for how long requests that have begun may go on after that.
	Timeout time.Duration
}

// linger is how long connections without a request are kept open while the server
// drains. A request that comes on one of them is answered, and its client told to
// take another connection next; one that came just as the connection is closed
// would be lost, and the client could not know whether it was carried out.
const linger = 500 * time.Millisecond

// Serve serves on the listener until ctx ends, and then drains: first it accepts no
// more connections, then it lets the requests that have begun end, and those that
// still come on open connections. An ordinary stop is no error; if requests had to
// be cut off, the error says so.
func Serve(ctx context.Context, accepting net.Listener, server *http.Server, drain Drain) error {
	door := &listener{Listener: accepting}
	open := connections{gone: make(chan struct{}, 1), states: map[net.Conn]struct{}{}}
	server.ConnState = open.observe
	var failure error
	ended := make(chan struct{})
	go func() { defer close(ended); failure = server.Serve(door) }()
	select {
	case <-ended:
		return fmt.Errorf("serving HTTP: %w", failure)
	case <-ctx.Done():
	}
	wait(drain.Delay, nil)
	door.stop()
	<-ended // it failed to accept: nothing more comes in
	begun := time.Now()
	wait(min(linger, drain.Timeout), open.empty)

	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain.Timeout-time.Since(begun))
	defer cancel()
	if err := server.Shutdown(ending); err != nil {
		return fmt.Errorf("requests were cut off after %s: %w", drain.Timeout, errors.Join(err, server.Close()))
	}
	return nil
}

// wait waits for so long, or until it is done before.
func wait(d time.Duration, done func() <-chan struct{}) {
	if d <= 0 {
		return
	}
	var early <-chan struct{}
	if done != nil {
		early = done()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-early:
	}
}

// connections are those that a server has open.
type connections struct {
	mu     sync.Mutex
	states map[net.Conn]struct{}
	waited bool
	gone   chan struct{} // gets a value when there is none any more, once that is waited for
}

func (c *connections) observe(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		c.states[conn] = struct{}{}
	case http.StateClosed, http.StateHijacked:
		delete(c.states, conn)
		c.tell()
	case http.StateActive, http.StateIdle:
	}
}

// empty gives a channel that gets a value when no connection is open any more.
func (c *connections) empty() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waited = true
	c.tell()
	return c.gone
}

func (c *connections) tell() {
	if c.waited && len(c.states) == 0 {
		select {
		case c.gone <- struct{}{}:
		default:
		}
	}
}
