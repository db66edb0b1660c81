package scheduler

import (
	"context"
	"time"

	"github.com/stent-dev/stent/internal/delivery"
	"github.com/stent-dev/stent/internal/telemetry"
	"github.com/stent-dev/stent/internal/workflow"
)

// Health carries what the breaker finds out about endpoints to the workers' records.
type Health struct {
	Breaker *delivery.Breaker
	health
}

type health struct {
	changes chan delivery.Endpoint
	shown   map[string]workflow.WorkerHealth // of each endpoint, as it was logged last; used by run only
}

// NewHealth makes a breaker whose changes are recorded while a scheduler with it runs.
func NewHealth() *Health {
	h := &Health{health: health{changes: make(chan delivery.Endpoint, 256), shown: map[string]workflow.WorkerHealth{}}}
	h.Breaker = delivery.NewBreaker(func(e delivery.Endpoint, _ time.Time) {
		select {
		case h.changes <- e:
		default: // the next change of the endpoint is recorded
		}
	})
	return h
}

// run records the health of workers until ctx ends.
func (h *health) run(ctx context.Context, s *Scheduler) {
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-h.changes:
			h.record(ctx, s, e)
		}
	}
}

func (h *health) record(ctx context.Context, s *Scheduler, e delivery.Endpoint) {
	state, why := workflow.WorkerUnreachable, e.Why
	switch e.State {
	case delivery.Closed:
		state, why = workflow.WorkerHealthy, ""
	case delivery.HalfOpen:
		return
	case delivery.Open:
	}
	if h.shown[e.Origin] != state { // or else a probe found it as it was
		h.shown[e.Origin] = state
		about := []any{logEndpoint, e.Origin, logHealth, string(state)}
		if why != "" {
			about = append(about, telemetry.LogError, why)
		}
		s.options.Log.InfoContext(ctx, "an endpoint changed its health", about...)
	}
	workers, err := s.engine.Workers(ctx)
	for _, w := range workers {
		if s.client.Origin(w.URL) == e.Origin && w.Health != workflow.WorkerDisabled && err == nil {
			err = s.engine.WorkerHealth(ctx, w.ID, state, why)
		}
	}
	if err != nil && ctx.Err() == nil {
		s.options.Log.WarnContext(ctx, "the health of a worker could not be recorded", logEndpoint, e.Origin, telemetry.LogError, err)
	}
}
