package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stent-dev/stent/internal/db/postgres/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// encoded writes one field of many values as JSON, where it is there.
func encoded[V, T any](errs *[]error, values []V, field func(V) (value T, present bool)) [][]byte {
	return column(values, func(v V) []byte {
		value, present := field(v)
		b, err := encode(value, present)
		if err != nil {
			*errs = append(*errs, fmt.Errorf("encoding %T: %w", value, err))
		}
		return b
	})
}

func insertExecutions(es []*workflow.Execution) (statement, error) {
	type E = *workflow.Execution
	var errs []error
	params := dbsqlc.InsertExecutionsParams{
		Namespace:        namespace,
		Ids:              column(es, func(e E) workflow.ID { return e.ID }),
		Functions:        column(es, func(e E) string { return e.Function }),
		Versions:         column(es, func(e E) string { return e.Version }),
		Inputs:           column(es, func(e E) []byte { return e.Input }),
		Tags:             tags(&errs, es),
		Priorities:       column(es, func(e E) int32 { return number(e.Priority) }),
		Queues:           column(es, func(e E) string { return e.Queue }),
		Seeds:            column(es, func(e E) string { return e.Seed }),
		RootTaskIds:      column(es, func(e E) workflow.ID { return e.RootTask }),
		CallbackUrls:     column(es, func(e E) string { return e.CallbackURL }),
		TraceParents:     column(es, func(e E) string { return e.TraceParent }),
		IdempotencyKeys:  column(es, func(e E) string { return e.IdempotencyKey }),
		RequestHashes:    column(es, func(e E) []byte { return e.RequestHash }),
		DispatchedBys:    column(es, func(e E) workflow.ID { return e.DispatchedBy }),
		CreatedAts:       column(es, func(e E) time.Time { return e.CreatedAt }),
		DeadlineAts:      column(es, func(e E) time.Time { return timeOf(e.DeadlineAt) }),
		States:           column(es, func(e E) string { return string(e.State) }),
		Results:          column(es, func(e E) []byte { return e.Result }),
		Errors:           encoded(&errs, es, func(e E) (*workflow.Error, bool) { return e.Error, e.Error != nil }),
		Retries:          column(es, func(e E) int32 { return number(e.Retries) }),
		StartedAts:       column(es, func(e E) time.Time { return timeOf(e.StartedAt) }),
		CompletedAts:     column(es, func(e E) time.Time { return timeOf(e.CompletedAt) }),
		CancelRequesteds: column(es, func(e E) bool { return e.CancelRequested }),
		Pauseds:          column(es, func(e E) bool { return e.Paused }),
		SignalSeqs:       column(es, func(e E) int64 { return e.SignalSeq }),
		Buffereds:        column(es, func(e E) int32 { return number(e.Buffered) }),
		ContextSeqs:      column(es, func(e E) int64 { return e.ContextSeq }),
	}
	return func(ctx context.Context, q *queries) error { return q.InsertExecutions(ctx, params) }, errors.Join(errs...)
}

// tags carries a list for each row as JSON: PostgreSQL has no arrays of lists.
func tags(errs *[]error, es []*workflow.Execution) []string {
	lists := encoded(errs, es, func(e *workflow.Execution) ([]string, bool) { return e.Tags, len(e.Tags) > 0 })
	return column(lists, func(list []byte) string {
		if list == nil {
			return "[]"
		}
		return string(list)
	})
}

func updateExecutions(es []*workflow.Execution) (statement, error) {
	type E = *workflow.Execution
	var errs []error
	params := dbsqlc.UpdateExecutionsParams{
		Ids:              column(es, func(e E) workflow.ID { return e.ID }),
		States:           column(es, func(e E) string { return string(e.State) }),
		Results:          column(es, func(e E) []byte { return e.Result }),
		Errors:           encoded(&errs, es, func(e E) (*workflow.Error, bool) { return e.Error, e.Error != nil }),
		Retries:          column(es, func(e E) int32 { return number(e.Retries) }),
		StartedAts:       column(es, func(e E) time.Time { return timeOf(e.StartedAt) }),
		CompletedAts:     column(es, func(e E) time.Time { return timeOf(e.CompletedAt) }),
		CancelRequesteds: column(es, func(e E) bool { return e.CancelRequested }),
		Pauseds:          column(es, func(e E) bool { return e.Paused }),
		SignalSeqs:       column(es, func(e E) int64 { return e.SignalSeq }),
		Buffereds:        column(es, func(e E) int32 { return number(e.Buffered) }),
		ContextSeqs:      column(es, func(e E) int64 { return e.ContextSeq }),
		DeadlineAts:      column(es, func(e E) time.Time { return timeOf(e.DeadlineAt) }),
	}
	return func(ctx context.Context, q *queries) error { return q.UpdateExecutions(ctx, params) }, errors.Join(errs...)
}

