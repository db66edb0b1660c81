package http

import (
	"net"
	"testing"
	"time"
)

func TestConnectionsThatWaitWhenListeningStopsAreServed(t *testing.T) {
	t.Parallel()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{Listener: inner}
	for range 3 {
		conn, err := (&net.Dialer{Timeout: time.Minute}).DialContext(t.Context(), "tcp", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
	}
	l.stop()
	for i := range 3 {
		conn, err := l.Accept()
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		_ = conn.Close()
	}
	if conn, err := l.Accept(); err == nil {
		t.Errorf("there is one more: %v", conn)
	}
}
