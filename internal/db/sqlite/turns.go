package sqlite

import (
	"context"
	"errors"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/sqlite/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// Turns implements db.Journal. Tasks that do not exist are left out.
func (s *Store) Turns(ctx context.Context, tasks []workflow.ID) ([]db.Turn, error) {
	turns := make([]db.Turn, 0, len(tasks))
	err := s.view(ctx, "loading turns", func(ctx context.Context, q *dbsqlc.Queries) error {
		for _, id := range tasks {
			turn, err := loadTurn(ctx, q, id)
			if errors.Is(err, errNoRows) {
				continue
			}
			if err != nil {
				return err
			}
			turns = append(turns, turn)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return turns, nil
}

func loadTurn(ctx context.Context, q *dbsqlc.Queries, id workflow.ID) (turn db.Turn, err error) {
	row, err := q.GetTask(ctx, dbsqlc.GetTaskParams{Namespace: namespace, ID: id})
	if err != nil {
		return turn, err
	}
	if turn.Task, err = toTask(row); err != nil {
		return turn, err
	}
	execution, err := q.GetExecution(ctx, dbsqlc.GetExecutionParams{Namespace: namespace, ID: row.ExecutionID})
	if err != nil {
		return turn, err
	}
	if turn.Execution, err = toExecution(execution); err != nil {
		return turn, err
	}
	if turn.Task.Input == nil {
		turn.Task.Input = turn.Execution.Input
	}
	steps, err := q.TurnSteps(ctx, dbsqlc.TurnStepsParams{
		Namespace: namespace, ExecutionID: row.ExecutionID, ParentID: id, ParentRun: row.Run,
	})
	if err != nil {
		return turn, err
	}
	turn.Steps, err = convert(steps, func(row dbsqlc.TurnStepsRow) (*workflow.Task, error) { return toTask(dbsqlc.Task(row)) })
	if err != nil {
		return turn, err
	}
	turn.Counters, turn.State, err = loadContext(ctx, q, row.ExecutionID)
	return turn, err
}

// loadContext gives an execution's counters and custom state.
func loadContext(ctx context.Context, q *dbsqlc.Queries, execution workflow.ID) ([]workflow.Counter, []workflow.StateEntry, error) {
	rows, err := q.ListCounters(ctx, dbsqlc.ListCountersParams{Namespace: namespace, ExecutionID: execution})
	if err != nil {
		return nil, nil, err
	}
	counters := make([]workflow.Counter, len(rows))
	for i, row := range rows {
		counters[i] = workflow.Counter{Execution: execution, Name: row.Name, Value: row.Value}
	}
	entries, err := q.ListState(ctx, dbsqlc.ListStateParams{Namespace: namespace, ExecutionID: execution})
	if err != nil {
		return nil, nil, err
	}
	state := make([]workflow.StateEntry, len(entries))
	for i, row := range entries {
		state[i] = workflow.StateEntry{Execution: execution, Key: row.Key, Value: row.Value}
	}
	return counters, state, nil
}
