package scheduler_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/scheduler"
	"github.com/stent-dev/stent/internal/workflow"
)

// What broke in the service that came before, as far as a scheduler in this process
// shows it. docs/holes.md lists all of it.

// fainting is a store in which every other heartbeat fails.
type fainting struct {
	db.Store
	beats atomic.Int64
}

func (f *fainting) Beat(ctx context.Context, s db.Scheduler) error {
	if f.beats.Add(1)%2 == 1 {
		return db.ErrUnavailable
	}
	return f.Store.Beat(ctx, s)
}

func TestFailedHeartbeatDoesNotEndHeartbeats(t *testing.T) {
	t.Parallel()
	store := &fainting{}
	s := setup(t, scheduler.Options{LeaseDuration: 3 * time.Second}, func(under db.Store) db.Store {
		store.Store = under
		return store
	})
	begun, finish := make(chan struct{}, 10), make(chan struct{})
	w := durable.NewWorker()
	durable.Activity(w, "long", func(ctx context.Context, _ int) (int, error) {
		begun <- struct{}{}
		select {
		case <-finish:
			return 7, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	})
	s.serve(w)
	id := s.start("long", "0")
	<-begun
	seen := store.beats.Load()
	eventually(t, "heartbeats for longer than a lease lasts", func() bool { return store.beats.Load() > seen+5 })
	close(finish)
	if view := s.wait(id); string(view.Result) != "7" {
		t.Fatalf("%s with %s", view.Execution.State, view.Result)
	}
	if len(begun) != 0 {
		t.Errorf("the activity ran %d times more: its lease was lost", len(begun))
	}
}

// A scheduler that others have taken for dead stops what it delivers: its work is
// somebody else's by now.
func TestLostLeaseStopsTheWork(t *testing.T) {
	t.Parallel()
	s := setup(t, scheduler.Options{LeaseDuration: 600 * time.Millisecond}, nil)
	begun, stopped := make(chan int64, 10), make(chan struct{}, 10)
	var ran atomic.Int64
	w := durable.NewWorker()
	durable.Activity(w, "endless", func(ctx context.Context, _ int) (int, error) {
		n := ran.Add(1)
		begun <- n
		if n > 1 {
			return 7, nil
		}
		<-ctx.Done()
		stopped <- struct{}{}
		return 0, ctx.Err()
	}, durable.Timeout(10*time.Minute))
	s.serve(w)
	id := s.start("endless", "0")
	<-begun
	if err := s.store.Expire(t.Context(), -time.Hour); err != nil {
		t.Fatal(err)
	}
	select {
	case <-stopped:
	case <-time.After(20 * time.Second):
		t.Fatal("the delivery goes on, 30 leases after its own was lost")
	}
	if view := s.wait(id); string(view.Result) != "7" {
		t.Fatalf("%s with %s", view.Execution.State, view.Result)
	}
}

// mute is a store that loses the answers of many commits that are stored.
type mute struct {
	db.Store
	commits, lost atomic.Int64
}

func (m *mute) Commit(ctx context.Context, need workflow.Need, decide func(*workflow.Loaded) (*workflow.Change, error)) (db.Saved, error) {
	saved, err := m.Store.Commit(ctx, need, decide)
	if err == nil && m.commits.Add(1)%4 == 0 {
		m.lost.Add(1)
		return db.Saved{}, db.ErrUnknown
	}
	return saved, err
}

// What goes wrong after a commit is not the step's failure: it ran once, and used
// up one attempt.
func TestErrorAfterTheCommitDoesNotRunTheStepAgain(t *testing.T) {
	t.Parallel()
	store := &mute{}
	s := setup(t, scheduler.Options{LeaseDuration: time.Minute}, func(under db.Store) db.Store {
		store.Store = under
		return store
	})
	w, ran := counting()
	s.serve(w)
	ids := make([]workflow.ID, 10)
	for i := range ids {
		ids[i] = s.start("five", "0")
	}
	for _, id := range ids {
		view := s.wait(id)
		if string(view.Result) != "5" || view.Retries != 0 {
			t.Fatalf("%s with %s after %d retries", view.State, view.Result, view.Retries)
		}
		for _, step := range s.tasks(id) {
			if step.Failures != 0 || step.LostLeases != 0 {
				t.Errorf("step %s failed %d times and lost %d leases", step.Key, step.Failures, step.LostLeases)
			}
		}
	}
	if got := ran(); got != 5*len(ids) || store.lost.Load() == 0 {
		t.Fatalf("%d steps ran, want %d; %d answers were lost", got, 5*len(ids), store.lost.Load())
	}
}

// Six fan-outs that each wait for sub-workflows which wait for activities, with room
// for three tasks and three attempts of any orchestrator.
func TestFanOutsWiderThanTheConcurrencyDoNotDeadlock(t *testing.T) {
	t.Parallel()
	s := setup(t, scheduler.Options{Concurrency: 3}, nil)
	w := durable.NewWorker()
	durable.Activity(w, "leaf", func(_ context.Context, n int) (int, error) { return n, nil })
	durable.Orchestrator(w, "branch", func(ctx *durable.Context, n int) (int, error) { return durable.Call[int](ctx, "leaf", n) })
	durable.Orchestrator(w, "tree", func(ctx *durable.Context, n int) (int, error) {
		leaves, err := durable.Map[int](ctx, "branch", make([]int, n))
		return len(leaves), err
	})
	url := s.serve(w)
	for _, name := range []string{"tree", "branch"} {
		three := 3
		f, err := workflow.FunctionSpec{Name: name, Kind: "orchestrator", URL: url, MaxConcurrent: &three}.Function()
		if err == nil {
			_, err = s.engine.PutFunction(t.Context(), f)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	ids := make([]workflow.ID, 6)
	for i := range ids {
		ids[i] = s.start("tree", "6")
	}
	for _, id := range ids {
		if view := s.wait(id); string(view.Result) != "6" {
			t.Fatalf("%s with %s", view.Execution.State, view.Result)
		}
	}
}

// A rolling deployment that takes a version away fails nothing of it: what is pinned
// to the version waits until somebody serves it again, and is delivered nowhere else.
func TestVersionThatNobodyServesWaitsForItsWorker(t *testing.T) {
	t.Parallel()
	s := setup(t, scheduler.Options{}, nil)
	var wrong atomic.Int64
	serve := func(version string) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var turn struct{ Execution struct{ Version string } }
			if err := json.NewDecoder(r.Body).Decode(&turn); err != nil || turn.Execution.Version != version {
				wrong.Add(1)
			}
			w.Header().Set("Stent-Protocol", "1")
			_, _ = fmt.Fprintf(w, `{"outcome": {"completed": %q}}`, version)
		}))
		t.Cleanup(server.Close)
		f, err := workflow.FunctionSpec{Name: "order", Kind: "orchestrator", URL: server.URL, Version: version}.Function()
		if err == nil {
			_, err = s.engine.PutFunction(t.Context(), f)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	serve("v1")
	delayed := func() workflow.ID { // due when the version that it began with is gone
		started, err := s.engine.Start(t.Context(), engine.StartRequest{Function: "order", Delay: 300 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		return started.Execution.ID
	}
	old := delayed()
	if err := s.engine.DeleteFunction(t.Context(), "order"); err != nil {
		t.Fatal(err)
	}
	serve("v2")
	fresh := delayed()
	if view := s.wait(fresh); string(view.Result) != `"v2"` {
		t.Fatalf("the new one is %s with %s", view.Execution.State, view.Result)
	}
	view, err := s.engine.Execution(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	task, attempts, err := s.engine.Task(t.Context(), view.RootTask)
	if err != nil || task.State != workflow.TaskPending || len(attempts) != 0 {
		t.Fatalf("the old one is %+v after %d failed attempts (%v)", task, len(attempts), err)
	}
	serve("v1")
	if view := s.wait(old); string(view.Result) != `"v1"` || wrong.Load() != 0 {
		t.Fatalf("the old one is %s with %s, %d turns came to the wrong version", view.Execution.State, view.Result, wrong.Load())
	}
}
