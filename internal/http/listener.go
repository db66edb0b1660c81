package http

import (
	"net"
	"sync"
)

// listener accepts connections until it is stopped, and then still those that were
// waiting to be accepted. Closing a listening socket resets them, though their
// clients have seen them made and may have sent a request already.
type listener struct {
	net.Listener
	mu      sync.Mutex
	waiting []net.Conn
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err == nil {
		return conn, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		return nil, err
	}
	conn, l.waiting = l.waiting[0], l.waiting[1:]
	return conn, nil
}

// stop stops listening. Accept gives what was waiting, and then an error.
func (l *listener) stop() {
	l.mu.Lock()
	if inner, ok := l.Listener.(*net.TCPListener); ok {
		l.waiting = acceptAll(inner)
	}
	l.mu.Unlock()
	_ = l.Close() // nothing more can come in
}
