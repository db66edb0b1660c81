package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/sqlite/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// EndedFunctions implements db.Ended.
func (s *Store) EndedFunctions(ctx context.Context) (functions []string, err error) {
	err = s.view(ctx, "listing functions of executions that have ended", func(ctx context.Context, q *dbsqlc.Queries) (err error) {
		functions, err = endedFunctions(ctx, q)
		return err
	})
	return functions, err
}

// endedFunctions leaps from function to function.
func endedFunctions(ctx context.Context, q *dbsqlc.Queries) (functions []string, err error) {
	for last := ""; ; {
		last, err = q.NextEndedFunction(ctx, last)
		if errors.Is(err, sql.ErrNoRows) {
			return functions, nil
		}
		if err != nil {
			return nil, err
		}
		functions = append(functions, last)
	}
}

// CountEnded implements db.Ended.
func (s *Store) CountEnded(ctx context.Context, age time.Duration) (n int64, err error) {
	before := s.clock.now().Add(-age).UnixMicro()
	err = s.view(ctx, "counting executions that have ended", func(ctx context.Context, q *dbsqlc.Queries) error {
		functions, err := endedFunctions(ctx, q)
		if err != nil {
			return err
		}
		for _, function := range functions {
			of, err := q.CountEnded(ctx, dbsqlc.CountEndedParams{Function: function, CompletedBefore: &before, Namespace: namespace})
			if err != nil {
				return err
			}
			n += of
		}
		return nil
	})
	return n, err
}

// DeleteEnded implements db.Ended.
func (s *Store) DeleteEnded(ctx context.Context, function string, age time.Duration, limit int) (deleted int, more bool, err error) {
	err = s.write(ctx, "deleting executions that have ended", func(ctx context.Context, tx *transaction) error {
		before := tx.now.Add(-age).UnixMicro()
		ids, err := tx.ListEnded(ctx, dbsqlc.ListEndedParams{
			Function: function, CompletedBefore: &before, Namespace: namespace, Most: int64(limit),
		})
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			return errNothing
		}
		tasks := int64(0)
		for _, id := range ids {
			if tasks >= db.DeletedTasks {
				break
			}
			n, err := tx.deleteExecution(ctx, id)
			if err != nil {
				return fmt.Errorf("execution %s: %w", id, err)
			}
			tasks += n
			deleted++
		}
		more = len(ids) == limit || deleted < len(ids)
		return nil
	})
	if err != nil {
		return 0, false, err
	}
	return deleted, more, nil
}

// deleteExecution deletes an execution with all that belongs to it, and tells how
// many tasks it had.
func (tx *transaction) deleteExecution(ctx context.Context, id workflow.ID) (tasks int64, err error) {
	err = errors.Join(
		tx.DeleteAttemptsOf(ctx, dbsqlc.DeleteAttemptsOfParams{Namespace: namespace, ExecutionID: id}),
		tx.DeleteDeadLettersOf(ctx, dbsqlc.DeleteDeadLettersOfParams{Namespace: namespace, ExecutionID: id}),
		tx.DeleteSignalsOf(ctx, dbsqlc.DeleteSignalsOfParams{Namespace: namespace, ExecutionID: id}),
		tx.DeleteCountersOf(ctx, dbsqlc.DeleteCountersOfParams{Namespace: namespace, ExecutionID: id}),
		tx.DeleteStateOf(ctx, dbsqlc.DeleteStateOfParams{Namespace: namespace, ExecutionID: id}),
		tx.DeleteTagsOf(ctx, dbsqlc.DeleteTagsOfParams{Namespace: namespace, ExecutionID: id}),
	)
	if err != nil {
		return 0, err
	}
	if tasks, err = tx.DeleteTasksOf(ctx, dbsqlc.DeleteTasksOfParams{Namespace: namespace, ExecutionID: id}); err != nil {
		return 0, err
	}
	return tasks, tx.DeleteExecution(ctx, dbsqlc.DeleteExecutionParams{Namespace: namespace, ExecutionID: id})
}
