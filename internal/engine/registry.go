package engine

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

// registry is this process's copy of the registered functions, their workers, and
// the queues that are paused.
// It is renewed when a hint says so, at every polling interval, and when a name
// is asked for that it does not know.
type registry struct {
	store  db.Store
	log    *slog.Logger
	loaded atomic.Pointer[catalog]
	renew  chan struct{}

	mu   sync.Mutex // one refresh at a time
	last time.Time  // of the last refresh that a missing name caused
}

// catalog is one state of what is registered; it is never changed.
type catalog struct {
	current  map[string]*workflow.Function            // registered last, by name
	versions map[string]map[string]*workflow.Function // by name and version
	workers  map[workflow.ID]*workflow.Worker
	paused   map[string]bool // queues
}

// missPause keeps a name that nobody registered from becoming a query for each task that names it.
const missPause = 100 * time.Millisecond

func newRegistry(store db.Store, log *slog.Logger) *registry {
	r := &registry{store: store, log: log, renew: make(chan struct{}, 1)}
	r.loaded.Store(&catalog{})
	return r
}

// Lookup is workflow.Registry.
func (r *registry) Lookup(name string, version *string) *workflow.Function {
	c := r.loaded.Load()
	if version == nil {
		return c.current[name]
	}
	return c.versions[name][*version]
}

// worker gives the worker that hosts a function; nil when it was registered by itself.
func (r *registry) worker(id workflow.ID) *workflow.Worker { return r.loaded.Load().workers[id] }

// know sees to it that the names are looked for in the database if they are not known here.
func (r *registry) know(ctx context.Context, names ...string) {
	for _, name := range names {
		if r.Lookup(name, nil) != nil {
			continue
		}
		r.mu.Lock()
		due := time.Since(r.last) >= missPause
		if due {
			r.last = time.Now()
		}
		r.mu.Unlock()
		if due {
			if err := r.refresh(ctx); err != nil {
				r.log.WarnContext(ctx, "registered functions could not be read", logError, err)
			}
		}
		return
	}
}

func (r *registry) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	functions, err := r.store.Functions(ctx)
	if err != nil {
		return err
	}
	workers, err := r.store.Workers(ctx)
	if err != nil {
		return err
	}
	paused, err := r.store.PausedQueues(ctx)
	if err != nil {
		return err
	}
	c := &catalog{
		current: map[string]*workflow.Function{}, versions: map[string]map[string]*workflow.Function{},
		workers: map[workflow.ID]*workflow.Worker{}, paused: map[string]bool{},
	}
	for _, f := range functions { // newest first
		if c.current[f.Name] == nil {
			c.current[f.Name] = f
			c.versions[f.Name] = map[string]*workflow.Function{}
		}
		c.versions[f.Name][f.Version] = f
	}
	for _, w := range workers {
		c.workers[w.ID] = w
	}
	for _, name := range paused {
		c.paused[name] = true
	}
	r.loaded.Store(c)
	return nil
}

// stale asks for a refresh soon.
func (r *registry) stale() {
	select {
	case r.renew <- struct{}{}:
	default:
	}
}

func (r *registry) run(ctx context.Context, interval time.Duration) error {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		case <-r.renew:
		}
		if err := r.refresh(ctx); err != nil && ctx.Err() == nil {
			r.log.WarnContext(ctx, "registered functions could not be read", logError, err)
		}
	}
}
