package http

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestServeLetsRequestsEndThatHaveBegun(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	begun, release := make(chan struct{}), make(chan struct{})
	url, served := serve(ctx, t, time.Minute, func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-release
		w.WriteHeader(http.StatusTeapot)
	})
	status := make(chan int, 1)
	go func() { status <- get(t, url) }()
	<-begun
	stop()
	close(release)
	if got := <-status; got != http.StatusTeapot {
		t.Errorf("status %d", got)
	}
	if err := <-served; err != nil {
		t.Errorf("an ordinary stop is an error: %v", err)
	}
}

func TestServeCutsOffWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	begun := make(chan struct{})
	url, served := serve(ctx, t, 10*time.Millisecond, func(_ http.ResponseWriter, r *http.Request) {
		close(begun)
		<-r.Context().Done()
	})
	ended := make(chan int, 1)
	go func() { ended <- get(t, url) }()
	<-begun
	stop()
	if err := <-served; err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("got %v", err)
	}
	if got := <-ended; got != 0 {
		t.Errorf("status %d", got)
	}
}

func TestInvalidDocumentsAreRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "{", "openapi: 3.0.3\ninfo: {}\npaths: {}\n"} {
		if _, err := New(Options{OpenAPI: []byte(text)}); err == nil {
			t.Errorf("took %q", text)
		}
	}
}

func serve(ctx context.Context, t *testing.T, drain time.Duration, h http.HandlerFunc) (url string, served chan error) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served = make(chan error, 1)
	go func() {
		served <- Serve(ctx, listener, NewServer(h, slog.New(slog.DiscardHandler)), Drain{Timeout: drain})
	}()
	return "http://" + listener.Addr().String(), served
}

// get gives the status, 0 when the connection breaks.
func get(t *testing.T, url string) int {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return 0
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}
