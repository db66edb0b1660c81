package sqlite

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/sqlite/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// Times are stored as microseconds since the epoch, durations as microseconds.

func timeOf(us int64) time.Time { return time.UnixMicro(us).UTC() }

func timeOrNil(us *int64) *time.Time {
	if us == nil {
		return nil
	}
	t := timeOf(*us)
	return &t
}

func usOrNil(t *time.Time) *int64 {
	if t == nil {
		return nil
	}
	us := t.UnixMicro()
	return &us
}

func durationOf(us int64) time.Duration { return time.Duration(us) * time.Microsecond }

// microseconds stores a duration, nil as NULL; durationOrNil reads it.
func microseconds(d *time.Duration) *int64 {
	if d == nil {
		return nil
	}
	us := d.Microseconds()
	return &us
}

func durationOrNil(us *int64) *time.Duration {
	if us == nil {
		return nil
	}
	d := durationOf(*us)
	return &d
}

func textOrNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// keyOrNil stores a key, zero as NULL; keyOf reads what it stored.
func keyOrNil(k workflow.ResultKey) []byte {
	if k.IsZero() {
		return nil
	}
	return k[:]
}

func keyOf(b []byte) (k workflow.ResultKey) {
	copy(k[:], b)
	return k
}

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// list gives the JSON array that a list is stored as.
func list[T ~string](values []T) (string, error) {
	if len(values) == 0 {
		return "[]", nil
	}
	b, err := json.Marshal(values)
	return string(b), err
}

// listOf reads what list wrote; it is never nil.
func listOf(text string) ([]string, error) {
	values := []string{}
	if text == "[]" {
		return values, nil
	}
	err := json.Unmarshal([]byte(text), &values)
	return values, err
}

// encode gives the JSON of a value, or NULL when there is none.
func encode(value any, some bool) ([]byte, error) {
	if !some {
		return nil, nil
	}
	return json.Marshal(value)
}

// decode reads what encode wrote into a value, which NULL leaves alone.
func decode(data []byte, value any) error {
	if data == nil {
		return nil
	}
	return json.Unmarshal(data, value)
}

func fromExecution(e *workflow.Execution) (row dbsqlc.Execution, err error) {
	row = dbsqlc.Execution{
		Namespace: namespaceOf(e.Namespace), ID: e.ID, Function: e.Function, Version: e.Version, Input: e.Input,
		Priority: e.Priority, Queue: e.Queue, Seed: e.Seed, RootTaskID: e.RootTask, CallbackUrl: e.CallbackURL,
		TraceParent: e.TraceParent, IdempotencyKey: textOrNil(e.IdempotencyKey), RequestHash: e.RequestHash,
		DispatchedBy: e.DispatchedBy, CreatedAt: e.CreatedAt.UnixMicro(), DeadlineAt: usOrNil(e.DeadlineAt),
		State: e.State, Result: e.Result, Retries: e.Retries, StartedAt: usOrNil(e.StartedAt),
		CompletedAt: usOrNil(e.CompletedAt), CancelRequested: e.CancelRequested, Paused: e.Paused,
		SignalSeq: e.SignalSeq, Buffered: e.Buffered, ContextSeq: e.ContextSeq,
	}
	if row.Tags, err = list(e.Tags); err != nil {
		return row, fmt.Errorf("tags of execution %s: %w", e.ID, err)
	}
	if row.Error, err = encode(e.Error, e.Error != nil); err != nil {
		return row, fmt.Errorf("error of execution %s: %w", e.ID, err)
	}
	return row, nil
}

func toExecution(row dbsqlc.Execution) (*workflow.Execution, error) {
	e := &workflow.Execution{
		Namespace: row.Namespace, ID: row.ID, Function: row.Function, Version: row.Version, Input: row.Input,
		Priority: row.Priority, Queue: row.Queue, Seed: row.Seed, RootTask: row.RootTaskID, CallbackURL: row.CallbackUrl,
		TraceParent: row.TraceParent, IdempotencyKey: textOf(row.IdempotencyKey), RequestHash: row.RequestHash,
		DispatchedBy: row.DispatchedBy, CreatedAt: timeOf(row.CreatedAt), DeadlineAt: timeOrNil(row.DeadlineAt),
		State: row.State, Result: row.Result, Retries: row.Retries, StartedAt: timeOrNil(row.StartedAt),
		CompletedAt: timeOrNil(row.CompletedAt), CancelRequested: row.CancelRequested, Paused: row.Paused,
		SignalSeq: row.SignalSeq, Buffered: row.Buffered, ContextSeq: row.ContextSeq,
	}
	var err error
	if e.Tags, err = listOf(row.Tags); err != nil {
		return nil, fmt.Errorf("tags of execution %s: %w", e.ID, err)
	}
	if err := decode(row.Error, &e.Error); err != nil {
		return nil, fmt.Errorf("error of execution %s: %w", e.ID, err)
	}
	return e, nil
}

