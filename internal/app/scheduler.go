package app

import (
	"context"
	"sync/atomic"

	"github.com/stent-dev/stent/internal/scheduler"
	"github.com/stent-dev/stent/internal/telemetry"
)

// Scheduler runs a scheduler until ctx ends.
func Scheduler(ctx context.Context, settings Settings) error {
	if err := settings.separate(); err != nil {
		return err
	}
	s, err := prepare(ctx, "stent-scheduler", settings)
	if err != nil {
		return err
	}
	var opened atomic.Pointer[scheduler.Scheduler]
	e := s.entrance(ctx, s.probes(func(ctx context.Context) string { return s.unready(ctx, opened.Load()) }, ""), 0)
	if settings.Addr != "" {
		// Several schedulers of one machine may share their settings with its API
		// service: a port that is taken is no reason not to work.
		if err := e.open(); err != nil {
			s.log.WarnContext(ctx, "the scheduler works, but cannot be asked for its health and metrics", telemetry.LogError, err)
		}
	}
	if err := s.open(ctx); err != nil {
		e.close()
		return s.abandon(ctx, err)
	}
	work := s.scheduling()
	opened.Store(work)
	s.metrics.Read(s.sources(work))
	s.log.InfoContext(ctx, "the scheduler works", "concurrency", settings.Concurrency, "queues", settings.Queues)
	worked, stopped := context.WithCancel(context.WithoutCancel(ctx))
	return s.run(ctx, func(ctx context.Context) error {
		defer stopped() // the probes tell that it drains until it has
		return work.Run(ctx)
	}, func(context.Context) error { return e.run(worked) })
}

// unready says why the scheduler is not ready, "" if it is; work is nil while it is not open.
func (s *service) unready(ctx context.Context, work *scheduler.Scheduler) string {
	switch {
	case work == nil:
		return "The scheduler is starting."
	case !work.Ready():
		return "The scheduler is " + work.Status().State + "."
	case s.engine.Ready(ctx) != nil:
		return "The database cannot be reached."
	}
	return ""
}
