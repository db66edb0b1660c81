package app

import (
	"context"
	"encoding/json"
	"net"
	nethttp "net/http"

	"github.com/stent-dev/stent/internal/http"
	"github.com/stent-dev/stent/internal/scheduler"
)

// Scheduler runs a scheduler until ctx ends.
func Scheduler(ctx context.Context, settings Settings) error {
	if err := settings.separate(); err != nil {
		return err
	}
	s, err := open(ctx, settings)
	if err != nil {
		return err
	}
	work := s.scheduling()
	fronts := []front{work.Run}
	if settings.AddrSet {
		// Several schedulers of one machine may share their settings with its API
		// service: a port that is taken is no reason not to work.
		if listener, err := net.Listen("tcp", settings.Addr); err != nil {
			s.log.WarnContext(ctx, "the scheduler works, but cannot be asked for its health", "error", err)
		} else {
			fronts = append(fronts, s.probes(listener, work))
		}
	}
	s.log.InfoContext(ctx, "the scheduler works", "concurrency", settings.Concurrency, "queues", settings.Queues)
	return s.run(ctx, fronts...)
}

// probes is the front that answers whether the scheduler is alive and ready.
func (s *service) probes(listener net.Listener, work *scheduler.Scheduler) front {
	mux := nethttp.NewServeMux()
	answer := func(w nethttp.ResponseWriter, ok bool) {
		w.Header().Set("Content-Type", "application/json")
		if !ok {
			w.WriteHeader(nethttp.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(map[string]bool{"ok": ok}) // the client went away
	}
	mux.HandleFunc("GET /healthz", func(w nethttp.ResponseWriter, _ *nethttp.Request) { answer(w, true) })
	mux.HandleFunc("GET /readyz", func(w nethttp.ResponseWriter, r *nethttp.Request) {
		answer(w, work.Ready() && s.engine.Ready(r.Context()) == nil)
	})
	return func(ctx context.Context) error {
		return http.Serve(ctx, listener, http.NewServer(mux, s.log), s.settings.DrainTimeout)
	}
}
