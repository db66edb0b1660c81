package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/sqlite/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// needResults comes after the tasks, which say what they own and await.
func (l *loading) needResults(ctx context.Context, need workflow.Need) error {
	keys := map[workflow.ResultKey]bool{}
	for _, key := range need.Results {
		keys[key] = true
	}
	for _, id := range need.ResultsOf {
		if t := l.tasks[id]; t != nil {
			keys[t.OwnsResult], keys[t.AwaitsResult] = true, true
		}
	}
	for _, t := range l.tasks {
		if slices.Contains(need.Trees, t.Execution) {
			keys[t.OwnsResult], keys[t.AwaitsResult] = true, true
		}
	}
	for key := range keys {
		row, err := l.LoadResult(ctx, dbsqlc.LoadResultParams{KeyHash: key[:], Namespace: namespace})
		if errors.Is(err, errNoRows) {
			continue
		}
		if err != nil {
			return err
		}
		owned, err := owned(ctx, l.Queries, row)
		if err != nil {
			return err
		}
		l.loaded.Results = append(l.loaded.Results, workflow.LoadedResult{Result: toResult(row), Owned: owned})
	}
	return nil
}

// owned tells whether the owner of a result is still at it.
func owned(ctx context.Context, q *dbsqlc.Queries, row dbsqlc.Result) (bool, error) {
	return q.OwnsResult(ctx, dbsqlc.OwnsResultParams{ID: row.TaskID, Namespace: namespace, OwnsResult: row.KeyHash})
}

func toResult(row dbsqlc.Result) *workflow.Result {
	return &workflow.Result{
		Namespace: row.Namespace, Key: keyOf(row.KeyHash), Function: row.Function, Version: row.Version, State: row.State,
		Execution: row.ExecutionID, Task: row.TaskID, Value: row.Value, CreatedAt: timeOf(row.CreatedAt),
		CompletedAt: timeOrNil(row.CompletedAt), ExpiresAt: timeOrNil(row.ExpiresAt),
	}
}

func (tx *transaction) saveResults(ctx context.Context, c *workflow.Change) error {
	for _, u := range c.Results {
		if err := fenced(tx.UpdateResult(ctx, dbsqlc.UpdateResultParams{
			Version: u.Version, State: u.State, ExecutionID: u.Execution, TaskID: u.Task, Value: u.Value,
			CreatedAt: u.CreatedAt.UnixMicro(), CompletedAt: usOrNil(u.CompletedAt), ExpiresAt: usOrNil(u.ExpiresAt),
			KeyHash: u.Key[:], Namespace: namespace, WasState: u.WasState, WasTask: u.WasTask,
		})); err != nil {
			return fmt.Errorf("updating a result of %q: %w", u.Function, err)
		}
	}
	for _, r := range c.NewResults {
		if err := tx.InsertResult(ctx, dbsqlc.InsertResultParams{
			Namespace: namespace, KeyHash: r.Key[:], Function: r.Function, Version: r.Version, State: r.State,
			ExecutionID: r.Execution, TaskID: r.Task, Value: r.Value, CreatedAt: r.CreatedAt.UnixMicro(),
			CompletedAt: usOrNil(r.CompletedAt), ExpiresAt: usOrNil(r.ExpiresAt),
		}); err != nil {
			return fmt.Errorf("making a result of %q: %w", r.Function, err)
		}
	}
	return nil
}

// SettledResults implements db.Results.
func (s *Store) SettledResults(ctx context.Context) (settled []db.SettledResult, err error) {
	err = s.view(ctx, "finding results that are waited for", func(ctx context.Context, q *dbsqlc.Queries) error {
		key := []byte{}
		for {
			var err error
			if key, err = q.NextAwaited(ctx, key); errors.Is(err, errNoRows) {
				return nil
			} else if err != nil {
				return err
			}
			state, err := resultState(ctx, q, key)
			if err != nil {
				return err
			}
			if state != workflow.ResultRunning {
				settled = append(settled, db.SettledResult{Key: keyOf(key), Completed: state == workflow.ResultCompleted})
			}
		}
	})
	return settled, err
}

// resultState is where a result stands; "" when it is absent or belongs to nobody.
func resultState(ctx context.Context, q *dbsqlc.Queries, key []byte) (workflow.ResultState, error) {
	row, err := q.LoadResult(ctx, dbsqlc.LoadResultParams{KeyHash: key, Namespace: namespace})
	if errors.Is(err, errNoRows) {
		return "", nil
	}
	if err != nil || row.State == workflow.ResultCompleted {
		return row.State, err
	}
	if owned, err := owned(ctx, q, row); err != nil || !owned {
		return "", err
	}
	return row.State, nil
}

// ResultWaiters implements db.Results.
func (s *Store) ResultWaiters(ctx context.Context, key workflow.ResultKey, limit int) (waiters []workflow.Lease, err error) {
	err = s.view(ctx, "finding who waits for a result", func(ctx context.Context, q *dbsqlc.Queries) error {
		rows, err := q.ResultWaiters(ctx, dbsqlc.ResultWaitersParams{AwaitsResult: key[:], Namespace: namespace, Most: int64(limit)})
		for _, row := range rows {
			waiters = append(waiters, workflow.Lease{Execution: row.ExecutionID, Task: row.ID})
		}
		return err
	})
	return waiters, err
}

// InvalidateResults implements db.Results.
func (s *Store) InvalidateResults(ctx context.Context, function string, version *string, limit int) (deleted int, err error) {
	err = s.write(ctx, "invalidating results", func(ctx context.Context, tx *transaction) error {
		n, err := tx.InvalidateResults(ctx, dbsqlc.InvalidateResultsParams{
			Function: function, Namespace: namespace, Version: version, Most: int64(limit),
		})
		deleted = int(n)
		return err
	})
	return deleted, err
}

// How old results are when they are deleted: those that have expired, and those
// that belong to nobody.
const (
	expiredFor = time.Minute
	lostFor    = time.Hour
)

// DeleteOldResults implements db.Results.
func (s *Store) DeleteOldResults(ctx context.Context, limit int) (deleted int, err error) {
	err = s.write(ctx, "deleting old results", func(ctx context.Context, tx *transaction) error {
		before := tx.now.Add(-expiredFor).UnixMicro()
		expired, err := tx.DeleteExpiredResults(ctx, dbsqlc.DeleteExpiredResultsParams{
			ExpiredBefore: &before, Namespace: namespace, Most: int64(limit),
		})
		if err != nil {
			return err
		}
		lost, err := tx.DeleteLostResults(ctx, dbsqlc.DeleteLostResultsParams{
			MadeBefore: tx.now.Add(-lostFor).UnixMicro(), Namespace: namespace, Most: int64(limit),
		})
		if deleted = int(expired + lost); deleted == 0 && err == nil {
			return errNothing
		}
		return err
	})
	return deleted, err
}
