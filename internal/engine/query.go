package engine

import (
	"context"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

type (
	// Page is a part of a list.
	Page = db.Page
	// Count is how many there are of something.
	Count = db.Count
	// Counted are executions and tasks by state.
	Counted = db.Stats
	// ExecutionFilter selects executions.
	ExecutionFilter = db.ExecutionFilter
	// TaskFilter selects tasks.
	TaskFilter = db.TaskFilter
	// TaskPage is a part of a list of tasks.
	TaskPage = db.TaskPage
	// TaskPlace is where a list of tasks goes on.
	TaskPlace = db.TaskPlace
	// Step is what is shown of a task in the progress of its execution.
	Step = db.Step
	// Scheduler is one scheduler instance.
	Scheduler = db.Scheduler
)

// ExecutionView is an execution with all that is shown of it.
type ExecutionView = db.Overview

// Execution gives one execution. Error: workflow.ErrNotFound, ErrUnavailable.
func (e *Engine) Execution(ctx context.Context, id workflow.ID) (*ExecutionView, error) {
	view, err := e.store.Overview(ctx, id)
	return view, refusal(err)
}

// Outline gives one execution without its progress. Errors as of Execution.
func (e *Engine) Outline(ctx context.Context, id workflow.ID) (*ExecutionView, error) {
	view, err := e.store.Outline(ctx, id)
	return view, refusal(err)
}

// Executions lists executions, newest first.
func (e *Engine) Executions(ctx context.Context, f ExecutionFilter) ([]*workflow.Execution, error) {
	executions, err := e.store.Executions(ctx, f)
	return executions, refusal(err)
}

// Task gives one task and its failed attempts. Error: workflow.ErrNotFound, ErrUnavailable.
func (e *Engine) Task(ctx context.Context, id workflow.ID) (*workflow.Task, []workflow.FailedAttempt, error) {
	t, attempts, err := e.store.Task(ctx, id)
	return t, attempts, refusal(err)
}

// Tasks lists tasks, as db.ListTasks orders them.
func (e *Engine) Tasks(ctx context.Context, f TaskFilter) (*TaskPage, error) {
	page, err := e.store.Tasks(ctx, f)
	return page, refusal(err)
}

// Signals lists the signals that were sent to an execution, newest first.
func (e *Engine) Signals(ctx context.Context, id workflow.ID, p Page) ([]*workflow.Signal, error) {
	if _, err := e.store.Execution(ctx, id); err != nil {
		return nil, refusal(err)
	}
	signals, err := e.store.Signals(ctx, id, p)
	return signals, refusal(err)
}

// Schedulers lists the scheduler instances, as db.Queries does.
func (e *Engine) Schedulers(ctx context.Context) ([]Scheduler, error) {
	schedulers, err := e.store.Schedulers(ctx)
	return schedulers, refusal(err)
}
