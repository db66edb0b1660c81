package engine_test

import (
	"testing"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/wake"
	"github.com/stent-dev/stent/internal/workflow"
)

// started starts so many executions, which nobody delivers.
func started(t *testing.T, e *engine.Engine, n int) []workflow.ID {
	t.Helper()
	requests := make([]engine.StartRequest, n)
	for i := range requests {
		requests[i].Function = "work"
	}
	var ids []workflow.ID
	for _, r := range e.StartBatch(t.Context(), requests) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
		ids = append(ids, r.Execution.ID)
	}
	return ids
}

func bulk(t *testing.T, e *engine.Engine, b engine.Bulk, want engine.BulkDone) {
	t.Helper()
	if b.Limit == 0 {
		b.Limit = 1000
	}
	if done, err := e.Bulk(t.Context(), b); err != nil || done != want {
		t.Fatalf("%s gave %+v, %v; want %+v", b.Action, done, err, want)
	}
}

func TestBulkActionsWalkOnToTheirLimitAndThenToTheEnd(t *testing.T) {
	t.Parallel()
	e, _ := setup(t, wake.NewLocal(), nil)
	ids := started(t, e, 250)
	work := engine.ExecutionFilter{Functions: []string{"work"}}
	bulk(t, e, engine.Bulk{Action: engine.BulkCancel, Filter: work, DryRun: true}, engine.BulkDone{Matched: 250})
	bulk(t, e, engine.Bulk{Action: engine.BulkCancel, Filter: work, DryRun: true, Limit: 249}, engine.BulkDone{Matched: 249, More: true})
	bulk(t, e, engine.Bulk{Action: engine.BulkCancel, Filter: work, Limit: 120}, engine.BulkDone{Matched: 120, Affected: 120, More: true})
	if x, err := e.Execution(t.Context(), ids[0]); err != nil || x.Execution.State != workflow.ExecutionPending {
		t.Errorf("the oldest one is %+v, %v", x, err)
	}
	bulk(t, e, engine.Bulk{Action: engine.BulkCancel, Filter: work, Limit: 130}, engine.BulkDone{Matched: 130, Affected: 130})
	bulk(t, e, engine.Bulk{Action: engine.BulkCancel, Filter: work}, engine.BulkDone{})
}

func TestBulkActionsSelectOnlyWhatTheyDoSomethingTo(t *testing.T) {
	t.Parallel()
	e, _ := setup(t, wake.NewLocal(), nil)
	ids := started(t, e, 3)
	if err := e.Cancel(t.Context(), ids[0], true); err != nil {
		t.Fatal(err)
	}
	work := engine.ExecutionFilter{Functions: []string{"work"}}
	of := func(states ...workflow.ExecutionState) engine.ExecutionFilter {
		return engine.ExecutionFilter{States: states}
	}
	one, two := engine.BulkDone{Matched: 1, Affected: 1}, engine.BulkDone{Matched: 2, Affected: 2}
	bulk(t, e, engine.Bulk{Action: engine.BulkResume, Filter: work}, engine.BulkDone{})
	bulk(t, e, engine.Bulk{Action: engine.BulkPause, Filter: work}, two)
	bulk(t, e, engine.Bulk{Action: engine.BulkPause, Filter: work}, engine.BulkDone{})
	bulk(t, e, engine.Bulk{Action: engine.BulkResume, Filter: of(workflow.ExecutionRunning)}, engine.BulkDone{})
	bulk(t, e, engine.Bulk{Action: engine.BulkResume, Filter: work}, two)
	bulk(t, e, engine.Bulk{Action: engine.BulkCancel, Filter: of(workflow.ExecutionCancelled)}, engine.BulkDone{})
	bulk(t, e, engine.Bulk{Action: engine.BulkRestart, Filter: of(workflow.ExecutionCancelled)}, one)
	if x, err := e.Execution(t.Context(), ids[0]); err != nil || x.Execution.State.Terminal() {
		t.Errorf("the restarted one is %+v, %v", x, err)
	}
	bulk(t, e, engine.Bulk{Action: engine.BulkCancel, Filter: work, Force: true}, engine.BulkDone{Matched: 3, Affected: 3})
}
