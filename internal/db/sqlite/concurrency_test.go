package sqlite_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/sqlite"
	"github.com/stent-dev/stent/internal/workflow"
)

// count adds one to a counter by reading and writing it back.
func count(ctx context.Context, store db.Store, execution workflow.ID) error {
	ref := workflow.NameRef{Execution: execution, Name: "n"}
	_, err := store.Commit(ctx, workflow.Need{Executions: []workflow.ID{execution}, Counters: []workflow.NameRef{ref, ref}},
		func(l *workflow.Loaded) (*workflow.Change, error) {
			c := workflow.Counter{Execution: execution, Name: "n"}
			for _, loaded := range l.Counters {
				c.Value += loaded.Value
			}
			c.Value++
			return &workflow.Change{Now: l.Now, Counters: []workflow.Counter{c}}, nil
		})
	return err
}

func TestManyConcurrentCallsLoseNothing(t *testing.T) {
	t.Parallel()
	const calls = 400
	for name, path := range map[string]string{"file": "", "memory": sqlite.Memory} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := openStore(t)
			if path != "" {
				store = openPath(t, path)
			}
			executions, err := start(t.Context(), store, "f", calls)
			if err != nil {
				t.Fatal(err)
			}
			scheduler, err := join(t.Context(), store)
			if err != nil {
				t.Fatal(err)
			}
			var mu sync.Mutex
			seen := map[workflow.ID]int{}
			var all sync.WaitGroup
			for range calls {
				all.Go(func() {
					if err := count(t.Context(), store, executions[0].ID); err != nil {
						t.Error(err)
					}
				})
				all.Go(func() {
					claimed, err := claim(t.Context(), store, scheduler, "f", 1)
					if err != nil || len(claimed) != 1 {
						t.Errorf("claimed %d tasks, %v; want 1", len(claimed), err)
						return
					}
					mu.Lock()
					defer mu.Unlock()
					seen[claimed[0].Task.ID]++
				})
			}
			all.Wait()
			if len(seen) != calls {
				t.Errorf("%d tasks were claimed, want %d", len(seen), calls)
			}
			overview, err := store.Overview(t.Context(), executions[0].ID)
			if err != nil || len(overview.Counters) != 1 || overview.Counters[0].Value != calls {
				t.Errorf("the counter is %+v, %v; want %d", overview, err, calls)
			}
		})
	}
}

func TestReadsGoOnBesideACommit(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	executions, err := start(t.Context(), store, "f", 1)
	if err != nil {
		t.Fatal(err)
	}
	id := executions[0].ID
	_, err = store.Commit(t.Context(), workflow.Need{Executions: []workflow.ID{id}}, func(l *workflow.Loaded) (*workflow.Change, error) {
		if e, err := store.Execution(t.Context(), id); err != nil || e.State != workflow.ExecutionPending {
			t.Errorf("read %+v, %v during a commit", e, err)
		}
		l.Executions[0].State = workflow.ExecutionRunning
		return &workflow.Change{Now: l.Now, Executions: l.Executions}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if e, err := store.Execution(t.Context(), id); err != nil || e.State != workflow.ExecutionRunning {
		t.Errorf("read %+v, %v after the commit", e, err)
	}
}

func TestAPanicInADecisionRollsBack(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic did not come through")
			}
		}()
		_, _ = store.Commit(t.Context(), workflow.Need{}, func(*workflow.Loaded) (*workflow.Change, error) { panic("decided badly") })
	}()
	refusal := errors.New("no")
	if _, err := store.Commit(t.Context(), workflow.Need{}, func(*workflow.Loaded) (*workflow.Change, error) {
		return nil, refusal
	}); err != refusal { //nolint:errorlint // it must come as it is
		t.Errorf("Commit gave %v, want what decide gave", err)
	}
	if _, err := start(t.Context(), store, "f", 1); err != nil {
		t.Errorf("the store is stuck: %v", err)
	}
}
