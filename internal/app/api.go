package app

import (
	"context"
	"fmt"
	"net"

	"github.com/stent-dev/stent"
	"github.com/stent-dev/stent/internal/http"
)

// API runs the API service until ctx ends.
func API(ctx context.Context, settings Settings) error {
	if err := settings.separate(); err != nil {
		return err
	}
	s, err := open(ctx, settings)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", settings.Addr)
	if err != nil {
		return s.abandon(err)
	}
	s.log.InfoContext(ctx, "the API service is ready", "url", baseURL(listener))
	return s.run(ctx, s.rest(listener))
}

// rest is the front that serves REST.
func (s *service) rest(listener net.Listener) front {
	return func(ctx context.Context) error {
		handler, err := http.New(http.Options{
			Engine: s.engine, OpenAPI: stent.OpenAPI, Log: s.log, APIKeys: s.settings.APIKeys, Draining: ctx,
		})
		if err != nil {
			return err
		}
		return http.Serve(ctx, listener, http.NewServer(handler, s.log), s.settings.DrainTimeout)
	}
}

// abandon closes what open opened, when the program cannot start.
func (s *service) abandon(cause error) error {
	s.client.Close()
	if err := s.store.Close(); err != nil {
		return fmt.Errorf("%w (and closing the database: %w)", cause, err)
	}
	return cause
}

// baseURL is where a listener can be reached from this machine.
func baseURL(l net.Listener) string {
	address, ok := l.Addr().(*net.TCPAddr)
	if ok && address.IP.IsUnspecified() {
		return fmt.Sprintf("http://127.0.0.1:%d", address.Port)
	}
	return "http://" + l.Addr().String()
}