func fromTask(t *workflow.Task) (row dbsqlc.Task, err error) {
	row = dbsqlc.Task{
		Namespace: namespaceOf(t.Namespace), ID: t.ID, ExecutionID: t.Execution, ParentID: t.Parent, ParentRun: t.ParentRun,
		StepKey: t.Key, Op: t.Op, Name: t.Name, Pinned: t.Version != nil, Version: textOf(t.Version), Queue: t.Queue, Lane: t.Lane(),
		Priority: t.Priority, Input: t.Input, Item: t.Item, CreatedAt: t.CreatedAt.UnixMicro(),
		Kind: t.Kind, State: t.State, DueAt: usOrNil(t.DueAt), ScheduledFor: usOrNil(t.ScheduledFor), Holder: t.Holder,
		Token: t.Token, Attempt: t.Attempt, Failures: t.Failures, LostLeases: t.LostLeases,
		StartedAt: usOrNil(t.StartedAt), CompletedAt: usOrNil(t.CompletedAt), Seq: t.Seq, Result: t.Result, Detail: t.Detail,
		WaitingFor: textOrNil(t.WaitingFor), Run: t.Run, Turn: t.Turn, Settled: t.Settled, Open: t.Open,
		NextItem: t.Next, Items: t.Items, CancelRequested: t.CancelRequested,
		ConcurrencyKey: t.ConcurrencyKey(), Slot: t.Slot, ParentTurn: t.ParentTurn,
		OwnsResult: keyOrNil(t.OwnsResult), AwaitsResult: keyOrNil(t.AwaitsResult), CacheHit: t.CacheHit,
	}
	for _, field := range []struct {
		column *[]byte
		value  any
		some   bool
	}{
		{&row.Options, t.Options, t.Options != nil},
		{&row.Error, t.Error, t.Error != nil},
		{&row.AwaitedBy, t.AwaitedBy, len(t.AwaitedBy) > 0},
		{&row.Await, t.Await, len(t.Await) > 0},
	} {
		if *field.column, err = encode(field.value, field.some); err != nil {
			return row, fmt.Errorf("storing task %s: %w", t.ID, err)
		}
	}
	return row, nil
}

func toTask(row dbsqlc.Task) (*workflow.Task, error) {
	t := &workflow.Task{
		Namespace: row.Namespace, ID: row.ID, Execution: row.ExecutionID, Parent: row.ParentID, ParentRun: row.ParentRun,
		Key: row.StepKey, Op: row.Op, Name: row.Name, Queue: row.Queue, Priority: row.Priority,
		Input: row.Input, Item: row.Item, CreatedAt: timeOf(row.CreatedAt),
		Kind: row.Kind, State: row.State, DueAt: timeOrNil(row.DueAt), ScheduledFor: timeOrNil(row.ScheduledFor), Holder: row.Holder,
		Token: row.Token, Attempt: row.Attempt, Failures: row.Failures, LostLeases: row.LostLeases,
		StartedAt: timeOrNil(row.StartedAt), CompletedAt: timeOrNil(row.CompletedAt), Seq: row.Seq, Result: row.Result, Detail: row.Detail,
		WaitingFor: textOf(row.WaitingFor), Run: row.Run, Turn: row.Turn, Settled: row.Settled, Open: row.Open,
		Next: row.NextItem, Items: row.Items, CancelRequested: row.CancelRequested,
		OwnsResult: keyOf(row.OwnsResult), AwaitsResult: keyOf(row.AwaitsResult), CacheHit: row.CacheHit,
		Slot: row.Slot, ParentTurn: row.ParentTurn,
	}
	if row.Pinned {
		t.Version = &row.Version
	}
	for _, field := range []struct {
		column []byte
		value  any
	}{{row.Options, &t.Options}, {row.Error, &t.Error}, {row.AwaitedBy, &t.AwaitedBy}, {row.Await, &t.Await}} {
		if err := decode(field.column, field.value); err != nil {
			return nil, fmt.Errorf("reading task %s: %w", t.ID, err)
		}
	}
	return t, nil
}

func toStep(row dbsqlc.ProgressRow) (db.Step, error) {
	s := db.Step{
		ID: row.ID, Key: row.StepKey, Kind: row.Kind, State: row.State, StartedAt: timeOrNil(row.StartedAt),
		CompletedAt: timeOrNil(row.CompletedAt), ScheduledFor: timeOrNil(row.ScheduledFor), Detail: row.Detail,
		WaitingFor: textOf(row.WaitingFor), AwaitsResult: row.AwaitsResult, CacheHit: row.CacheHit, Items: row.Items, Open: row.Open,
	}
	if err := decode(row.Error, &s.Error); err != nil {
		return s, fmt.Errorf("reading task %s: %w", row.ID, err)
	}
	return s, nil
}

func toSignal(row dbsqlc.Signal) *workflow.Signal {
	return &workflow.Signal{
		ID: row.ID, Execution: row.ExecutionID, Name: row.Name, Seq: row.Seq, Payload: row.Payload,
		ReceivedAt: timeOf(row.ReceivedAt), TakenBy: row.TakenBy, IdempotencyKey: textOf(row.IdempotencyKey), RequestHash: row.RequestHash,
	}
}

func namespaceOf(given string) string {
	if given == "" {
		return namespace
	}
	return given
}

// convert gives each of the rows as what they stand for.
func convert[Row, Value any](rows []Row, one func(Row) (Value, error)) ([]Value, error) {
	values := make([]Value, len(rows))
	for i, row := range rows {
		value, err := one(row)
		if err != nil {
			return nil, err
		}
		values[i] = value
	}
	return values, nil
}
