package postgres

import (
	"context"
	"fmt"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/postgres/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// Execution implements db.Queries.
func (s *Store) Execution(ctx context.Context, id workflow.ID) (e *workflow.Execution, err error) {
	err = s.read("reading an execution", func(q *dbsqlc.Queries) error {
		row, err := q.GetExecution(ctx, dbsqlc.GetExecutionParams{Namespace: namespace, ID: id})
		if err != nil {
			return err
		}
		e, err = toExecution(row)
		return err
	})
	return e, err
}

// Overview implements db.Queries.
func (s *Store) Overview(ctx context.Context, id workflow.ID) (*db.Overview, error) {
	o := &db.Overview{}
	return s.overview(ctx, o, append(outline(o, id), func(ctx context.Context, q *queries) error {
		rows, err := q.Progress(ctx, dbsqlc.ProgressParams{Namespace: namespace, Execution: id})
		if err != nil {
			return err
		}
		o.Progress, err = convert(rows, toStep)
		return err
	})...)
}

// Outline implements db.Queries.
func (s *Store) Outline(ctx context.Context, id workflow.ID) (*db.Overview, error) {
	o := &db.Overview{}
	return s.overview(ctx, o, outline(o, id)...)
}

func (s *Store) overview(ctx context.Context, o *db.Overview, statements ...statement) (*db.Overview, error) {
	if err := s.run(ctx, s.reads, "reading an execution", statements...); err != nil {
		return nil, err
	}
	return o, nil
}

// outline gives the statements that read an execution but for its tasks.
func outline(o *db.Overview, id workflow.ID) []statement {
	return []statement{
		func(ctx context.Context, q *queries) error {
			row, err := q.GetExecution(ctx, dbsqlc.GetExecutionParams{Namespace: namespace, ID: id})
			if err != nil {
				return err
			}
			o.Execution, err = toExecution(row)
			return err
		},
		func(ctx context.Context, q *queries) error {
			rows, err := q.ListCounters(ctx, dbsqlc.ListCountersParams{Namespace: namespace, Execution: id})
			if err != nil {
				return err
			}
			o.Counters, err = convert(rows, toCounter)
			return err
		},
		func(ctx context.Context, q *queries) error {
			rows, err := q.ListState(ctx, dbsqlc.ListStateParams{Namespace: namespace, Execution: id})
			if err != nil {
				return err
			}
			o.State, err = convert(rows, toStateEntry)
			return err
		},
	}
}

// States implements db.Queries.
func (s *Store) States(ctx context.Context, ids []workflow.ID) (map[workflow.ID]workflow.ExecutionState, error) {
	states := make(map[workflow.ID]workflow.ExecutionState, len(ids))
	err := s.read("reading states", func(q *dbsqlc.Queries) error {
		rows, err := q.ExecutionStates(ctx, dbsqlc.ExecutionStatesParams{Namespace: namespace, Ids: ids})
		for _, r := range rows {
			states[r.ID] = r.State
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return states, nil
}

// Task implements db.Queries.
func (s *Store) Task(ctx context.Context, id workflow.ID) (t *workflow.Task, attempts []workflow.FailedAttempt, err error) {
	err = s.run(ctx, s.reads, "reading a task",
		func(ctx context.Context, q *queries) error {
			row, err := q.GetTask(ctx, dbsqlc.GetTaskParams{Namespace: namespace, ID: id})
			if err != nil {
				return err
			}
			t, err = toTask(row)
			return err
		},
		func(ctx context.Context, q *queries) error {
			rows, err := q.ListAttempts(ctx, dbsqlc.ListAttemptsParams{Namespace: namespace, TaskID: id})
			if err != nil {
				return err
			}
			attempts, err = convert(rows, toAttempt)
			return err
		})
	if err != nil {
		return nil, nil, err
	}
	return t, attempts, nil
}

// Signals implements db.Queries.
func (s *Store) Signals(ctx context.Context, execution workflow.ID, p db.Page) (signals []*workflow.Signal, err error) {
	err = s.read("listing signals", func(q *dbsqlc.Queries) error {
		rows, err := q.ListSignals(ctx, dbsqlc.ListSignalsParams{
			Namespace: namespace, Execution: execution, Before: p.Before, Most: number(p.Limit),
		})
		if err != nil {
			return err
		}
		signals, err = convert(rows, toSignal)
		return err
	})
	return signals, err
}

// Meters implements db.Queries.
func (s *Store) Meters(ctx context.Context, refs []db.MeterRef) (db.Meters, error) {
	meters := make(db.Meters, len(refs))
	if len(refs) == 0 {
		return meters, nil
	}
	err := s.read("reading meters", func(q *dbsqlc.Queries) error {
		rows, err := q.ReadMeters(ctx, dbsqlc.ReadMetersParams{
			Namespace:       namespace,
			Functions:       column(refs, func(r db.MeterRef) string { return r.Function }),
			ConcurrencyKeys: column(refs, func(r db.MeterRef) string { return r.Key }),
		})
		if err != nil {
			return err
		}
		for _, r := range rows {
			m := &workflow.Meter{Running: int(r.Running)}
			if err := decode(r.Starts, &m.Starts); err != nil {
				return fmt.Errorf("reading the meter of %s: %w", r.Function, err)
			}
			meters[db.MeterRef{Function: r.Function, Key: r.ConcurrencyKey}] = m
		}
		return nil
	})
	return meters, err
}
