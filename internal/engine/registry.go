package engine

import (
	"context"
	"log/slog"
	"slices"
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

	mu    sync.Mutex // one refresh at a time
	began time.Time  // the last refresh
	err   error      // of the last refresh
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

// know sees to it that the names are known here if they were registered before it was
// called, by whatever process: for one that is not, it waits for a look at the database
// that began later. All that wait share one, and there is one in missPause.
func (r *registry) know(ctx context.Context, names ...string) error {
	if !r.misses(names) {
		return nil
	}
	asked := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.began.After(asked) {
		return r.err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(missPause - time.Since(r.began)):
	}
	return r.load(ctx)
}

// glance is know for who asks again before long: it waits for nobody, and does not look
// when somebody has just done so.
func (r *registry) glance(ctx context.Context, names ...string) {
	if !r.misses(names) || !r.mu.TryLock() {
		return
	}
	defer r.mu.Unlock()
	if time.Since(r.began) >= missPause {
		r.look(ctx)
	}
}

func (r *registry) misses(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return r.Lookup(name, nil) == nil })
}

func (r *registry) refresh(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.load(ctx)
}

// look is load for who goes on with what was known before when it fails.
func (r *registry) look(ctx context.Context) {
	if err := r.load(ctx); err != nil {
		r.log.WarnContext(ctx, "registered functions could not be read", logError, err)
	}
}

// load reads what is registered, for all that wait: the end of ctx does not end it.
// The caller holds the lock.
func (r *registry) load(ctx context.Context) error {
	r.began = time.Now()
	c, err := r.read(ctx)
	if err == nil {
		r.loaded.Store(c)
	}
	r.err = err
	return err
}

func (r *registry) read(ctx context.Context) (*catalog, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	functions, err := r.store.Functions(ctx)
	if err != nil {
		return nil, err
	}
	workers, err := r.store.Workers(ctx)
	if err != nil {
		return nil, err
	}
	paused, err := r.store.PausedQueues(ctx)
	if err != nil {
		return nil, err
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
	return c, nil
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
		r.mu.Lock()
		r.look(ctx)
		r.mu.Unlock()
	}
}
