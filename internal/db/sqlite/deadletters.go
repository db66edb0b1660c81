package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/sqlite/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// needTree loads a whole execution: its tasks and what is in its mailbox.
func (l *loading) needTree(ctx context.Context, execution workflow.ID) error {
	rows, err := l.LoadTree(ctx, dbsqlc.LoadTreeParams{Namespace: namespace, ExecutionID: execution})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := l.addTask(dbsqlc.Task(row)); err != nil {
			return err
		}
	}
	signals, err := l.LoadMailboxes(ctx, dbsqlc.LoadMailboxesParams{Namespace: namespace, ExecutionID: execution})
	for _, row := range signals {
		l.loaded.Signals = append(l.loaded.Signals, toSignal(row))
	}
	return err
}

func (l *loading) needDeadLetters(ctx context.Context, tasks []workflow.ID) error {
	for _, id := range tasks {
		dead, err := l.IsDeadLetter(ctx, dbsqlc.IsDeadLetterParams{TaskID: id, Namespace: namespace})
		if err != nil {
			return err
		}
		if dead {
			l.loaded.DeadLetters = append(l.loaded.DeadLetters, id)
		}
	}
	return nil
}

// saveMoves comes before tasks are made, which may have the keys of those that move.
func (tx *transaction) saveMoves(ctx context.Context, c *workflow.Change) error {
	for _, m := range c.Moves {
		if err := fenced(tx.MoveStep(ctx, dbsqlc.MoveStepParams{ParentRun: m.Run, Changed: tx.us(), Namespace: namespace, ID: m.Task})); err != nil {
			return fmt.Errorf("moving task %s: %w", m.Task, err)
		}
	}
	return nil
}

// saveReopened comes before tasks are updated.
func (tx *transaction) saveReopened(ctx context.Context, c *workflow.Change) error {
	for _, r := range c.Reopened {
		if err := fenced(tx.ReopenTask(ctx, dbsqlc.ReopenTaskParams{Queue: r.Queue, Changed: tx.us(), Namespace: namespace, ID: r.Task})); err != nil {
			return fmt.Errorf("opening task %s again: %w", r.Task, err)
		}
	}
	return nil
}

func (tx *transaction) saveDeadLetters(ctx context.Context, c *workflow.Change) error {
	for _, d := range c.DeadLetters {
		failure, err := encode(d.Error, d.Error != nil)
		if err != nil {
			return fmt.Errorf("error of task %s: %w", d.Task, err)
		}
		if err := tx.PutDeadLetter(ctx, dbsqlc.PutDeadLetterParams{
			Namespace: namespace, TaskID: d.Task, ExecutionID: d.Execution, Function: d.Function, Queue: d.Queue, Kind: d.Kind,
			Error: failure, Attempts: d.Attempts, FailedAt: d.FailedAt.UnixMicro(),
		}); err != nil {
			return fmt.Errorf("storing the dead letter of task %s: %w", d.Task, err)
		}
	}
	for _, id := range c.Exhumed {
		if err := tx.DeleteDeadLetter(ctx, dbsqlc.DeleteDeadLetterParams{TaskID: id, Namespace: namespace}); err != nil {
			return fmt.Errorf("deleting the dead letter of task %s: %w", id, err)
		}
	}
	return nil
}

func toDeadLetter(row dbsqlc.DeadLetter) (*workflow.DeadLetter, error) {
	d := &workflow.DeadLetter{
		Task: row.TaskID, Execution: row.ExecutionID, Function: row.Function, Queue: row.Queue, Kind: row.Kind, Attempts: row.Attempts,
		FailedAt: timeOf(row.FailedAt),
	}
	if err := decode(row.Error, &d.Error); err != nil {
		return nil, fmt.Errorf("dead letter of task %s: %w", row.TaskID, err)
	}
	return d, nil
}

// DeadLetters implements db.DeadLetters.
func (s *Store) DeadLetters(ctx context.Context, f db.DeadLetterFilter) (letters []*workflow.DeadLetter, err error) {
	err = s.view(ctx, "listing dead letters", func(ctx context.Context, q *dbsqlc.Queries) error {
		rows, err := listDeadLetters(ctx, q, f)
		if err != nil {
			return err
		}
		letters, err = convert(rows, toDeadLetter)
		return err
	})
	return letters, err
}

