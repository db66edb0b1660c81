package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/dbopen"
	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/testenv"
	"github.com/stent-dev/stent/internal/wake"
	"github.com/stent-dev/stent/internal/workflow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// setup runs an engine on an SQLite file, with the activities "work" and "poison"
// registered; wrap, if not nil, stands between the engine and its store.
func setup(t *testing.T, bus wake.Bus, wrap func(db.Store) db.Store) (*engine.Engine, db.Store) {
	t.Helper()
	e, store := idling(t, bus, wrap)
	run(t, e)
	return e, store
}

// run runs an engine until the test has ended.
func run(t *testing.T, e *engine.Engine) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() { _ = e.Run(ctx) })
	t.Cleanup(func() {
		stop()
		done.Wait()
	})
}

// idling makes an engine that does not run yet.
func idling(t *testing.T, bus wake.Bus, wrap func(db.Store) db.Store) (*engine.Engine, db.Store) {
	t.Helper()
	url := testenv.SQLite(t)
	if err := dbopen.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	store, err := dbopen.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	under := store
	if wrap != nil {
		under = wrap(store)
	}
	e, err := engine.New(t.Context(), under, bus, engine.Options{PollInterval: 50 * time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, name := range []string{"work", "poison"} {
		f, err := workflow.FunctionSpec{Name: name, Kind: "activity", URL: "http://127.0.0.1:1"}.Function()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.PutFunction(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	return e, store
}

var errPoison = errors.New("this cannot be stored")

// poisoned refuses every batch that starts "poison".
type poisoned struct{ db.Store }

func (p poisoned) Commit(ctx context.Context, need workflow.Need, decide func(*workflow.Loaded) (*workflow.Change, error)) (db.Saved, error) {
	return p.Store.Commit(ctx, need, func(l *workflow.Loaded) (*workflow.Change, error) {
		change, err := decide(l)
		for _, x := range change.NewExecutions {
			if x.Function == "poison" {
				return nil, errPoison
			}
		}
		return change, err
	})
}

func TestEventThatCannotBeStoredFailsAlone(t *testing.T) {
	t.Parallel()
	e, _ := setup(t, wake.NewLocal(), func(s db.Store) db.Store { return poisoned{s} })
	var group sync.WaitGroup
	for i := range 100 {
		function := "work"
		if i%25 == 0 {
			function = "poison"
		}
		group.Go(func() {
			_, err := e.Start(t.Context(), engine.StartRequest{Function: function})
			if function == "work" && err != nil || function == "poison" && !errors.Is(err, errPoison) {
				t.Errorf("starting %s: %v", function, err)
			}
		})
	}
	group.Wait()
}

// gated holds its commits until they are let through, and counts them.
type gated struct {
	db.Store
	entered, open chan struct{}
	commits       atomic.Int64
}

func (g *gated) Commit(ctx context.Context, need workflow.Need, decide func(*workflow.Loaded) (*workflow.Change, error)) (db.Saved, error) {
	if g.commits.Add(1) == 1 {
		close(g.entered)
		<-g.open
	}
	return g.Store.Commit(ctx, need, decide)
}

func TestEventsThatComeDuringACommitShareTheNext(t *testing.T) {
	t.Parallel()
	gate := &gated{entered: make(chan struct{}), open: make(chan struct{})}
	e, _ := setup(t, wake.NewLocal(), func(s db.Store) db.Store { gate.Store = s; return gate })
	var group sync.WaitGroup
	group.Go(func() {
		if _, err := e.Start(t.Context(), engine.StartRequest{Function: "work"}); err != nil {
			t.Error(err)
		}
	})
	<-gate.entered // the lone event did not wait for company
	requests := make([]engine.StartRequest, 100)
	for i := range requests {
		requests[i].Function = "work"
	}
	results := make(chan []engine.StartResult)
	go func() { results <- e.StartBatch(t.Context(), requests) }()
	time.AfterFunc(200*time.Millisecond, func() { close(gate.open) })
	for _, r := range <-results {
		if r.Err != nil {
			t.Error(r.Err)
		}
	}
	group.Wait()
	if n := gate.commits.Load(); n > 3 {
		t.Errorf("%d commits for 101 events, want two or three", n)
	}
}

func TestCallersWithOneKeyShareOneExecution(t *testing.T) {
	t.Parallel()
	e, _ := setup(t, wake.NewLocal(), nil)
	var created atomic.Int64
	var ids sync.Map
	var group sync.WaitGroup
	for i := range 50 {
		input := json.RawMessage(`{"a": 1, "b": 2}`)
		if i%2 == 1 {
			input = json.RawMessage(`{"b":2,"a":1}`) // the same, spelt otherwise
		}
		group.Go(func() {
			started, err := e.Start(t.Context(), engine.StartRequest{Function: "work", Input: input, IdempotencyKey: "K"})
			if err != nil {
				t.Error(err)
				return
			}
			if !started.Replayed {
				created.Add(1)
			}
			ids.Store(started.Execution.ID, true)
		})
	}
	group.Wait()
	distinct := 0
	ids.Range(func(any, any) bool { distinct++; return true })
	if created.Load() != 1 || distinct != 1 {
		t.Errorf("%d executions were created, with %d ids, want one", created.Load(), distinct)
	}
	for _, other := range []string{`{"a": 1, "b": 3}`, `12345678901234567`, `12345678901234568`} {
		if _, err := e.Start(t.Context(), engine.StartRequest{Function: "work", Input: json.RawMessage(other), IdempotencyKey: "K"}); !errors.Is(err, workflow.ErrKeyReused) {
			t.Errorf("another input with the same key: %v, want ErrKeyReused", err)
		}
	}
}

// forgetful stores the next commit and does not say so.
type forgetful struct {
	db.Store
	next atomic.Bool
}

func (f *forgetful) Commit(ctx context.Context, need workflow.Need, decide func(*workflow.Loaded) (*workflow.Change, error)) (db.Saved, error) {
	saved, err := f.Store.Commit(ctx, need, decide)
	if err == nil && f.next.CompareAndSwap(true, false) {
		return db.Saved{}, db.ErrUnknown
	}
	return saved, err
}

func TestSignalWithAKeyIsStoredOnceThoughItsCommitIsUnknown(t *testing.T) {
	t.Parallel()
	store := &forgetful{}
	e, _ := setup(t, wake.NewLocal(), func(s db.Store) db.Store { store.Store = s; return store })
	started, err := e.Start(t.Context(), engine.StartRequest{Function: "work", Delay: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	id := started.Execution.ID
	store.next.Store(true)
	first, err := e.Signal(t.Context(), id, "go", json.RawMessage(`{"a": 1, "b": 2}`), "k")
	if err != nil {
		t.Fatal(err)
	}
	again, err := e.Signal(t.Context(), id, "go", json.RawMessage(`{"b":2,"a":1}`), "k")
	if err != nil || !again.Replayed || again.ID != first.ID {
		t.Errorf("the repetition gave %+v, %v, want %s", again, err, first.ID)
	}
	if _, err := e.Signal(t.Context(), id, "go", json.RawMessage(`{"b":2,"a":3}`), "k"); !errors.Is(err, workflow.ErrKeyReused) {
		t.Errorf("another payload: %v", err)
	}
	if signals, err := e.Signals(t.Context(), id, engine.Page{Limit: 10}); err != nil || len(signals) != 1 {
		t.Errorf("%d signals, %v, want one", len(signals), err)
	}
	store.next.Store(true)
	if _, err := e.Signal(t.Context(), id, "go", nil, ""); !errors.Is(err, engine.ErrUnavailable) {
		t.Errorf("a signal without a key: %v, want ErrUnavailable", err)
	}
}

// deaf is a bus whose hints all get lost.
type deaf struct{}

func (deaf) Publish(wake.Hint)                {}
func (deaf) Subscribe(func(wake.Hint)) func() { return func() {} }
func (deaf) Run(ctx context.Context) error    { <-ctx.Done(); return nil }

func TestWaitEndsThoughEveryHintIsLost(t *testing.T) {
	t.Parallel()
	e, _ := setup(t, deaf{}, nil)
	started, err := e.Start(t.Context(), engine.StartRequest{Function: "work"})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan *engine.ExecutionView)
	go func() {
		view, err := e.Wait(t.Context(), started.Execution.ID, time.Minute)
		if err != nil {
			t.Error(err)
		}
		ended <- view
	}()
	if err := e.Cancel(t.Context(), started.Execution.ID, true); err != nil {
		t.Fatal(err)
	}
	if view := <-ended; view == nil || view.Execution.State != workflow.ExecutionCancelled {
		t.Errorf("Wait gave %+v, want the cancelled execution", view)
	}
}

func TestWaitGivesTheExecutionAsItStandsWhenTheTimeIsUp(t *testing.T) {
	t.Parallel()
	e, _ := setup(t, wake.NewLocal(), nil)
	started, err := e.Start(t.Context(), engine.StartRequest{Function: "work"})
	if err != nil {
		t.Fatal(err)
	}
	view, err := e.Wait(t.Context(), started.Execution.ID, 10*time.Millisecond)
	if err != nil || view.Execution.State != workflow.ExecutionPending {
		t.Errorf("Wait gave %+v, %v, want the pending execution", view, err)
	}
	if _, err := e.Wait(t.Context(), engine.NewID(), time.Minute); !errors.Is(err, workflow.ErrNotFound) {
		t.Errorf("waiting for an execution that does not exist: %v, want ErrNotFound", err)
	}
}

func TestReportsNeedTheTokenOfTheirTask(t *testing.T) {
	t.Parallel()
	e, _ := setup(t, wake.NewLocal(), nil)
	lease := workflow.Lease{Execution: engine.NewID(), Task: engine.NewID(), Token: 7}
	token := e.Token(lease)
	if err := e.Complete(t.Context(), engine.NewID(), token, nil, workflow.ContextUpdate{}); !errors.Is(err, workflow.ErrLeaseLost) {
		t.Errorf("the token of another task: %v, want ErrLeaseLost", err)
	}
	if err := e.Complete(t.Context(), lease.Task, token, nil, workflow.ContextUpdate{}); !errors.Is(err, workflow.ErrNotFound) {
		t.Errorf("a task that does not exist: %v, want ErrNotFound", err)
	}
	for i := range token {
		forged := []byte(token)
		forged[i] ^= 1
		if err := e.Complete(t.Context(), lease.Task, string(forged), nil, workflow.ContextUpdate{}); !errors.Is(err, engine.ErrBadToken) {
			t.Errorf("a token with its byte %d changed: %v, want ErrBadToken", i, err)
		}
	}
}

func TestNothingIsAcceptedAfterTheEngineStopped(t *testing.T) {
	t.Parallel()
	url := testenv.SQLite(t)
	if err := dbopen.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	store, err := dbopen.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	e, err := engine.New(t.Context(), store, wake.NewLocal(), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := e.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if err := e.Cancel(t.Context(), engine.NewID(), true); !errors.Is(err, engine.ErrUnavailable) {
		t.Errorf("an event after the stop: %v, want ErrUnavailable", err)
	}
}

func TestNobodyWaitsForADatabaseThatHangs(t *testing.T) {
	t.Parallel()
	gate := &gated{entered: make(chan struct{}), open: make(chan struct{})}
	e, _ := setup(t, wake.NewLocal(), func(s db.Store) db.Store { gate.Store = s; return gate })
	var group sync.WaitGroup
	group.Go(func() {
		if _, err := e.Start(t.Context(), engine.StartRequest{Function: "work"}); !errors.Is(err, engine.ErrUnavailable) {
			t.Errorf("starting one: %v, want ErrUnavailable", err)
		}
	})
	group.Go(func() {
		<-gate.entered
		for _, r := range e.StartBatch(t.Context(), []engine.StartRequest{{Function: "work"}, {Function: "work"}}) {
			if !errors.Is(r.Err, engine.ErrUnavailable) {
				t.Errorf("starting a batch: %v, want ErrUnavailable", r.Err)
			}
		}
	})
	group.Wait() // the gate is still closed
	close(gate.open)
}
