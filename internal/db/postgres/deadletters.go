package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/postgres/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

func loadDeadLetters(tasks []workflow.ID, l *workflow.Loaded) statement {
	return func(ctx context.Context, q *queries) (err error) {
		l.DeadLetters, err = q.LoadDeadLetters(ctx, dbsqlc.LoadDeadLettersParams{Namespace: namespace, Ids: tasks})
		return err
	}
}

// loadMailboxes adds what no wait has taken of whole executions.
func loadMailboxes(executions []workflow.ID, l *workflow.Loaded) statement {
	return func(ctx context.Context, q *queries) error {
		rows, err := q.LoadMailboxes(ctx, dbsqlc.LoadMailboxesParams{Namespace: namespace, Executions: executions})
		if err != nil {
			return err
		}
		signals, err := convert(rows, toSignal)
		l.Signals = append(l.Signals, signals...)
		return err
	}
}

// reopened comes before tasks are updated.
func reopened(rs []workflow.Reopened) statement {
	params := dbsqlc.ReopenTasksParams{
		Ids:    column(rs, func(r workflow.Reopened) workflow.ID { return r.Task }),
		Queues: column(rs, func(r workflow.Reopened) string { return r.Queue }),
	}
	return func(ctx context.Context, q *queries) error { return q.ReopenTasks(ctx, params) }
}

// moved comes before tasks are made, which may have the keys of those that move.
func moved(ms []workflow.Move) statement {
	params := dbsqlc.MoveStepsParams{
		Ids:  column(ms, func(m workflow.Move) workflow.ID { return m.Task }),
		Runs: column(ms, func(m workflow.Move) int32 { return number(m.Run) }),
	}
	return func(ctx context.Context, q *queries) error { return q.MoveSteps(ctx, params) }
}

func (s *saver) deadLetters(change *workflow.Change) {
	if len(change.DeadLetters) > 0 {
		s.try(putDeadLetters(change.DeadLetters))
	}
	if len(change.Exhumed) > 0 {
		s.add(func(ctx context.Context, q *queries) error { return q.DeleteDeadLetters(ctx, change.Exhumed) })
	}
}

func putDeadLetters(ds []workflow.DeadLetter) (statement, error) {
	type D = workflow.DeadLetter
	var errs []error
	params := dbsqlc.PutDeadLettersParams{
		Namespace:  namespace,
		Tasks:      column(ds, func(d D) workflow.ID { return d.Task }),
		Executions: column(ds, func(d D) workflow.ID { return d.Execution }),
		Functions:  column(ds, func(d D) string { return d.Function }),
		Queues:     column(ds, func(d D) string { return d.Queue }),
		Kinds:      column(ds, func(d D) string { return string(d.Kind) }),
		Errors:     encoded(&errs, ds, func(d D) (*workflow.Error, bool) { return d.Error, d.Error != nil }),
		Attempts:   column(ds, func(d D) int32 { return number(d.Attempts) }),
		FailedAts:  column(ds, func(d D) time.Time { return d.FailedAt }),
	}
	return func(ctx context.Context, q *queries) error { return q.PutDeadLetters(ctx, params) }, errors.Join(errs...)
}

func toDeadLetter(r dbsqlc.DeadLetter) (*workflow.DeadLetter, error) {
	d := &workflow.DeadLetter{
		Task: r.TaskID, Execution: r.ExecutionID, Function: r.Function, Queue: r.Queue, Kind: r.Kind, Attempts: r.Attempts, FailedAt: r.FailedAt,
	}
	if err := decodeTo(r.Error, &d.Error); err != nil {
		return nil, fmt.Errorf("reading the dead letter of task %s: %w", r.TaskID, err)
	}
	return d, nil
}

// DeadLetters implements db.DeadLetters.
func (s *Store) DeadLetters(ctx context.Context, f db.DeadLetterFilter) (letters []*workflow.DeadLetter, err error) {
	err = s.read("listing dead letters", func(q *dbsqlc.Queries) error {
		rows, err := listDeadLetters(ctx, q, f)
		if err != nil {
			return err
		}
		letters, err = convert(rows, toDeadLetter)
		return err
	})
	return letters, err
}

// listDeadLetters lists by the index that selects most.
func listDeadLetters(ctx context.Context, q *dbsqlc.Queries, f db.DeadLetterFilter) ([]dbsqlc.DeadLetter, error) {
	after, before, place := f.Bounds()
	p := dbsqlc.ListDeadLettersOfFunctionsParams{
		Namespace: namespace, FailedAfter: after, FailedBefore: before, BeforeAt: place.FailedAt, BeforeTask: lastTask(place.Task),
		Functions: f.Functions, Queues: texts(f.Queues), Kinds: texts(f.Kinds), Most: number(f.Limit),
	}
	switch {
	case len(f.Functions) > 0:
		return q.ListDeadLettersOfFunctions(ctx, p)
	case len(f.Queues) > 0:
		return q.ListDeadLettersOfQueues(ctx, dbsqlc.ListDeadLettersOfQueuesParams{
			Namespace: p.Namespace, FailedAfter: p.FailedAfter, FailedBefore: p.FailedBefore, BeforeAt: p.BeforeAt, BeforeTask: p.BeforeTask,
			Queues: p.Queues, Kinds: p.Kinds, Most: p.Most,
		})
	case len(f.Kinds) > 0:
		return q.ListDeadLettersOfKinds(ctx, dbsqlc.ListDeadLettersOfKindsParams{
			Namespace: p.Namespace, FailedAfter: p.FailedAfter, FailedBefore: p.FailedBefore, BeforeAt: p.BeforeAt, BeforeTask: p.BeforeTask,
			Kinds: p.Kinds, Most: p.Most,
		})
	}
	return q.ListDeadLetters(ctx, dbsqlc.ListDeadLettersParams{
		Namespace: p.Namespace, FailedAfter: p.FailedAfter, FailedBefore: p.FailedBefore, BeforeAt: p.BeforeAt, BeforeTask: p.BeforeTask, Most: p.Most,
	})
}

// lastTask stands for the greatest id there is where none is given: as NULL, nothing
// would be less than it.
func lastTask(id workflow.ID) workflow.ID {
	if id.IsZero() {
		for i := range id {
			id[i] = 0xff
		}
	}
	return id
}

// DeadLetter implements db.DeadLetters.
func (s *Store) DeadLetter(ctx context.Context, task workflow.ID) (letter *workflow.DeadLetter, err error) {
	err = s.read("reading a dead letter", func(q *dbsqlc.Queries) error {
		row, err := q.GetDeadLetter(ctx, dbsqlc.GetDeadLetterParams{Namespace: namespace, Task: task})
		if err != nil {
			return err
		}
		letter, err = toDeadLetter(row)
		return err
	})
	return letter, err
}

// ExpireDeadLetters implements db.DeadLetters.
func (s *Store) ExpireDeadLetters(ctx context.Context, age time.Duration, limit int) (int, error) {
	deleted, err := dbsqlc.New(s.leases).ExpireDeadLetters(ctx, dbsqlc.ExpireDeadLettersParams{
		Age: age.Seconds(), Namespace: namespace, Most: number(limit),
	})
	return int(deleted), translate("expiring dead letters", err)
}

// CountDeadLetters implements db.DeadLetters.
func (s *Store) CountDeadLetters(ctx context.Context, age time.Duration) (n int64, err error) {
	err = s.read("counting dead letters", func(q *dbsqlc.Queries) error {
		n, err = q.CountDeadLettersOf(ctx, dbsqlc.CountDeadLettersOfParams{Age: age.Seconds(), Namespace: namespace})
		return err
	})
	return n, err
}
