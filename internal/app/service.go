package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/dbopen"
	"github.com/stent-dev/stent/internal/delivery"
	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/http"
	"github.com/stent-dev/stent/internal/scheduler"
	"github.com/stent-dev/stent/internal/telemetry"
	"github.com/stent-dev/stent/internal/wake"
	"github.com/stent-dev/stent/internal/workflow"
)

// service is what every program is made of: a store with an engine on it, and the
// bus that carries hints between processes.
type service struct {
	settings Settings
	log      Logger
	store    db.Store
	bus      wake.Bus
	engine   *engine.Engine
	client   *delivery.Client
	health   *scheduler.Health
	metrics  *telemetry.Metrics
	tracer   *telemetry.Tracer // nil: there are no traces
}

// front is a part of a program that serves until its context ends.
type front func(context.Context) error

// embedded tells whether the settings name a database that serves one process only.
func (s *Settings) embedded() bool { return strings.HasPrefix(s.DatabaseURL, "sqlite:") }

// separate refuses a database that cmd/api and cmd/scheduler cannot share.
func (s *Settings) separate() error {
	switch {
	case s.DatabaseURL == "":
		return errors.New("set STENT_DATABASE_URL (or -database-url) to a postgres:// URL; to try Stent without PostgreSQL, run stent dev")
	case s.embedded():
		return errors.New("SQLite serves one process only: run stent dev for API and scheduler in one, or set STENT_DATABASE_URL to a postgres:// URL")
	}
	return nil
}

// Migrate brings the schema of a database up to date ("up"), takes it back
// ("down") or only looks ("version"); it gives the version that the schema then has.
func Migrate(ctx context.Context, databaseURL, direction string) (int, error) {
	switch direction {
	case "up":
		if err := dbopen.Migrate(ctx, databaseURL); err != nil {
			return 0, err
		}
	case "down":
		if err := dbopen.MigrateDown(ctx, databaseURL); err != nil {
			return 0, err
		}
	}
	return dbopen.Version(ctx, databaseURL)
}

// connectTime is how long a program that starts waits for its database.
const connectTime = time.Minute

// prepare makes what a program tells about itself with. name is that of its traces.
func prepare(ctx context.Context, name string, settings Settings) (_ *service, err error) {
	s := &service{settings: settings, metrics: telemetry.NewMetrics()}
	if err := settings.Check(); err != nil {
		return nil, err
	}
	if s.log, err = settings.logger(); err != nil {
		return nil, err
	}
	s.tracer, err = telemetry.NewTracer(ctx, name, s.log)
	if errors.Is(err, telemetry.ErrProtocol) {
		s.log.WarnContext(ctx, "there will be no traces", telemetry.LogError, err)
		err = nil
	}
	return s, err
}

// open connects to the database, brings its schema up to date and makes an engine on it.
func (s *service) open(ctx context.Context) (err error) {
	if s.store, err = connect(ctx, s.settings.DatabaseURL, s.log); err != nil {
		return fmt.Errorf("database %s: %w", Redacted(s.settings.DatabaseURL), err)
	}
	if s.bus, err = s.newBus(); err != nil {
		return err
	}
	s.health = scheduler.NewHealth()
	if s.client, err = delivery.New(delivery.Options{Breaker: s.health.Breaker, Strict: s.settings.StrictSSRF}); err != nil {
		return err
	}
	s.engine, err = engine.New(ctx, s.store, s.bus, engine.Options{
		Manifests: manifests{s.client}, PollInterval: s.settings.PollInterval, Log: s.log, Observer: &observer{s.metrics, s.tracer},
	})
	return err
}

// close closes what open and prepare opened.
func (s *service) close(ctx context.Context) error {
	if s.client != nil {
		s.client.Close()
	}
	var err error
	if s.store != nil {
		err = s.store.Close()
	}
	if lost := s.tracer.Close(context.WithoutCancel(ctx)); lost != nil {
		s.log.WarnContext(ctx, "the last spans were lost", telemetry.LogError, lost)
	}
	return err
}

// abandon closes what was opened of a program that cannot start.
func (s *service) abandon(ctx context.Context, cause error) error {
	if err := s.close(ctx); err != nil {
		return fmt.Errorf("%w (and closing the database: %w)", cause, err)
	}
	return cause
}

// connect opens the store; a database that is still starting gets a minute.
func connect(ctx context.Context, databaseURL string, log Logger) (db.Store, error) {
	deadline := time.Now().Add(connectTime)
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		err := dbopen.Migrate(ctx, databaseURL)
		if err == nil {
			var store db.Store
			if store, err = dbopen.Open(ctx, databaseURL); err == nil {
				return store, nil
			}
		}
		if !errors.Is(err, db.ErrUnavailable) || time.Now().After(deadline) {
			return nil, err
		}
		log.WarnContext(ctx, "waiting for the database", "database", Redacted(databaseURL), telemetry.LogError, err)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}
	}
}

func (s *service) newBus() (wake.Bus, error) {
	options := wake.Options{Logger: s.log}
	switch {
	case s.settings.RedisURL != "":
		return wake.NewRedis(s.settings.RedisURL, options)
	case s.settings.embedded():
		return wake.NewLocal(), nil
	}
	return wake.NewPostgres(s.settings.DatabaseURL, options)
}

// run serves the fronts until ctx ends or one of them fails. They stop first,
// with an engine that still commits; then the engine stops, and what it stands on.
func (s *service) run(ctx context.Context, fronts ...front) error {
	base, stopBase := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBase()
	under, baseCtx := errgroup.WithContext(base)
	under.Go(func() error { return s.engine.Run(baseCtx) })
	under.Go(func() error { return s.bus.Run(baseCtx) })

	over, overCtx := errgroup.WithContext(ctx)
	for _, f := range fronts {
		over.Go(func() error { return f(overCtx) })
	}
	over.Go(func() error { // an engine that fails takes its fronts along
		select {
		case <-overCtx.Done():
			return nil
		case <-baseCtx.Done():
			return errors.New("the engine stopped")
		}
	})
	err := over.Wait()
	stopBase()
	err = errors.Join(err, under.Wait())
	return errors.Join(err, s.close(ctx))
}

// scheduling is the front that leases and delivers.
func (s *service) scheduling() *scheduler.Scheduler {
	return scheduler.New(s.engine, s.client, s.health, s.bus, scheduler.Options{
		Concurrency: s.settings.Concurrency, Queues: s.settings.Queues, Tags: s.settings.Tags,
		LeaseDuration: s.settings.LeaseDuration, PollInterval: s.settings.PollInterval,
		DrainTimeout: s.settings.DrainTimeout, MaxTurnBytes: s.settings.MaxTurnBytes, Log: s.log,
		Retention: s.settings.Retention, CleanInterval: s.settings.CleanInterval,
		Metrics: s.metrics, Tracer: s.tracer,
		Callbacks: scheduler.Callbacks{Render: http.Execution, Secret: s.settings.CallbackSecret},
	})
}

// Redacted is a database URL without its password.
func Redacted(databaseURL string) string {
	return workflow.ShownURL(databaseURL)
}
