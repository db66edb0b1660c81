package scheduler

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/stent-dev/stent/internal/delivery"
	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/telemetry"
	"github.com/stent-dev/stent/internal/wake"
)

// Options are the settings of a scheduler; zero fields take the defaults.
type Options struct {
	Concurrency   int           // tasks in flight; default 500
	Queues        []string      // served; default all
	Tags          []string      // tasks whose function has tags are taken if they share one; default all are
	LeaseDuration time.Duration // after its last heartbeat its work is taken over; default 30 s
	PollInterval  time.Duration // how often due work is looked for without a hint; default 1 s
	DrainTimeout  time.Duration // how long work in flight may go on when asked to stop; default 30 s
	MaxTurnBytes  int           // of a turn's body; default 4 MiB
	CleanInterval time.Duration // how often what nobody needs any more is deleted; default 1 min
	// Retention is how long dead letters are kept, and executions that have ended if
	// their function does not say; 0: for good.
	Retention time.Duration
	Callbacks Callbacks
	Metrics   *telemetry.Metrics // default: nobody sees them
	Tracer    *telemetry.Tracer  // nil: no traces
	Log       *slog.Logger
}

func (o *Options) defaults() {
	if o.Concurrency <= 0 {
		o.Concurrency = 500
	}
	if o.LeaseDuration <= 0 {
		o.LeaseDuration = 30 * time.Second
	}
	if o.PollInterval <= 0 {
		o.PollInterval = time.Second
	}
	if o.DrainTimeout <= 0 {
		o.DrainTimeout = 30 * time.Second
	}
	if o.MaxTurnBytes <= 0 {
		o.MaxTurnBytes = 4 << 20
	}
	if o.CleanInterval <= 0 {
		o.CleanInterval = time.Minute
	}
	if o.Metrics == nil {
		o.Metrics = telemetry.NewMetrics()
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
}

// Scheduler delivers due tasks. Use New.
type Scheduler struct {
	options Options
	engine  *engine.Engine
	client  *delivery.Client
	breaker *delivery.Breaker
	bus     wake.Bus
	health  *health
	tenure  atomic.Pointer[tenure] // the newest; nil: none has begun
	ended   atomic.Bool
}

// New makes a scheduler. The client must report to the breaker.
func New(e *engine.Engine, client *delivery.Client, health *Health, bus wake.Bus, options Options) *Scheduler {
	options.defaults()
	return &Scheduler{
		options: options, engine: e, client: client, breaker: health.Breaker, bus: bus,
		health: &health.health,
	}
}

// Ready tells whether the scheduler has joined and takes tasks.
func (s *Scheduler) Ready() bool { return s.Status().State == string(engine.SchedulerReady) }

// Status tells where the scheduler stands. A tenure whose lease ran out is followed
// by another, so that the scheduler is then starting.
func (s *Scheduler) Status() telemetry.Scheduler {
	status := telemetry.Scheduler{State: string(engine.SchedulerStarting), Capacity: s.options.Concurrency}
	if t := s.tenure.Load(); t != nil {
		status.State, status.InFlight = string(t.describe().State), t.ledger.count()
	}
	if s.ended.Load() {
		status.State = string(engine.SchedulerStopped)
	}
	return status
}

// Run works until ctx ends, and then drains: what is in flight may finish within
// Options.DrainTimeout, the rest is given back.
func (s *Scheduler) Run(ctx context.Context) error {
	defer s.ended.Store(true)
	healthCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() { defer close(done); s.health.run(healthCtx, s) }()
	defer func() { stop(); <-done }()

	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	for failed := 0; ctx.Err() == nil; failed++ {
		err := newTenure(s, host).run(ctx)
		switch {
		case errors.Is(err, errExpired):
			failed = 0
			s.options.Log.WarnContext(ctx, "the lease of this scheduler ran out: its deliveries were cut, and it begins anew")
		case err != nil && ctx.Err() == nil:
			if failed == 0 { // an outage is told once
				s.options.Log.ErrorContext(ctx, "the scheduler cannot work, and tries on", telemetry.LogError, err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(s.options.PollInterval):
			}
		}
	}
	return nil
}

// servesQueue tells whether tasks of the queue are taken. Timers, which have none, always are.
func (s *Scheduler) servesQueue(queue string) bool {
	return queue == "" || len(s.options.Queues) == 0 || slices.Contains(s.options.Queues, queue)
}

// servesTags tells whether tasks of a function with these tags are taken.
func (s *Scheduler) servesTags(tags []string) bool {
	if len(tags) == 0 || len(s.options.Tags) == 0 {
		return true
	}
	return slices.ContainsFunc(tags, func(t string) bool { return slices.Contains(s.options.Tags, t) })
}
