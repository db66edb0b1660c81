package app

import (
	"context"
	nethttp "net/http"
	"time"

	"github.com/stent-dev/stent"
	"github.com/stent-dev/stent/internal/http"
	"github.com/stent-dev/stent/internal/telemetry"
)

// API runs the API service until ctx ends.
func API(ctx context.Context, settings Settings) error {
	if err := settings.separate(); err != nil {
		return err
	}
	s, err := prepare(ctx, "stent-api", settings)
	if err != nil {
		return err
	}
	e := s.entrance(ctx, s.probes(func(context.Context) string { return starting }, starting), settings.DrainDelay)
	if err := s.openAPI(ctx, e); err != nil {
		e.close()
		return s.abandon(ctx, err)
	}
	s.log.InfoContext(ctx, "the API service is ready", "url", e.url())
	return s.run(ctx, e.runAPI)
}

const starting = "The service is starting."

// openAPI opens the service and makes the entrance serve REST.
func (s *service) openAPI(ctx context.Context, e *entrance) error {
	if err := s.openSlowly(ctx, e); err != nil {
		return err
	}
	s.metrics.Read(s.sources(nil))
	if err := s.rest(e); err != nil {
		return err
	}
	return e.open()
}

// startTime is how long a program may take to start until it serves what it can: that
// it lives and is not ready. Before that, connections are refused: a client then tries
// again, or another service, while it may take an answer for an answer.
const startTime = 5 * time.Second

// openSlowly opens the service, and its entrance before that if it takes long.
func (s *service) openSlowly(ctx context.Context, e *entrance) error {
	opened := make(chan error, 1)
	go func() { opened <- s.open(ctx) }()
	patience := time.NewTimer(startTime)
	defer patience.Stop()
	select {
	case err := <-opened:
		return err
	case <-patience.C:
	}
	if err := e.open(); err != nil {
		s.log.WarnContext(ctx, "the service takes long to start, and cannot be asked for its health meanwhile", telemetry.LogError, err)
	}
	return <-opened
}

// rest makes the entrance serve REST.
func (s *service) rest(e *entrance) error {
	handler, err := http.New(http.Options{
		Engine: s.engine, OpenAPI: stent.OpenAPI, Log: s.log, APIKeys: s.settings.APIKeys, Draining: e.draining,
		Metrics: s.metrics, Tracer: s.tracer,
	})
	if err == nil {
		e.serve(handler)
	}
	return err
}

// probes answers whether the program is alive and ready, and its metrics. absent, if
// not "", says why it answers nothing else.
func (s *service) probes(ready func(context.Context) string, absent string) nethttp.Handler {
	return http.NewProbes(http.ProbeOptions{Ready: ready, Absent: absent, Log: s.log, APIKeys: s.settings.APIKeys, Metrics: s.metrics})
}
