package dbtest

import (
	"sync"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

var catalog = map[string]func(*fixture){
	"FunctionsRoundTripInEveryField":      functionsRoundTrip,
	"NewestRegistrationIsFirst":           newestRegistrationFirst,
	"FunctionsAreDeletedInEveryVersion":   functionsAreDeleted,
	"WorkerIsKnownByItsURL":               workerIsKnownByURL,
	"WorkerLosesFunctionsNotNamedAnyMore": workerLosesFunctions,
	"WorkerIsDeletedWithItsFunctions":     workerIsDeleted,
	"UnreachableSinceIsKept":              unreachableSinceIsKept,
	"SecretIsMadeOnce":                    secretIsMadeOnce,
	"PoolsTellTheirConnections":           poolsTell,
	"PingFindsTheSchemaCurrent":           func(f *fixture) { f.ok(f.store.Ping(f.ctx)) },
}

func poolsTell(f *fixture) {
	f.start("f") // so that there are connections
	seen, open := map[string]bool{}, 0
	for _, p := range f.store.Pools() {
		if seen[p.Name] || p.Name == "" || p.Max < 1 || p.Idle < 0 || p.InUse < 0 || p.Idle+p.InUse > p.Max {
			f.Errorf("pool %+v", p)
		}
		seen[p.Name] = true
		open += p.Idle + p.InUse
	}
	f.equal("there are connections", open > 0, true)
}

func wholeFunction() *workflow.Function {
	forGood, month := time.Duration(0), 30*24*time.Hour
	return &workflow.Function{
		Namespace: db.DefaultNamespace, Name: "charge", Version: "v1", Kind: workflow.KindActivity, URL: "http://x/charge",
		Worker: newID(), Queue: "eu", Priority: -2, Tags: []string{"a", "b,c"}, Timeout: 1500 * time.Millisecond,
		HeartbeatTimeout: 3 * time.Second, Retry: workflow.RetryPolicy{
			MaxAttempts: 5, InitialDelay: time.Millisecond, BackoffFactor: 1.5, MaxDelay: time.Hour, Jitter: 0.25,
			RetryFor: []string{"timeout", "Conflict"},
		},
		Idempotent: true, IdempotencyKeyFrom: []string{"/a", "/b~1c"}, CacheTTL: &forGood, MaxConcurrent: 7,
		RateLimit: &workflow.RateLimit{Limit: 100, Per: time.Second}, Retention: &month,
	}
}

func (f *fixture) functions() []*workflow.Function {
	f.Helper()
	functions, err := f.store.Functions(f.ctx)
	f.ok(err)
	return functions
}

func functionsRoundTrip(f *fixture) {
	f.ok(f.store.PutFunctions(f.ctx, nil))
	want := wholeFunction()
	f.ok(f.store.PutFunctions(f.ctx, []*workflow.Function{want}))
	got := f.functions()
	f.equal("how many", len(got), 1)
	created := got[0].CreatedAt
	f.equal("has times", created.IsZero() || got[0].UpdatedAt.IsZero(), false)
	want.CreatedAt, want.UpdatedAt = created, got[0].UpdatedAt
	f.equal("function", got[0], want)

	bare := &workflow.Function{
		Namespace: db.DefaultNamespace, Name: want.Name, Version: want.Version, Kind: workflow.KindOrchestrator, URL: "http://y", Queue: "q",
		Tags: []string{}, IdempotencyKeyFrom: []string{},
	}
	f.ok(f.store.PutFunctions(f.ctx, []*workflow.Function{bare}))
	again := f.functions()[0]
	bare.CreatedAt, bare.UpdatedAt = created, again.UpdatedAt
	f.equal("replaced", again, bare)
}

func newestRegistrationFirst(f *fixture) {
	put := func(name, version string) *workflow.Function {
		return &workflow.Function{Name: name, Version: version, Kind: workflow.KindActivity, Queue: "q"}
	}
	f.ok(f.store.PutFunctions(f.ctx, []*workflow.Function{put("f", "v1"), put("f", "v2"), put("g", "")}))
	f.ok(f.store.PutFunctions(f.ctx, []*workflow.Function{put("f", "v1")}))
	got := f.functions()
	f.equal("newest", got[0].Name+got[0].Version, "fv1")
	f.equal("how many", len(got), 3)
}

func functionsAreDeleted(f *fixture) {
	f.is(f.store.DeleteFunction(f.ctx, "f"), db.ErrNotFound)
	f.ok(f.store.PutFunctions(f.ctx, []*workflow.Function{
		{Name: "f", Version: "1", Kind: workflow.KindActivity}, {Name: "f", Version: "2", Kind: workflow.KindActivity},
		{Name: "g", Kind: workflow.KindActivity},
	}))
	f.ok(f.store.DeleteFunction(f.ctx, "f"))
	got := f.functions()
	f.equal("left", []any{len(got), got[0].Name}, []any{1, "g"})
}

func newWorker() *workflow.Worker {
	return &workflow.Worker{ID: newID(), URL: "http://w", Secret: "whsec_1", Health: workflow.WorkerHealthy}
}

func (f *fixture) put(w *workflow.Worker, names ...string) *workflow.Worker {
	f.Helper()
	functions := make([]*workflow.Function, len(names))
	for i, name := range names {
		functions[i] = &workflow.Function{Name: name, Kind: workflow.KindActivity, URL: w.URL, Queue: "q", Worker: w.ID}
	}
	stored, err := f.store.PutWorker(f.ctx, w, functions)
	f.ok(err)
	return stored
}

func workerIsKnownByURL(f *fixture) {
	first := f.put(newWorker(), "f")
	renewed := newWorker()
	renewed.Secret = "whsec_2"
	second := f.put(renewed, "f")
	f.equal("id", second.ID, first.ID)
	f.equal("created", second.CreatedAt, first.CreatedAt)
	f.equal("secret", second.Secret, "whsec_2")
	workers, err := f.store.Workers(f.ctx)
	f.ok(err)
	f.equal("workers", workers, []*workflow.Worker{second})
	f.equal("function's worker", f.functions()[0].Worker, first.ID)
}

func workerLosesFunctions(f *fixture) {
	w := newWorker()
	f.ok(f.store.PutFunctions(f.ctx, []*workflow.Function{{Name: "own", Kind: workflow.KindActivity}}))
	f.put(w, "f", "g")
	f.put(w, "g", "h")
	names := map[string]bool{}
	for _, function := range f.functions() {
		names[function.Name] = true
	}
	f.equal("functions", names, map[string]bool{"own": true, "g": true, "h": true})
}

func workerIsDeleted(f *fixture) {
	w := f.put(newWorker(), "f")
	f.ok(f.store.PutFunctions(f.ctx, []*workflow.Function{{Name: "own", Kind: workflow.KindActivity}}))
	f.ok(f.store.DeleteWorker(f.ctx, w.ID))
	f.is(f.store.DeleteWorker(f.ctx, w.ID), db.ErrNotFound)
	f.equal("functions", len(f.functions()), 1)
	workers, err := f.store.Workers(f.ctx)
	f.ok(err)
	f.equal("workers", len(workers), 0)
}

func unreachableSinceIsKept(f *fixture) {
	w := f.put(newWorker())
	health := func(h workflow.WorkerHealth, lastError string) *workflow.Worker {
		f.ok(f.store.SetWorkerHealth(f.ctx, w.ID, h, lastError))
		workers, err := f.store.Workers(f.ctx)
		f.ok(err)
		f.equal("health", []any{workers[0].Health, workers[0].LastError}, []any{h, lastError})
		return workers[0]
	}
	first := health(workflow.WorkerUnreachable, "refused")
	f.equal("since", first.UnreachableSince != nil, true)
	time.Sleep(2 * time.Millisecond)
	second := health(workflow.WorkerUnreachable, "no route")
	f.equal("since then", second.UnreachableSince, first.UnreachableSince)
	f.equal("no more", health(workflow.WorkerHealthy, "").UnreachableSince == nil, true)
}

func secretIsMadeOnce(f *fixture) {
	var done sync.WaitGroup
	var got [4][]byte
	for i := range got {
		done.Go(func() {
			var err error
			if got[i], err = f.store.Secret(f.ctx, "tokens", []byte{byte(i), 0, 255}); err != nil {
				f.Errorf("reading a secret: %v", err)
			}
		})
	}
	done.Wait()
	for _, secret := range got {
		f.equal("secret", secret, got[0])
	}
	other, err := f.store.Secret(f.ctx, "other", []byte("x"))
	f.ok(err)
	f.equal("other", string(other), "x")
}