func insertTasks(ts []*workflow.Task) (statement, error) {
	type T = *workflow.Task
	var errs []error
	c := changing(&errs, ts)
	params := dbsqlc.InsertTasksParams{
		Namespace:       namespace,
		Ids:             column(ts, func(t T) workflow.ID { return t.ID }),
		ExecutionIds:    column(ts, func(t T) workflow.ID { return t.Execution }),
		ParentIds:       column(ts, func(t T) workflow.ID { return t.Parent }),
		ParentRuns:      column(ts, func(t T) int32 { return number(t.ParentRun) }),
		ParentTurns:     column(ts, func(t T) int32 { return number(t.ParentTurn) }),
		StepKeys:        column(ts, func(t T) string { return t.Key }),
		Ops:             column(ts, func(t T) string { return string(t.Op) }),
		Names:           column(ts, func(t T) string { return t.Name }),
		Pinneds:         column(ts, func(t T) bool { return t.Version != nil }),
		Versions:        column(ts, func(t T) string { return textOf(t.Version) }),
		Queues:          column(ts, func(t T) string { return t.Queue }),
		ConcurrencyKeys: column(ts, func(t T) string { return t.ConcurrencyKey() }),
		Priorities:      column(ts, func(t T) int32 { return number(t.Priority) }),
		Inputs:          column(ts, func(t T) []byte { return t.Input }),
		Options:         encoded(&errs, ts, func(t T) (*workflow.CallOptions, bool) { return t.Options, t.Options != nil }),
		ItemIndexes:     column(ts, func(t T) int32 { return number(t.Item) }),
		CreatedAts:      column(ts, func(t T) time.Time { return t.CreatedAt }),
		Kinds:           c.Kinds, States: c.States, DueAts: c.DueAts, ScheduledFors: c.ScheduledFors, Holders: c.Holders,
		Tokens: c.Tokens, Attempts: c.Attempts, Failures: c.Failures, LostLeases: c.LostLeases, StartedAts: c.StartedAts,
		CompletedAts: c.CompletedAts, Seqs: c.Seqs, Results: c.Results, Errors: c.Errors, Details: c.Details,
		WaitingFors: c.WaitingFors, AwaitedBys: c.AwaitedBys, Runs: c.Runs, Turns: c.Turns, Settleds: c.Settleds,
		Opens: c.Opens, NextItems: c.NextItems, Items: c.Items, Awaits: c.Awaits, CancelRequesteds: c.CancelRequesteds,
		Slots: c.Slots, Lanes: c.Lanes,
		OwnsResults: c.OwnsResults, AwaitsResults: c.AwaitsResults, CacheHits: c.CacheHits,
	}
	if len(ts) == 1 {
		one := oneInserted(params)
		return func(ctx context.Context, q *queries) error { return q.InsertTask(ctx, one) }, errors.Join(errs...)
	}
	return func(ctx context.Context, q *queries) error { return q.InsertTasks(ctx, params) }, errors.Join(errs...)
}

func updateTasks(us []workflow.TaskUpdate) (statement, error) {
	var errs []error
	params := changing(&errs, column(us, func(u workflow.TaskUpdate) *workflow.Task { return u.Task }))
	params.WasTokens = column(us, func(u workflow.TaskUpdate) int64 { return u.WasToken })
	params.SetDetails = column(us, func(u workflow.TaskUpdate) bool { return u.SetDetail })
	if len(us) == 1 {
		one := oneUpdated(params)
		return func(ctx context.Context, q *queries) error { return q.UpdateTask(ctx, one) }, errors.Join(errs...)
	}
	return func(ctx context.Context, q *queries) error { return q.UpdateTasks(ctx, params) }, errors.Join(errs...)
}

