package sqlite

import (
	"context"
	"fmt"

	"github.com/stent-dev/stent/internal/db/sqlite/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// sweep cancels the open tasks of an execution, or those below one task, and
// gives the leases that it took from schedulers, with the tokens they have.
func (tx *transaction) sweep(ctx context.Context, s workflow.Sweep) (swept []workflow.Lease, err error) {
	if s.Under.IsZero() {
		swept, err = tx.sweepExecution(ctx, s.Execution)
	} else {
		swept, err = tx.sweepUnder(ctx, s)
	}
	if err != nil {
		return nil, fmt.Errorf("sweeping execution %s: %w", s.Execution, err)
	}
	return swept, nil
}

func (tx *transaction) sweepExecution(ctx context.Context, execution workflow.ID) ([]workflow.Lease, error) {
	held, err := tx.ListOpenHeld(ctx, dbsqlc.ListOpenHeldParams{Namespace: namespace, ExecutionID: execution})
	if err != nil {
		return nil, err
	}
	swept := make([]workflow.Lease, len(held))
	for i, row := range held {
		swept[i] = workflow.Lease{Execution: execution, Task: row.ID, Token: row.Token}
	}
	failure, err := sweptError()
	if err != nil {
		return nil, err
	}
	now := tx.us()
	return swept, tx.SweepExecution(ctx, dbsqlc.SweepExecutionParams{
		Now: &now, Changed: now, SweptError: failure, Namespace: namespace, ExecutionID: execution,
	})
}

// sweepUnder goes down the tree a generation at a time, through settled tasks
// too: one that ended may have left open ones below it.
func (tx *transaction) sweepUnder(ctx context.Context, s workflow.Sweep) (swept []workflow.Lease, err error) {
	failure, err := sweptError()
	if err != nil {
		return nil, err
	}
	now := tx.us()
	for parents := []workflow.ID{s.Under}; len(parents) > 0; {
		parent := parents[0]
		parents = parents[1:]
		children, err := tx.ListSwept(ctx, dbsqlc.ListSweptParams{Namespace: namespace, ExecutionID: s.Execution, ParentID: parent})
		if err != nil {
			return nil, err
		}
		for _, child := range children {
			if child.Held != 0 {
				swept = append(swept, workflow.Lease{Execution: s.Execution, Task: child.ID, Token: child.Token})
			}
			if child.Kind == workflow.KindOrchestrator || child.Kind == workflow.KindMap {
				parents = append(parents, child.ID)
			}
		}
		if err := tx.SweepChildren(ctx, dbsqlc.SweepChildrenParams{
			Now: &now, Changed: now, SweptError: failure, Namespace: namespace, ExecutionID: s.Execution, ParentID: parent,
		}); err != nil {
			return nil, err
		}
	}
	return swept, nil
}

func sweptError() ([]byte, error) { return encode(workflow.SweptError(), true) }
