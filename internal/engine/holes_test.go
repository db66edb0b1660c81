package engine_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/workflow"
)

// counted is a store that counts what is read of executions.
type counted struct {
	db.Store
	whole, states, most atomic.Int64
}

func (c *counted) Execution(ctx context.Context, id workflow.ID) (*workflow.Execution, error) {
	c.whole.Add(1)
	return c.Store.Execution(ctx, id)
}

func (c *counted) Overview(ctx context.Context, id workflow.ID) (*db.Overview, error) {
	c.whole.Add(1)
	return c.Store.Overview(ctx, id)
}

func (c *counted) States(ctx context.Context, ids []workflow.ID) (map[workflow.ID]workflow.ExecutionState, error) {
	c.states.Add(1)
	c.most.Store(max(c.most.Load(), int64(len(ids))))
	return c.Store.States(ctx, ids)
}

// Each poll of a wait loaded the whole execution. Here all waits of a process share
// one look at states, and an execution is read when it has ended.
func TestPollsOfWaitsDoNotLoadExecutions(t *testing.T) {
	t.Parallel()
	const waits = 20
	store := &counted{}
	e, _ := setup(t, deaf{}, func(under db.Store) db.Store { store.Store = under; return store })
	var ids []workflow.ID
	for range waits {
		started, err := e.Start(t.Context(), engine.StartRequest{Function: "work"})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, started.Execution.ID)
	}
	var ended sync.WaitGroup
	for _, id := range ids {
		ended.Go(func() {
			if view, err := e.Wait(t.Context(), id, time.Minute); err != nil || !view.Execution.State.Terminal() {
				t.Errorf("%+v, %v", view, err)
			}
		})
	}
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for store.most.Load() < waits { // until all of them wait
		<-ticker.C
	}
	for seen := store.states.Load(); store.states.Load() < seen+10; {
		<-ticker.C
	}
	if n := store.whole.Load(); n != 0 {
		t.Errorf("ten polls loaded %d executions", n)
	}
	for _, id := range ids {
		if err := e.Cancel(t.Context(), id, true); err != nil {
			t.Fatal(err)
		}
	}
	ended.Wait()
	if n := store.whole.Load(); n != waits {
		t.Errorf("%d executions were loaded when %d had ended", n, waits)
	}
}