// changing gives the fields of tasks that change after they were made.
func changing(errs *[]error, ts []*workflow.Task) dbsqlc.UpdateTasksParams {
	type T = *workflow.Task
	return dbsqlc.UpdateTasksParams{
		Ids:              column(ts, func(t T) workflow.ID { return t.ID }),
		Kinds:            column(ts, func(t T) string { return string(t.Kind) }),
		States:           column(ts, func(t T) string { return string(t.State) }),
		DueAts:           column(ts, func(t T) time.Time { return timeOf(t.DueAt) }),
		ScheduledFors:    column(ts, func(t T) time.Time { return timeOf(t.ScheduledFor) }),
		Holders:          column(ts, func(t T) workflow.ID { return t.Holder }),
		Tokens:           column(ts, func(t T) int64 { return t.Token }),
		Attempts:         column(ts, func(t T) int32 { return number(t.Attempt) }),
		Failures:         column(ts, func(t T) int32 { return number(t.Failures) }),
		LostLeases:       column(ts, func(t T) int32 { return number(t.LostLeases) }),
		StartedAts:       column(ts, func(t T) time.Time { return timeOf(t.StartedAt) }),
		CompletedAts:     column(ts, func(t T) time.Time { return timeOf(t.CompletedAt) }),
		Seqs:             column(ts, func(t T) int64 { return t.Seq }),
		Results:          column(ts, func(t T) []byte { return t.Result }),
		Errors:           encoded(errs, ts, func(t T) (*workflow.Error, bool) { return t.Error, t.Error != nil }),
		Details:          column(ts, func(t T) []byte { return t.Detail }),
		WaitingFors:      column(ts, func(t T) string { return t.WaitingFor }),
		AwaitedBys:       encoded(errs, ts, func(t T) ([]int, bool) { return t.AwaitedBy, len(t.AwaitedBy) > 0 }),
		Runs:             column(ts, func(t T) int32 { return number(t.Run) }),
		Turns:            column(ts, func(t T) int32 { return number(t.Turn) }),
		Settleds:         column(ts, func(t T) int64 { return t.Settled }),
		Opens:            column(ts, func(t T) int32 { return number(t.Open) }),
		NextItems:        column(ts, func(t T) int32 { return number(t.Next) }),
		Items:            column(ts, func(t T) int32 { return number(t.Items) }),
		Awaits:           encoded(errs, ts, func(t T) ([]workflow.AwaitNode, bool) { return t.Await, len(t.Await) > 0 }),
		CancelRequesteds: column(ts, func(t T) bool { return t.CancelRequested }),
		Slots:            column(ts, func(t T) bool { return t.Slot }),
		Lanes:            column(ts, func(t T) string { return t.Lane() }),
		OwnsResults:      column(ts, func(t T) []byte { return keyOrNil(t.OwnsResult) }),
		AwaitsResults:    column(ts, func(t T) []byte { return keyOrNil(t.AwaitsResult) }),
		CacheHits:        column(ts, func(t T) bool { return t.CacheHit }),
	}
}

func insertAttempts(as []workflow.FailedAttempt) (statement, error) {
	type A = workflow.FailedAttempt
	var errs []error
	params := dbsqlc.InsertAttemptsParams{
		Namespace:   namespace,
		Executions:  column(as, func(a A) workflow.ID { return a.Execution }),
		Tasks:       column(as, func(a A) workflow.ID { return a.Task }),
		Numbers:     column(as, func(a A) int32 { return number(a.Number) }),
		StartedAts:  column(as, func(a A) time.Time { return a.StartedAt }),
		EndedAts:    column(as, func(a A) time.Time { return a.EndedAt }),
		StatusCodes: column(as, func(a A) int32 { return number(a.StatusCode) }),
		Errors:      encoded(&errs, as, func(a A) (workflow.Error, bool) { return a.Error, true }),
	}
	return func(ctx context.Context, q *queries) error { return q.InsertAttempts(ctx, params) }, errors.Join(errs...)
}
