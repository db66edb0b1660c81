package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/sqlite/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// Claim implements db.Leases.
func (s *Store) Claim(ctx context.Context, scheduler workflow.ID, lanes []db.Quota) (claimed []db.Claimed, back db.HeldBack, err error) {
	err = s.write(ctx, "claiming tasks", func(ctx context.Context, tx *transaction) error {
		if err := tx.checkAlive(ctx, scheduler); err != nil {
			return err
		}
		c := claim{transaction: tx, scheduler: scheduler, held: map[workflow.ID]bool{}}
		refs := db.MetersOf(lanes)
		meters, err := readMeters(ctx, tx.Queries, refs)
		if err != nil {
			return err
		}
		allowed := meters.Allow(lanes, tx.now)
		for _, quota := range allowed {
			if err := c.lane(ctx, quota); err != nil {
				return err
			}
		}
		claimed, back = c.claimed, meters.Begin(allowed, c.claimed, tx.now)
		if len(c.claimed) == 0 {
			return errNothing
		}
		return tx.saveMeters(ctx, meters, allowed)
	})
	if err != nil {
		return nil, db.HeldBack{}, err
	}
	return claimed, back, nil
}

// readMeters reads the meters of limited functions. To a writer, its turn is their lock.
func readMeters(ctx context.Context, q *dbsqlc.Queries, refs []db.MeterRef) (db.Meters, error) {
	meters := make(db.Meters, len(refs))
	for _, ref := range refs {
		starts, err := q.GetMeter(ctx, dbsqlc.GetMeterParams{Function: ref.Function, ConcurrencyKey: ref.Key, Namespace: namespace})
		if err != nil && !errors.Is(err, errNoRows) {
			return nil, err
		}
		m := &workflow.Meter{}
		if err := decode(starts, &m.Starts); err != nil {
			return nil, fmt.Errorf("reading the meter of %s: %w", ref.Function, err)
		}
		running, err := q.CountSlots(ctx, dbsqlc.CountSlotsParams{Function: ref.Function, ConcurrencyKey: ref.Key, Namespace: namespace})
		if err != nil {
			return nil, err
		}
		m.Running = int(running)
		meters[ref] = m
	}
	return meters, nil
}

// saveMeters stores the meters of rate limits; the others say nothing that is not counted anew.
func (tx *transaction) saveMeters(ctx context.Context, meters db.Meters, lanes []db.Quota) error {
	for _, q := range lanes {
		if q.Rate == nil {
			continue
		}
		m := meters[db.MeterRef{Function: q.Function, Key: q.Key}]
		starts, err := encode(m.Starts, len(m.Starts) > 0)
		if err != nil {
			return err
		}
		if err := tx.PutMeter(ctx, dbsqlc.PutMeterParams{
			Namespace: namespace, Function: q.Function, ConcurrencyKey: q.Key, Starts: starts, IdleAt: m.IdleAt(q.Rate, tx.now).UnixMicro(),
		}); err != nil {
			return err
		}
	}
	return nil
}

// ForgetMeters implements db.Leases.
func (s *Store) ForgetMeters(ctx context.Context, limit int) (deleted int, err error) {
	err = s.write(ctx, "forgetting meters", func(ctx context.Context, tx *transaction) error {
		n, err := tx.ForgetMeters(ctx, dbsqlc.ForgetMetersParams{Before: tx.us(), Most: int64(limit)})
		deleted = int(n)
		return err
	})
	return deleted, err
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
		ConcurrencyKey: q.Key, Now: &now, Most: int64(q.Limit),
	})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := c.take(ctx, row, &q); err != nil {
			return err
		}
	}
	return nil
}

// take leases one due task.
func (c *claim) take(ctx context.Context, row dbsqlc.ListDueRow, q *db.Quota) error {
	elapsed := row.Task.State != workflow.TaskPending
	c.lease(&row.Task, q)
	if err := fenced(c.Claim(ctx, dbsqlc.ClaimParams{
		Kind: row.Task.Kind, State: row.Task.State, ScheduledFor: row.Task.ScheduledFor, Holder: c.scheduler,
		Slot: row.Task.Slot, Attempt: row.Task.Attempt, StartedAt: row.Task.StartedAt, Changed: c.us(),
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
		if err := c.StartExecution(ctx, dbsqlc.StartExecutionParams{Now: &now, Changed: now, Namespace: namespace, ID: row.Task.ExecutionID}); err != nil {
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
func (c *claim) lease(t *dbsqlc.Task, q *db.Quota) {
	now := c.us()
	t.ScheduledFor, t.DueAt, t.Holder = t.DueAt, nil, c.scheduler
	t.Token++
	if t.State != workflow.TaskPending {
		return
	}
	t.State, t.Slot = workflow.TaskRunning, q.Limited()
	if t.Kind.Delivered() {
		if q.Kind != "" && t.Attempt == 0 && t.Turn == 0 {
			t.Kind = q.Kind
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
