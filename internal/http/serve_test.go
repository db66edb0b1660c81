package http

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/telemetry"
)

func TestRequestOnAnOpenConnectionIsAnsweredWhileTheServiceDrains(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	s := &server{log: slog.New(slog.DiscardHandler), draining: ctx, metrics: telemetry.NewMetrics()}
	url, served := serve(ctx, t, time.Minute, s.observe(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	})).ServeHTTP)
	address := url[len("http://"):]
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	answers := bufio.NewReader(conn)
	ask := func() (status int, last bool) {
		t.Helper()
		if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.StatusCode, response.Close
	}
	if _, last := ask(); last {
		t.Error("the connection is closed though the service stays")
	}
	stop()
	if status, last := ask(); status != http.StatusNoContent || !last {
		t.Errorf("answered %d, the last of its connection: %v", status, last)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	if _, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a new connection meets %v", err)
	}
}

func TestServiceAcceptsConnectionsForTheDrainDelay(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	served := make(chan error, 1)
	go func() {
		served <- Serve(ctx, listener, NewServer(handler, slog.New(slog.DiscardHandler)), Drain{Delay: 2 * time.Second, Timeout: time.Minute})
	}()
	stop()
	if status := get(t, "http://"+listener.Addr().String()); status != http.StatusOK {
		t.Errorf("answered %d within the delay", status)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