// listDeadLetters lists by the index that selects most, one value at a time, and
// merges what it found.
func listDeadLetters(ctx context.Context, q *dbsqlc.Queries, f db.DeadLetterFilter) ([]dbsqlc.DeadLetter, error) {
	after, until, place := f.Bounds()
	p := dbsqlc.ListDeadLettersOfFunctionParams{
		Namespace: namespace, FailedAfter: after.UnixMicro(), FailedBefore: until.UnixMicro(),
		BeforeAt: place.FailedAt.UnixMicro(), BeforeTask: before(db.Page{Before: place.Task}), Most: int64(f.Limit),
	}
	if err := errors.Join(alternatives(&p.Queues, f.Queues), alternatives(&p.Kinds, f.Kinds)); err != nil {
		return nil, err
	}
	switch {
	case len(f.Functions) > 0:
		return merged(f.Functions, f.Limit, func(function string) ([]dbsqlc.DeadLetter, error) {
			p.Function = function
			return q.ListDeadLettersOfFunction(ctx, p)
		})
	case len(f.Queues) > 0:
		return merged(f.Queues, f.Limit, func(queue string) ([]dbsqlc.DeadLetter, error) {
			return q.ListDeadLettersOfQueue(ctx, dbsqlc.ListDeadLettersOfQueueParams{
				Namespace: p.Namespace, Queue: queue, FailedAfter: p.FailedAfter, FailedBefore: p.FailedBefore,
				BeforeAt: p.BeforeAt, BeforeTask: p.BeforeTask, Kinds: p.Kinds, Most: p.Most,
			})
		})
	case len(f.Kinds) > 0:
		return merged(f.Kinds, f.Limit, func(kind workflow.Kind) ([]dbsqlc.DeadLetter, error) {
			return q.ListDeadLettersOfKind(ctx, dbsqlc.ListDeadLettersOfKindParams{
				Namespace: p.Namespace, Kind: kind, FailedAfter: p.FailedAfter, FailedBefore: p.FailedBefore,
				BeforeAt: p.BeforeAt, BeforeTask: p.BeforeTask, Most: p.Most,
			})
		})
	}
	return q.ListDeadLetters(ctx, dbsqlc.ListDeadLettersParams{
		Namespace: p.Namespace, FailedAfter: p.FailedAfter, FailedBefore: p.FailedBefore, BeforeAt: p.BeforeAt, BeforeTask: p.BeforeTask, Most: p.Most,
	})
}

// merged gives the newest of what is listed of each value.
func merged[V comparable](values []V, limit int, list func(V) ([]dbsqlc.DeadLetter, error)) ([]dbsqlc.DeadLetter, error) {
	var rows []dbsqlc.DeadLetter
	for i, v := range values {
		if slices.Contains(values[:i], v) {
			continue
		}
		found, err := list(v)
		if err != nil {
			return nil, err
		}
		rows = append(rows, found...)
	}
	slices.SortFunc(rows, func(a, b dbsqlc.DeadLetter) int {
		if a.FailedAt != b.FailedAt {
			return int(b.FailedAt - a.FailedAt)
		}
		return bytes.Compare(b.TaskID[:], a.TaskID[:])
	})
	return rows[:min(len(rows), limit)], nil
}

// DeadLetter implements db.DeadLetters.
func (s *Store) DeadLetter(ctx context.Context, task workflow.ID) (letter *workflow.DeadLetter, err error) {
	err = s.view(ctx, "reading a dead letter", func(ctx context.Context, q *dbsqlc.Queries) error {
		row, err := q.GetDeadLetter(ctx, dbsqlc.GetDeadLetterParams{TaskID: task, Namespace: namespace})
		if err != nil {
			return err
		}
		letter, err = toDeadLetter(row)
		return err
	})
	return letter, err
}

// ExpireDeadLetters implements db.DeadLetters.
func (s *Store) ExpireDeadLetters(ctx context.Context, age time.Duration, limit int) (deleted int, err error) {
	err = s.write(ctx, "expiring dead letters", func(ctx context.Context, tx *transaction) error {
		n, err := tx.ExpireDeadLetters(ctx, dbsqlc.ExpireDeadLettersParams{
			FailedBefore: tx.now.Add(-age).UnixMicro(), Namespace: namespace, Most: int64(limit),
		})
		deleted = int(n)
		return err
	})
	return deleted, err
}

// CountDeadLetters implements db.DeadLetters.
func (s *Store) CountDeadLetters(ctx context.Context, age time.Duration) (n int64, err error) {
	before := s.clock.now().Add(-age).UnixMicro()
	err = s.view(ctx, "counting dead letters", func(ctx context.Context, q *dbsqlc.Queries) error {
		n, err = q.CountDeadLettersOf(ctx, dbsqlc.CountDeadLettersOfParams{FailedBefore: before, Namespace: namespace})
		return err
	})
	return n, err
}
