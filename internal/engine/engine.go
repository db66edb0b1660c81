package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/wake"
	"github.com/stent-dev/stent/internal/workflow"
)

// Errors that the use cases give beside those of the decision core.
var (
	// ErrUnavailable says that the database cannot be reached now, or that it is not
	// known whether it stored the request.
	ErrUnavailable = errors.New("the service is unavailable")
	// ErrBadToken says that a task token was not made by this service.
	ErrBadToken = errors.New("not a task token of this service")
)

// Manifests reads the manifest of a worker.
type Manifests interface {
	// Manifest gives the functions that the worker at url serves; its errors, which may
	// be ManifestErrors, are safe to show and say what to do.
	Manifest(ctx context.Context, url, secret string) ([]*workflow.Function, error)
}

// Options are the settings of an engine; the zero value has sensible ones.
type Options struct {
	Limits       workflow.Limits // default workflow.DefaultLimits()
	Manifests    Manifests       // nil: workers cannot be registered
	PollInterval time.Duration   // how often caches are refreshed and lost hints made good; default 1 s
	CommitLoops  int             // default 1
	MaxBatch     int             // events in one transaction; default 512
	Journals     int             // bytes of journals that are remembered between turns; default 64 MiB, -1: none
	Observer     Observer        // default: nobody
	Log          *slog.Logger    // default slog.Default()
}

// Engine serves the use cases. It is safe for concurrent use.
type Engine struct {
	store     db.Store
	bus       wake.Bus
	options   Options
	log       *slog.Logger
	tokens    tokens
	functions *registry
	waiters   waiters
	journals  *journals
	sharing   *sharing
	clock     clock
	watching  *watching
	followers atomic.Int64  // streams of events that are open
	rounds    chan struct{} // one token for each round of reading for them
	loops     []*commitLoop

	lessee atomic.Pointer[tenant]
	// holding is held for reading while tasks are leased, for writing while holds
	// of this process are forgotten.
	holding sync.RWMutex
}

// New makes an engine on a store whose schema is current. Run must run for anything to be committed.
func New(ctx context.Context, store db.Store, bus wake.Bus, options Options) (*Engine, error) {
	if options.Limits == (workflow.Limits{}) {
		options.Limits = workflow.DefaultLimits()
	}
	if options.PollInterval <= 0 {
		options.PollInterval = time.Second
	}
	if options.MaxBatch <= 0 {
		options.MaxBatch = 512
	}
	if options.Journals == 0 {
		options.Journals = 64 << 20
	}
	if options.Log == nil {
		options.Log = slog.Default()
	}
	if options.Observer == nil {
		options.Observer = unobserved{}
	}
	fresh := make([]byte, 32)
	if _, err := rand.Read(fresh); err != nil {
		return nil, fmt.Errorf("making a secret: %w", err)
	}
	secret, err := store.Secret(ctx, "task_tokens", fresh)
	if err != nil {
		return nil, fmt.Errorf("reading the secret of task tokens: %w", err)
	}
	e := &Engine{store: store, bus: bus, options: options, log: options.Log, tokens: tokens{secret: secret}}
	e.journals = newJournals(max(options.Journals, 0))
	e.sharing = newSharing()
	e.watching = newWatching(bus)
	e.rounds = make(chan struct{}, maxRounds)
	e.functions = newRegistry(store, options.Log)
	e.waiters.waiting = map[workflow.ID][]chan struct{}{}
	for range max(options.CommitLoops, 1) {
		e.loops = append(e.loops, newCommitLoop(e))
	}
	if err := e.functions.refresh(ctx); err != nil {
		return nil, fmt.Errorf("reading the registered functions: %w", err)
	}
	return e, nil
}

// Run commits events and keeps caches fresh until ctx ends. What was submitted by
// then is still committed.
func (e *Engine) Run(ctx context.Context) error {
	cancel := e.bus.Subscribe(e.hint)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	for _, loop := range e.loops {
		group.Go(func() error { return loop.run(ctx) })
	}
	group.Go(func() error { return e.functions.run(ctx, e.options.PollInterval) })
	group.Go(func() error { return e.pollWaiters(ctx) })
	group.Go(func() error { return e.wakeSharers(ctx) })
	group.Go(func() error { return e.watching.run(ctx) })
	return group.Wait()
}

// hint takes what another process, or this one, hints at.
func (e *Engine) hint(h wake.Hint) {
	if h.Functions || h.All {
		e.functions.stale()
	}
	e.watching.heard(h)
	if h.All {
		e.waiters.wakeAll()
	}
	for _, text := range h.Executions {
		if id, err := workflow.ParseID(text); err == nil {
			e.waiters.wake(id)
		}
	}
}

// readyTime is how long a database may take to answer that it is there.
const readyTime = 3 * time.Second

// Ready tells whether the engine can serve.
func (e *Engine) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	return e.store.Ping(ctx)
}

// NewID makes an id of version 7.
func NewID() workflow.ID { return workflow.ID(uuid.Must(uuid.NewV7())) }

func (e *Engine) env(terms *workflow.Terms) workflow.Env {
	return workflow.Env{
		NewID: NewID, Random: mathrand.Float64, Functions: e.functions, Limits: e.options.Limits, Terms: terms,
	}
}

// refusal turns a store's error into one of this package.
func refusal(err error) error {
	switch {
	case errors.Is(err, db.ErrNotFound):
		return workflow.ErrNotFound
	case errors.Is(err, db.ErrUnavailable), errors.Is(err, db.ErrUnknown), errors.Is(err, db.ErrConflict):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}
