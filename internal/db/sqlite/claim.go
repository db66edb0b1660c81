package sqlite

import (
	"context"
	"errors"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/sqlite/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// Claim implements db.Leases.
func (s *Store) Claim(ctx context.Context, scheduler workflow.ID, lanes []db.Quota) (claimed []db.Claimed, err error) {
	err = s.write(ctx, "claiming tasks", func(ctx context.Context, tx *transaction) error {
		if err := tx.checkAlive(ctx, scheduler); err != nil {
			return err
		}
		c := claim{transaction: tx, scheduler: scheduler, held: map[workflow.ID]bool{}}
		for _, quota := range lanes {
			if err := c.lane(ctx, quota); err != nil {
				return err
			}
		}
		if len(c.claimed) == 0 {
			return errNothing
		}
		claimed = c.claimed
		return nil
	})
	if err != nil {
		return nil, err
	}
	return claimed, nil
}

// claim is the work of one Claim.
type claim struct {
	*transaction
	scheduler workflow.ID
	held      map[workflow.ID]bool // executions with a hold
	claimed   []db.Claimed
}

func (c *claim) lane(ctx context.Context, q db.Quota) error {
	if q.Limit <= 0 {
		return nil // to SQLite, a negative limit is none
	}
	now := c.us()
	rows, err := c.ListDue(ctx, dbsqlc.ListDueParams{
		Namespace: namespace, Queue: q.Queue, Lane: q.Function, Pinned: q.Pinned, Version: q.Version, Priority: q.Priority,
		Now: &now, Most: int64(q.Limit),
	})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := c.take(ctx, row, q.Kind); err != nil {
			return err
		}
	}
	return nil
}

// take leases one due task.
func (c *claim) take(ctx context.Context, row dbsqlc.ListDueRow, kind workflow.Kind) error {
	elapsed := row.Task.State != workflow.TaskPending
	c.lease(&row.Task, kind)
	if err := fenced(c.Claim(ctx, dbsqlc.ClaimParams{
		Kind: row.Task.Kind, State: row.Task.State, ScheduledFor: row.Task.ScheduledFor, Holder: c.scheduler,
		Attempt: row.Task.Attempt, StartedAt: row.Task.StartedAt,
		Namespace: row.Task.Namespace, ID: row.Task.ID, WasToken: row.Task.Token - 1,
	})); err != nil {
		return err
	}
	if err := c.hold(ctx, row.Task.ExecutionID); err != nil {
		return err
	}
	if row.Task.Op == workflow.OpStart && row.ExecutionState == workflow.ExecutionPending {
		row.ExecutionState = workflow.ExecutionRunning
		now := c.us()
		if err := c.StartExecution(ctx, dbsqlc.StartExecutionParams{Now: &now, Namespace: namespace, ID: row.Task.ExecutionID}); err != nil {
			return err
		}
	}
	if row.Task.Input == nil {
		row.Task.Input = row.ExecutionInput
	}
	task, err := toTask(row.Task)
	if err != nil {
		return err
	}
	tags, err := listOf(row.Tags)
	if err != nil {
		return err
	}
	c.claimed = append(c.claimed, db.Claimed{Task: task, Elapsed: elapsed, Execution: &workflow.Execution{
		Namespace: row.Task.Namespace, ID: row.Task.ExecutionID, Function: row.Function, Version: row.ExecutionVersion,
		State: row.ExecutionState, Tags: tags, Seed: row.Seed, TraceParent: row.TraceParent,
		DeadlineAt: timeOrNil(row.DeadlineAt), CancelRequested: row.ExecutionCancelRequested,
	}})
	return nil
}

// lease makes the task held. One that was not pending keeps its state: its time
// is up, and nothing is delivered. A task that never ran becomes what its function
// is registered as now.
func (c *claim) lease(t *dbsqlc.Task, kind workflow.Kind) {
	now := c.us()
	t.ScheduledFor, t.DueAt, t.Holder = t.DueAt, nil, c.scheduler
	t.Token++
	if t.State != workflow.TaskPending {
		return
	}
	t.State = workflow.TaskRunning
	if t.Kind.Delivered() {
		if kind != "" && t.Attempt == 0 && t.Turn == 0 {
			t.Kind = kind
		}
		t.Attempt++
	}
	if t.StartedAt == nil || t.Kind == workflow.KindActivity {
		t.StartedAt = &now
	}
}

func (c *claim) hold(ctx context.Context, execution workflow.ID) error {
	if c.held[execution] {
		return nil
	}
	c.held[execution] = true
	return c.InsertHold(ctx, dbsqlc.InsertHoldParams{Namespace: namespace, SchedulerID: c.scheduler, ExecutionID: execution})
}

// checkAlive gives ErrExpired unless the scheduler counts as alive.
func (tx *transaction) checkAlive(ctx context.Context, scheduler workflow.ID) error {
	state, err := tx.SchedulerState(ctx, scheduler)
	switch {
	case errors.Is(err, errNoRows), err == nil && (state == db.SchedulerExpired || state == db.SchedulerStopped):
		return db.ErrExpired
	}
	return err
}
