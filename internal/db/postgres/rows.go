package postgres

import (
	"errors"
	"fmt"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/postgres/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// convert makes domain values of rows; the result is never nil.
func convert[R, T any](rows []R, to func(R) (T, error)) ([]T, error) {
	out := make([]T, 0, len(rows))
	for _, row := range rows {
		v, err := to(row)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func toExecution(r dbsqlc.Execution) (*workflow.Execution, error) {
	e := &workflow.Execution{
		Namespace: r.Namespace, ID: r.ID, Function: r.Function, Version: r.Version, Input: r.Input, Tags: r.Tags,
		Priority: r.Priority, Queue: r.Queue, Seed: r.Seed, RootTask: r.RootTaskID, CallbackURL: r.CallbackUrl,
		TraceParent: r.TraceParent, IdempotencyKey: textOf(r.IdempotencyKey), RequestHash: r.RequestHash,
		DispatchedBy: r.DispatchedBy, CreatedAt: r.CreatedAt, DeadlineAt: r.DeadlineAt, State: r.State, Result: r.Result,
		Retries: r.Retries, StartedAt: r.StartedAt, CompletedAt: r.CompletedAt, CancelRequested: r.CancelRequested,
		Paused: r.Paused, SignalSeq: r.SignalSeq, Buffered: r.Buffered, ContextSeq: r.ContextSeq,
	}
	if err := decodeTo(r.Error, &e.Error); err != nil {
		return nil, fmt.Errorf("reading execution %s: %w", r.ID, err)
	}
	return e, nil
}

func toTask(r dbsqlc.Task) (*workflow.Task, error) {
	t := &workflow.Task{
		Namespace: r.Namespace, ID: r.ID, Execution: r.ExecutionID, Parent: r.ParentID, ParentRun: r.ParentRun, Key: r.StepKey,
		Op: r.Op, Name: r.Name, Queue: r.Queue, Priority: r.Priority, Input: r.Input, Item: r.Item, CreatedAt: r.CreatedAt,
		Kind: r.Kind, State: r.State, DueAt: r.DueAt, ScheduledFor: r.ScheduledFor, Holder: r.Holder, Token: r.Token,
		Attempt: r.Attempt, Failures: r.Failures, LostLeases: r.LostLeases, StartedAt: r.StartedAt, CompletedAt: r.CompletedAt,
		Seq: r.Seq, Result: r.Result, Detail: r.Detail, WaitingFor: textOf(r.WaitingFor), Run: r.Run, Turn: r.Turn,
		Settled: r.Settled, Open: r.Open, Next: r.NextItem, Items: r.Items, CancelRequested: r.CancelRequested,
		Slot: r.Slot, ParentTurn: r.ParentTurn,
		OwnsResult: keyOf(r.OwnsResult), AwaitsResult: keyOf(r.AwaitsResult), CacheHit: r.CacheHit,
	}
	if r.Pinned {
		t.Version = &r.Version
	}
	if err := errors.Join(
		decodeTo(r.Options, &t.Options), decodeTo(r.Error, &t.Error), decode(r.AwaitedBy, &t.AwaitedBy), decode(r.Await, &t.Await),
	); err != nil {
		return nil, fmt.Errorf("reading task %s: %w", r.ID, err)
	}
	return t, nil
}

func toStep(r dbsqlc.ProgressRow) (db.Step, error) {
	s := db.Step{
		ID: r.ID, Key: r.StepKey, Kind: r.Kind, State: r.State, StartedAt: r.StartedAt, CompletedAt: r.CompletedAt,
		ScheduledFor: r.ScheduledFor, Detail: r.Detail, WaitingFor: textOf(r.WaitingFor), AwaitsResult: r.AwaitsResult,
		CacheHit: r.CacheHit, Items: r.Items, Open: r.Open,
	}
	if err := decodeTo(r.Error, &s.Error); err != nil {
		return s, fmt.Errorf("reading task %s: %w", r.ID, err)
	}
	return s, nil
}

func toSignal(r dbsqlc.Signal) (*workflow.Signal, error) {
	return &workflow.Signal{
		ID: r.ID, Execution: r.ExecutionID, Name: r.Name, Seq: r.Seq, Payload: r.Payload, ReceivedAt: r.ReceivedAt, TakenBy: r.TakenBy,
		IdempotencyKey: textOf(r.IdempotencyKey), RequestHash: r.RequestHash,
	}, nil
}

func toCounter(r dbsqlc.Counter) (workflow.Counter, error) {
	return workflow.Counter{Execution: r.ExecutionID, Name: r.Name, Value: r.Value}, nil
}

func toStateEntry(r dbsqlc.CustomState) (workflow.StateEntry, error) {
	return workflow.StateEntry{Execution: r.ExecutionID, Key: r.Key, Value: r.Value}, nil
}

func toAttempt(r dbsqlc.TaskAttempt) (workflow.FailedAttempt, error) {
	a := workflow.FailedAttempt{
		Execution: r.ExecutionID, Task: r.TaskID, Number: r.Number, StartedAt: r.StartedAt, EndedAt: r.EndedAt, StatusCode: r.StatusCode,
	}
	if err := decode(r.Error, &a.Error); err != nil {
		return a, fmt.Errorf("reading attempt %d of task %s: %w", r.Number, r.TaskID, err)
	}
	return a, nil
}

func toLease(r dbsqlc.HeldRow) (workflow.Lease, error) {
	return workflow.Lease{Execution: r.ExecutionID, Task: r.ID, Token: r.Token}, nil
}
