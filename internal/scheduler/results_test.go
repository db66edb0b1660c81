package scheduler_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/scheduler"
	"github.com/stent-dev/stent/internal/workflow"
)

// registerShared registers an idempotent activity.
func (s *service) registerShared(name, url string) {
	s.t.Helper()
	delay := "10ms"
	f, err := workflow.FunctionSpec{
		Name: name, Kind: "activity", URL: url, Idempotent: true, Retry: &workflow.RetrySpec{InitialDelay: &delay},
	}.Function()
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.engine.PutFunction(s.t.Context(), f); err != nil {
		s.t.Fatal(err)
	}
}

func TestCallersWithOneKeyAgreeWhenTheAnswersOfCommitsAreLost(t *testing.T) {
	t.Parallel()
	faults := &lossy{}
	s := setup(t, scheduler.Options{LeaseDuration: 600 * time.Millisecond}, func(under db.Store) db.Store {
		faults.Store = under
		return faults
	})
	var runs atomic.Int64
	w := durable.NewWorker(durable.Logger(slog.New(slog.DiscardHandler)))
	durable.Activity(w, "number", func(context.Context, int) (int64, error) { return runs.Add(1), nil })
	s.registerShared("number", s.serve(w))
	const keys, callers = 12, 6
	ids := make([]workflow.ID, keys*callers)
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() { ids[i] = s.start("number", fmt.Sprint(i%keys)) })
	}
	group.Wait()
	agreed := map[int]string{}
	for i, id := range ids {
		view := s.wait(id)
		if was, known := agreed[i%keys]; known && was != string(view.Result) || view.Execution.State != workflow.ExecutionCompleted {
			t.Errorf("a caller with key %d is %s with %s, another one has %s", i%keys, view.Execution.State, view.Result, was)
		}
		agreed[i%keys] = string(view.Result)
	}
	if faults.lost.Load() == 0 {
		t.Fatal("no answer was lost")
	}
}

// deafToWaiters is a store that finds nobody who waits at first, as if the process
// that stored a result had died before it told.
type deafToWaiters struct {
	db.Store
	looks atomic.Int64
}

func (d *deafToWaiters) ResultWaiters(ctx context.Context, key workflow.ResultKey, limit int) ([]workflow.Lease, error) {
	if d.looks.Add(1) == 1 {
		return nil, nil
	}
	return d.Store.ResultWaiters(ctx, key, limit)
}

func TestWaitForAResultEndsThoughTheWakeUpIsLost(t *testing.T) {
	t.Parallel()
	deaf := &deafToWaiters{}
	s := setup(t, scheduler.Options{}, func(under db.Store) db.Store { deaf.Store = under; return deaf })
	begun, release := make(chan struct{}, 9), make(chan struct{})
	w := durable.NewWorker(durable.Logger(slog.New(slog.DiscardHandler)))
	durable.Activity(w, "slow", func(context.Context, int) (bool, error) { begun <- struct{}{}; <-release; return false, nil })
	s.registerShared("slow", s.serve(w))
	first, second := s.start("slow", "1"), s.start("slow", "1")
	<-begun
	close(release)
	s.wait(first)
	if view := s.wait(second); string(view.Result) != "false" || len(begun) > 0 || deaf.looks.Load() < 2 {
		t.Errorf("the second has %s, %d more runs began, waiters were looked for %d times", view.Result, len(begun), deaf.looks.Load())
	}
}

func TestCallerThatWaitsRunsWhenTheOwnerIsCancelled(t *testing.T) {
	t.Parallel()
	s := setup(t, scheduler.Options{}, nil)
	begun, release := make(chan struct{}, 9), make(chan struct{})
	w := durable.NewWorker(durable.Logger(slog.New(slog.DiscardHandler)))
	durable.Activity(w, "slow", func(ctx context.Context, _ float64) (string, error) {
		begun <- struct{}{}
		select {
		case <-release:
		case <-ctx.Done():
		}
		return "", ctx.Err()
	})
	s.registerShared("slow", s.serve(w))
	owner, waiting := s.start("slow", "1"), s.start("slow", "1.0")
	<-begun
	for _, force := range []bool{true, false} {
		if err := s.engine.Cancel(t.Context(), owner, force); err != nil {
			t.Fatal(err)
		}
		<-begun
		owner, waiting = waiting, s.start("slow", "1")
	}
	close(release)
	for _, id := range []workflow.ID{owner, waiting} {
		if view := s.wait(id); string(view.Result) != `""` || len(begun) > 0 {
			t.Errorf("it has %s, %d more runs began", view.Result, len(begun))
		}
	}
}

func TestTasksMadeBeforeTheirFunctionWasIdempotentShareAResultToo(t *testing.T) {
	t.Parallel()
	s := setup(t, scheduler.Options{}, nil)
	w := durable.NewWorker(durable.Logger(slog.New(slog.DiscardHandler)))
	var runs atomic.Int64
	durable.Activity(w, "later", func(context.Context, json.RawMessage) (int64, error) { return runs.Add(1), nil })
	s.register("later", "activity", "http://127.0.0.1:1")
	ids := []workflow.ID{s.start("later", `{"a": 1}`), s.start("later", `{"a": 1.0}`)}
	started, err := s.engine.Start(t.Context(), engine.StartRequest{Function: "later", Input: []byte(`{"a":10e-1}`), Delay: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(w) // which serve would register as it is: not idempotent
	t.Cleanup(func() { server.Close(); w.Close() })
	s.registerShared("later", server.URL)
	for _, id := range append(ids, started.Execution.ID) {
		if view := s.wait(id); string(view.Result) != "1" {
			t.Errorf("it has %s", view.Result)
		}
	}
}

// cleaned counts the batches of results that are deleted.
type cleaned struct {
	db.Store
	batches chan int
}

func (c *cleaned) DeleteOldResults(_ context.Context, limit int) (int, error) {
	c.batches <- limit
	return limit * (len(c.batches) % 2), nil // there is more after the first batch
}

func TestOldResultsAreDeletedBatchByBatch(t *testing.T) {
	t.Parallel()
	counted := &cleaned{batches: make(chan int, 1000)}
	setup(t, scheduler.Options{CleanInterval: 20 * time.Millisecond}, func(under db.Store) db.Store { counted.Store = under; return counted })
	eventually(t, "a second round of two batches", func() bool { return len(counted.batches) >= 4 })
	if limit := <-counted.batches; limit < 1 || limit > 1000 {
		t.Errorf("a batch deletes %d", limit)
	}
}
