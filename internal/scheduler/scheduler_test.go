package scheduler_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/scheduler"
	"github.com/stent-dev/stent/internal/workflow"
)

// lossy is a store whose answers get lost: some commits are stored and reported
// as unknown, others are refused before anything is stored.
type lossy struct {
	db.Store
	lost, refused, away atomic.Int64
}

func (l *lossy) Commit(ctx context.Context, need workflow.Need, decide func(*workflow.Loaded) (*workflow.Change, error)) (db.Saved, error) {
	switch rand.IntN(20) {
	case 0:
		l.refused.Add(1)
		return db.Saved{}, db.ErrConflict
	case 1:
		l.away.Add(1)
		return db.Saved{}, db.ErrUnavailable
	case 2, 3, 4:
		l.lost.Add(1)
		saved, err := l.Store.Commit(ctx, need, decide)
		return saved, errors.Join(err, db.ErrUnknown)
	}
	return l.Store.Commit(ctx, need, decide)
}

func TestWorkflowsEndWhenTheAnswersOfCommitsAreLost(t *testing.T) {
	t.Parallel()
	faults := &lossy{}
	s := setup(t, scheduler.Options{LeaseDuration: 2 * time.Second}, func(under db.Store) db.Store {
		faults.Store = under
		return faults
	})
	w, _ := counting()
	s.serve(w)
	ids := make([]workflow.ID, 60)
	for i := range ids {
		ids[i] = s.start("five", "0")
	}
	for _, id := range ids {
		if view := s.wait(id); string(view.Result) != "5" {
			t.Fatalf("execution %s is %s with %s, want 5", id, view.Execution.State, view.Result)
		}
	}
	if faults.lost.Load() == 0 || faults.refused.Load() == 0 || faults.away.Load() == 0 {
		t.Fatalf("too few faults took effect: %d lost, %d refused, %d away", faults.lost.Load(), faults.refused.Load(), faults.away.Load())
	}
}

func TestStepsRunOnceWhenNothingFails(t *testing.T) {
	t.Parallel()
	s := setup(t, scheduler.Options{Concurrency: 8}, nil) // less room than work: most is claimed
	w, ran := counting()
	s.serve(w)
	ids := make([]workflow.ID, 100)
	for i := range ids {
		ids[i] = s.start("five", "0")
	}
	for _, id := range ids {
		s.wait(id)
	}
	if got := ran(); got != 5*len(ids) {
		t.Fatalf("%d steps ran, want %d", got, 5*len(ids))
	}
}

func TestExpiredSchedulerLetsGoAndBeginsAnew(t *testing.T) {
	t.Parallel()
	s := setup(t, scheduler.Options{LeaseDuration: 600 * time.Millisecond}, nil)
	w, _ := counting()
	s.serve(w)
	ids := make([]workflow.ID, 20)
	for round := range 3 {
		for i := range ids {
			ids[i] = s.start("five", "0")
		}
		if err := s.store.Expire(t.Context(), -time.Hour); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for _, id := range ids {
			if view := s.wait(id); string(view.Result) != "5" {
				t.Fatalf("round %d: execution %s is %s with %s, want 5", round, id, view.Execution.State, view.Result)
			}
		}
	}
}

func TestStopLetsWhatIsInFlightFinish(t *testing.T) {
	t.Parallel()
	s := setup(t, scheduler.Options{}, nil)
	begun, finish := make(chan struct{}), make(chan struct{})
	w := durable.NewWorker()
	durable.Activity(w, "slow", func(context.Context, int) (int, error) {
		close(begun)
		<-finish
		return 7, nil
	})
	s.serve(w)
	id := s.start("slow", "0")
	<-begun
	stopped := make(chan struct{})
	go func() { s.stop(); close(stopped) }()
	eventually(t, "draining", func() bool { return !s.scheduler.Ready() })
	close(finish)
	<-stopped
	if view := s.wait(id); string(view.Result) != "7" {
		t.Fatalf("%s with %s", view.Execution.State, view.Result)
	}
}

func TestStopGivesBackWhatDoesNotFinish(t *testing.T) {
	t.Parallel()
	s := setup(t, scheduler.Options{DrainTimeout: 50 * time.Millisecond}, nil)
	begun := make(chan struct{})
	w := durable.NewWorker()
	durable.Activity(w, "endless", func(ctx context.Context, _ int) (int, error) {
		close(begun)
		<-ctx.Done()
		return 0, ctx.Err()
	})
	s.serve(w)
	id := s.start("endless", "0")
	<-begun
	s.stop()
	view, err := s.engine.Execution(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	task, attempts, err := s.engine.Task(t.Context(), view.RootTask)
	if err != nil {
		t.Fatal(err)
	}
	if task.State != workflow.TaskPending || task.DueAt == nil || !task.Holder.IsZero() || len(attempts) != 0 {
		t.Fatalf("task is %s, due %v, held by %s, with %d failed attempts; want it given back", task.State, task.DueAt, task.Holder, len(attempts))
	}
}

func TestUnreachableWorkerCostsNoAttempts(t *testing.T) {
	t.Parallel()
	s := setup(t, scheduler.Options{}, nil)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	w, _ := counting()
	defer w.Close()
	s.registerManifest(w, "http://"+addr)
	id := s.start("five", "0")
	eventually(t, "a delivery that cannot connect", func() bool {
		view, err := s.engine.Execution(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		task, _, err := s.engine.Task(t.Context(), view.RootTask)
		return err == nil && task.Token > 0 && task.State == workflow.TaskPending
	})
	if listener, err = net.Listen("tcp", addr); err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: w, ReadHeaderTimeout: time.Second}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	defer func() { _ = server.Close(); <-done }()
	view := s.wait(id)
	task, attempts, err := s.engine.Task(t.Context(), view.RootTask)
	if err != nil {
		t.Fatal(err)
	}
	if string(view.Result) != "5" || len(attempts) != 0 || task.Failures != 0 {
		t.Fatalf("%s with %s after %d failed attempts", view.Execution.State, view.Result, len(attempts))
	}
}

func TestCallOfUnregisteredFunctionWaitsForIt(t *testing.T) {
	t.Parallel()
	s := setup(t, scheduler.Options{}, nil)
	w := durable.NewWorker()
	durable.Orchestrator(w, "caller", func(ctx *durable.Context, n int) (int, error) { return durable.Call[int](ctx, "increment", n) })
	s.serve(w)
	id := s.start("caller", "1")
	eventually(t, "the call", func() bool {
		view, err := s.engine.Execution(t.Context(), id)
		return err == nil && len(view.Progress) == 1
	})
	other, _ := counting()
	s.serve(other)
	if view := s.wait(id); string(view.Result) != "2" {
		t.Fatalf("%s with %s", view.Execution.State, view.Result)
	}
}
