package sqlite

import (
	"context"
	"fmt"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/sqlite/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// save stores a change. What works on many tasks comes last, so that it meets
// those which the same change made or updated.
func (tx *transaction) save(ctx context.Context, c *workflow.Change) (saved db.Saved, err error) {
	if !c.Lessee.IsZero() {
		if err := tx.checkAlive(ctx, c.Lessee); err != nil {
			return saved, err
		}
	}
	for _, part := range []func(context.Context, *workflow.Change) error{
		tx.saveResults, tx.saveExecutions, tx.saveMoves, tx.saveNewTasks, tx.saveReopened, tx.saveTasks, tx.saveDeadLetters, tx.saveSignals,
		tx.saveContext, tx.saveHolds,
	} {
		if err := part(ctx, c); err != nil {
			return saved, err
		}
	}
	if err := tx.saveReleases(ctx, c.Releases); err != nil {
		return saved, err
	}
	if err := tx.saveParks(ctx, c.Parks); err != nil {
		return saved, err
	}
	for _, sweep := range c.Sweeps {
		swept, err := tx.sweep(ctx, sweep)
		if err != nil {
			return saved, err
		}
		saved.Swept = append(saved.Swept, swept...)
	}
	return saved, tx.saveGathers(ctx, c.Gathers)
}

func (tx *transaction) saveExecutions(ctx context.Context, c *workflow.Change) error {
	for _, e := range c.NewExecutions {
		row, err := fromExecution(e)
		if err != nil {
			return err
		}
		row.Changed = tx.us()
		if err := tx.InsertExecution(ctx, dbsqlc.InsertExecutionParams(row)); err != nil {
			return fmt.Errorf("making execution %s: %w", e.ID, err)
		}
		for _, tag := range e.Tags {
			p := dbsqlc.TagExecutionParams{Namespace: row.Namespace, Tag: tag, ExecutionID: e.ID}
			if err := tx.TagExecution(ctx, p); err != nil {
				return fmt.Errorf("tagging execution %s: %w", e.ID, err)
			}
		}
	}
	for _, e := range c.Executions {
		row, err := fromExecution(e)
		if err != nil {
			return err
		}
		if err := fenced(tx.UpdateExecution(ctx, dbsqlc.UpdateExecutionParams{
			State: row.State, Result: row.Result, Error: row.Error, Retries: row.Retries, StartedAt: row.StartedAt,
			CompletedAt: row.CompletedAt, CancelRequested: row.CancelRequested, Paused: row.Paused,
			SignalSeq: row.SignalSeq, Buffered: row.Buffered, ContextSeq: row.ContextSeq, DeadlineAt: row.DeadlineAt, Changed: tx.us(), Namespace: row.Namespace, ID: row.ID,
		})); err != nil {
			return fmt.Errorf("updating execution %s: %w", e.ID, err)
		}
	}
	return nil
}

func (tx *transaction) saveNewTasks(ctx context.Context, c *workflow.Change) error {
	for _, t := range c.NewTasks {
		row, err := fromTask(t)
		if err != nil {
			return err
		}
		row.Changed = tx.us()
		if err := tx.InsertTask(ctx, dbsqlc.InsertTaskParams(row)); err != nil {
			return fmt.Errorf("making task %s: %w", t.ID, err)
		}
	}
	return nil
}

func (tx *transaction) saveTasks(ctx context.Context, c *workflow.Change) error {
	for _, u := range c.Tasks {
		row, err := fromTask(u.Task)
		if err != nil {
			return err
		}
		if !u.SetDetail {
			row.Detail = nil
		}
		if err := fenced(tx.UpdateTask(ctx, dbsqlc.UpdateTaskParams{
			Kind: row.Kind, State: row.State, DueAt: row.DueAt, ScheduledFor: row.ScheduledFor, Holder: row.Holder,
			Token: row.Token, Attempt: row.Attempt, Failures: row.Failures, LostLeases: row.LostLeases,
			StartedAt: row.StartedAt, CompletedAt: row.CompletedAt, Seq: row.Seq, Result: row.Result, Error: row.Error,
			Detail: row.Detail, WaitingFor: row.WaitingFor, AwaitedBy: row.AwaitedBy, Run: row.Run, Turn: row.Turn,
			Settled: row.Settled, Open: row.Open, NextItem: row.NextItem, Items: row.Items, Await: row.Await,
			CancelRequested: row.CancelRequested, OwnsResult: row.OwnsResult, AwaitsResult: row.AwaitsResult, CacheHit: row.CacheHit,
			Slot: row.Slot, Lane: row.Lane, Changed: tx.us(), Namespace: row.Namespace, ID: row.ID, WasToken: u.WasToken,
		})); err != nil {
			return fmt.Errorf("updating task %s: %w", u.ID, err)
		}
	}
	for _, in := range c.Inputs {
		if err := fenced(tx.SetInput(ctx, dbsqlc.SetInputParams{
			Input: in.Input, Changed: tx.us(), Namespace: namespace, ID: in.Task,
		})); err != nil {
			return fmt.Errorf("setting the input of task %s: %w", in.Task, err)
		}
	}
	for _, a := range c.Attempts {
		failure, err := encode(a.Error, true)
		if err != nil {
			return fmt.Errorf("error of task %s: %w", a.Task, err)
		}
		if err := tx.InsertAttempt(ctx, dbsqlc.InsertAttemptParams{
			Namespace: namespace, ExecutionID: a.Execution, TaskID: a.Task, Number: a.Number,
			StartedAt: a.StartedAt.UnixMicro(), EndedAt: a.EndedAt.UnixMicro(), StatusCode: a.StatusCode, Error: failure,
		}); err != nil {
			return fmt.Errorf("recording an attempt of task %s: %w", a.Task, err)
		}
	}
	return nil
}

func (tx *transaction) saveSignals(ctx context.Context, c *workflow.Change) error {
	for _, s := range c.NewSignals {
		if err := tx.InsertSignal(ctx, dbsqlc.InsertSignalParams{
			Namespace: namespace, ExecutionID: s.Execution, Seq: s.Seq, ID: s.ID, Name: s.Name, Payload: s.Payload,
			ReceivedAt: s.ReceivedAt.UnixMicro(), TakenBy: s.TakenBy, IdempotencyKey: textOrNil(s.IdempotencyKey), RequestHash: s.RequestHash,
		}); err != nil {
			return fmt.Errorf("storing signal %s: %w", s.ID, err)
		}
	}
	for _, s := range c.Taken {
		if err := fenced(tx.TakeSignal(ctx, dbsqlc.TakeSignalParams{
			TakenBy: s.TakenBy, Namespace: namespace, ExecutionID: s.Execution, Seq: s.Seq,
		})); err != nil {
			return fmt.Errorf("taking signal %s: %w", s.ID, err)
		}
	}
	return nil
}

func (tx *transaction) saveContext(ctx context.Context, c *workflow.Change) error {
	for _, counter := range c.Counters {
		if err := tx.SetCounter(ctx, dbsqlc.SetCounterParams{
			Namespace: namespace, ExecutionID: counter.Execution, Name: counter.Name, Value: counter.Value,
		}); err != nil {
			return fmt.Errorf("storing counter %q: %w", counter.Name, err)
		}
	}
	for _, entry := range c.State {
		if err := tx.SetState(ctx, dbsqlc.SetStateParams{
			Namespace: namespace, ExecutionID: entry.Execution, Key: entry.Key, Value: entry.Value,
		}); err != nil {
			return fmt.Errorf("storing state %q: %w", entry.Key, err)
		}
	}
	return nil
}

func (tx *transaction) saveHolds(ctx context.Context, c *workflow.Change) error {
	for _, h := range c.Holds {
		err := tx.InsertHold(ctx, dbsqlc.InsertHoldParams{Namespace: namespace, SchedulerID: h.Scheduler, ExecutionID: h.Execution})
		if err != nil {
			return fmt.Errorf("storing a hold: %w", err)
		}
	}
	for _, h := range c.Unholds {
		err := tx.Unhold(ctx, dbsqlc.UnholdParams{Namespace: namespace, SchedulerID: h.Scheduler, ExecutionID: h.Execution})
		if err != nil {
			return fmt.Errorf("deleting a hold: %w", err)
		}
	}
	return nil
}

func (tx *transaction) saveReleases(ctx context.Context, releases []workflow.Release) error {
	now := tx.us()
	for _, r := range releases {
		due := &now
		if r.Parked {
			due = nil
		}
		if err := tx.Release(ctx, dbsqlc.ReleaseParams{
			DueAt: due, Now: &now, Changed: now, Namespace: namespace, ExecutionID: r.Execution, ParentID: r.Map, ParentRun: r.Run,
			First: r.From, Beyond: r.To,
		}); err != nil {
			return fmt.Errorf("releasing items of map %s: %w", r.Map, err)
		}
	}
	return nil
}

func (tx *transaction) saveParks(ctx context.Context, parks []workflow.Park) error {
	for _, p := range parks {
		var err error
		if p.Paused {
			err = tx.Park(ctx, dbsqlc.ParkParams{Changed: tx.us(), Namespace: namespace, ExecutionID: p.Execution})
		} else {
			err = tx.Unpark(ctx, dbsqlc.UnparkParams{Changed: tx.us(), Namespace: namespace, ExecutionID: p.Execution})
		}
		if err != nil {
			return fmt.Errorf("parking tasks of execution %s: %w", p.Execution, err)
		}
	}
	return nil
}

func (tx *transaction) saveGathers(ctx context.Context, gathers []workflow.Gather) error {
	for _, g := range gathers {
		rows, err := tx.LoadItems(ctx, dbsqlc.LoadItemsParams{
			Namespace: namespace, ExecutionID: g.Execution, ParentID: g.Map, ParentRun: g.Run,
		})
		if err != nil {
			return fmt.Errorf("gathering map %s: %w", g.Map, err)
		}
		items, err := convert(rows, func(row dbsqlc.LoadItemsRow) (item workflow.Item, err error) {
			item.State, item.Result = row.State, row.Result
			return item, decode(row.Error, &item.Error)
		})
		if err != nil {
			return fmt.Errorf("gathering map %s: %w", g.Map, err)
		}
		if err := fenced(tx.SetResult(ctx, dbsqlc.SetResultParams{
			Result: workflow.GatherItems(items, g.Collect), Changed: tx.us(), Namespace: namespace, ID: g.Map,
		})); err != nil {
			return fmt.Errorf("storing the result of map %s: %w", g.Map, err)
		}
	}
	return nil
}
