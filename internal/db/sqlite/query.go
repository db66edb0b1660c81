package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/sqlite/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// Execution implements db.Queries.
func (s *Store) Execution(ctx context.Context, id workflow.ID) (e *workflow.Execution, err error) {
	err = s.view(ctx, "reading an execution", func(ctx context.Context, q *dbsqlc.Queries) error {
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
	return s.overview(ctx, id, true)
}

// Outline implements db.Queries.
func (s *Store) Outline(ctx context.Context, id workflow.ID) (*db.Overview, error) {
	return s.overview(ctx, id, false)
}

func (s *Store) overview(ctx context.Context, id workflow.ID, progress bool) (*db.Overview, error) {
	o := &db.Overview{}
	err := s.view(ctx, "reading an execution", func(ctx context.Context, q *dbsqlc.Queries) error {
		row, err := q.GetExecution(ctx, dbsqlc.GetExecutionParams{Namespace: namespace, ID: id})
		if err != nil {
			return err
		}
		if o.Execution, err = toExecution(row); err != nil {
			return err
		}
		if progress {
			rows, err := q.Progress(ctx, dbsqlc.ProgressParams{Namespace: namespace, ExecutionID: id})
			if err != nil {
				return err
			}
			o.Progress, err = convert(rows, toStep)
			if err != nil {
				return err
			}
		}
		o.Counters, o.State, err = loadContext(ctx, q, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return o, nil
}

// before gives the id that a page ends at; the newest page ends at the greatest there is.
func before(p db.Page) workflow.ID {
	if p.Before.IsZero() {
		return workflow.ID(bytes.Repeat([]byte{0xff}, len(p.Before)))
	}
	return p.Before
}

// States implements db.Queries.
func (s *Store) States(ctx context.Context, ids []workflow.ID) (map[workflow.ID]workflow.ExecutionState, error) {
	states := make(map[workflow.ID]workflow.ExecutionState, len(ids))
	err := s.view(ctx, "reading states", func(ctx context.Context, q *dbsqlc.Queries) error {
		for _, id := range ids {
			state, err := q.ExecutionState(ctx, dbsqlc.ExecutionStateParams{Namespace: namespace, ID: id})
			if errors.Is(err, errNoRows) {
				continue
			}
			if err != nil {
				return err
			}
			states[id] = state
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return states, nil
}

// Task implements db.Queries.
func (s *Store) Task(ctx context.Context, id workflow.ID) (t *workflow.Task, attempts []workflow.FailedAttempt, err error) {
	err = s.view(ctx, "reading a task", func(ctx context.Context, q *dbsqlc.Queries) error {
		row, err := q.GetTask(ctx, dbsqlc.GetTaskParams{Namespace: namespace, ID: id})
		if err != nil {
			return err
		}
		if t, err = toTask(row); err != nil {
			return err
		}
		rows, err := q.ListAttempts(ctx, dbsqlc.ListAttemptsParams{Namespace: namespace, TaskID: id})
		if err != nil {
			return err
		}
		attempts, err = convert(rows, toAttempt)
		return err
	})
	return t, attempts, err
}

func toAttempt(row dbsqlc.TaskAttempt) (workflow.FailedAttempt, error) {
	a := workflow.FailedAttempt{
		Execution: row.ExecutionID, Task: row.TaskID, Number: row.Number,
		StartedAt: timeOf(row.StartedAt), EndedAt: timeOf(row.EndedAt), StatusCode: row.StatusCode,
	}
	if err := decode(row.Error, &a.Error); err != nil {
		return a, fmt.Errorf("attempt %d of task %s: %w", row.Number, row.TaskID, err)
	}
	return a, nil
}

// Signals implements db.Queries.
func (s *Store) Signals(ctx context.Context, execution workflow.ID, p db.Page) (signals []*workflow.Signal, err error) {
	err = s.view(ctx, "listing signals", func(ctx context.Context, q *dbsqlc.Queries) error {
		rows, err := q.ListSignals(ctx, dbsqlc.ListSignalsParams{
			Namespace: namespace, ExecutionID: execution, Before: before(p), Most: int64(p.Limit),
		})
		for _, row := range rows {
			signals = append(signals, toSignal(row))
		}
		return err
	})
	return signals, err
}

// Meters implements db.Queries.
func (s *Store) Meters(ctx context.Context, refs []db.MeterRef) (meters db.Meters, err error) {
	err = s.view(ctx, "reading meters", func(ctx context.Context, q *dbsqlc.Queries) (err error) {
		meters, err = readMeters(ctx, q, refs)
		return err
	})
	return meters, err
}
