package postgres

import (
	"context"
	"encoding/binary"
	"sync/atomic"

	"github.com/stent-dev/stent/internal/workflow"
)

var lastID atomic.Uint64

// newID gives ids in their order.
func newID() workflow.ID {
	var id workflow.ID
	id[0] = 2
	binary.BigEndian.PutUint64(id[8:], lastID.Add(1))
	return id
}

// newExecution is an execution with its root task, due now.
func newExecution(id, root workflow.ID, l *workflow.Loaded) (*workflow.Execution, *workflow.Task) {
	return &workflow.Execution{
			ID: id, Function: "f", Queue: "default", RootTask: root, CreatedAt: l.Now, State: workflow.ExecutionPending,
		}, &workflow.Task{
			ID: root, Execution: id, Key: "root", Op: workflow.OpStart, Name: "f", Queue: "default", CreatedAt: l.Now,
			Kind: workflow.KindActivity, State: workflow.TaskPending, DueAt: &l.Now, ScheduledFor: &l.Now,
		}
}

// start stores an execution whose root task is due.
func start(ctx context.Context, store *Store) (e *workflow.Execution, err error) {
	_, err = store.Commit(ctx, workflow.Need{}, func(l *workflow.Loaded) (*workflow.Change, error) {
		var root *workflow.Task
		e, root = newExecution(newID(), newID(), l)
		return &workflow.Change{Now: l.Now, NewExecutions: []*workflow.Execution{e}, NewTasks: []*workflow.Task{root}}, nil
	})
	return e, err
}
