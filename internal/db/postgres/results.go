package postgres

import (
	"context"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/postgres/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// shares tells whether a need may be one of results.
func shares(n workflow.Need) bool { return len(n.Results)+len(n.ResultsOf)+len(n.Trees) > 0 }

func lockResults(n workflow.Need) statement {
	params := dbsqlc.LockResultsParams{Keys: column(n.Results, keyOrNil), Tasks: n.ResultsOf, Trees: n.Trees, Namespace: namespace}
	return func(ctx context.Context, q *queries) error { return q.LockResults(ctx, params) }
}

// loadResults comes after the locks of results in the pipeline, so that it sees
// what those who held them before have committed, also of the owners.
func loadResults(n workflow.Need, l *workflow.Loaded) statement {
	params := dbsqlc.LoadResultsParams{Keys: column(n.Results, keyOrNil), Tasks: n.ResultsOf, Trees: n.Trees, Namespace: namespace}
	return func(ctx context.Context, q *queries) error {
		rows, err := q.LoadResults(ctx, params)
		if err != nil {
			return err
		}
		l.Results = column(rows, toResult)
		return nil
	}
}

func toResult(r dbsqlc.LoadResultsRow) workflow.LoadedResult {
	return workflow.LoadedResult{Owned: r.Owned, Result: &workflow.Result{
		Namespace: r.Namespace, Key: keyOf(r.KeyHash), Function: r.Function, Version: r.Version, State: r.State,
		Execution: r.ExecutionID, Task: r.TaskID, Value: r.Value, CreatedAt: r.CreatedAt, CompletedAt: r.CompletedAt, ExpiresAt: r.ExpiresAt,
	}}
}

func insertResults(rs []*workflow.Result) statement {
	type R = *workflow.Result
	params := dbsqlc.InsertResultsParams{
		Namespace:    namespace,
		Keys:         column(rs, func(r R) []byte { return r.Key[:] }),
		Functions:    column(rs, func(r R) string { return r.Function }),
		Versions:     column(rs, func(r R) string { return r.Version }),
		States:       column(rs, func(r R) string { return string(r.State) }),
		Executions:   column(rs, func(r R) workflow.ID { return r.Execution }),
		Tasks:        column(rs, func(r R) workflow.ID { return r.Task }),
		Contents:     column(rs, func(r R) []byte { return r.Value }),
		CreatedAts:   column(rs, func(r R) time.Time { return r.CreatedAt }),
		CompletedAts: column(rs, func(r R) time.Time { return timeOf(r.CompletedAt) }),
		ExpiresAts:   column(rs, func(r R) time.Time { return timeOf(r.ExpiresAt) }),
	}
	return func(ctx context.Context, q *queries) error { return q.InsertResults(ctx, params) }
}

func updateResults(us []workflow.ResultUpdate) statement {
	type U = workflow.ResultUpdate
	params := dbsqlc.UpdateResultsParams{
		Keys:         column(us, func(u U) []byte { return u.Key[:] }),
		WasStates:    column(us, func(u U) string { return string(u.WasState) }),
		WasTasks:     column(us, func(u U) workflow.ID { return u.WasTask }),
		Versions:     column(us, func(u U) string { return u.Version }),
		States:       column(us, func(u U) string { return string(u.State) }),
		Executions:   column(us, func(u U) workflow.ID { return u.Execution }),
		Tasks:        column(us, func(u U) workflow.ID { return u.Task }),
		Contents:     column(us, func(u U) []byte { return u.Value }),
		CreatedAts:   column(us, func(u U) time.Time { return u.CreatedAt }),
		CompletedAts: column(us, func(u U) time.Time { return timeOf(u.CompletedAt) }),
		ExpiresAts:   column(us, func(u U) time.Time { return timeOf(u.ExpiresAt) }),
	}
	return func(ctx context.Context, q *queries) error { return q.UpdateResults(ctx, params) }
}

// SettledResults implements db.Results.
func (s *Store) SettledResults(ctx context.Context) (settled []db.SettledResult, err error) {
	err = s.run(ctx, s.leases, "finding results that are waited for", func(ctx context.Context, q *queries) error {
		rows, err := q.SettledResults(ctx, namespace)
		settled = column(rows, func(r dbsqlc.SettledResultsRow) db.SettledResult {
			return db.SettledResult{Key: keyOf(r.KeyHash), Completed: r.Completed}
		})
		return err
	})
	return settled, err
}

// ResultWaiters implements db.Results.
func (s *Store) ResultWaiters(ctx context.Context, key workflow.ResultKey, limit int) (waiters []workflow.Lease, err error) {
	err = s.run(ctx, s.leases, "finding who waits for a result", func(ctx context.Context, q *queries) error {
		rows, err := q.ResultWaiters(ctx, dbsqlc.ResultWaitersParams{KeyHash: key[:], Namespace: namespace, Most: number(limit)})
		waiters = column(rows, func(r dbsqlc.ResultWaitersRow) workflow.Lease {
			return workflow.Lease{Execution: r.ExecutionID, Task: r.ID}
		})
		return err
	})
	return waiters, err
}

// InvalidateResults implements db.Results.
func (s *Store) InvalidateResults(ctx context.Context, function string, version *string, limit int) (int, error) {
	deleted, err := dbsqlc.New(s.reads).InvalidateResults(ctx, dbsqlc.InvalidateResultsParams{
		Function: function, Version: version, Namespace: namespace, Most: number(limit),
	})
	return int(deleted), translate("invalidating results", err)
}

// DeleteOldResults implements db.Results.
func (s *Store) DeleteOldResults(ctx context.Context, limit int) (int, error) {
	q := dbsqlc.New(s.leases)
	expired, err := q.DeleteExpiredResults(ctx, dbsqlc.DeleteExpiredResultsParams{Namespace: namespace, Most: number(limit)})
	if err != nil {
		return 0, translate("deleting expired results", err)
	}
	lost, err := q.DeleteLostResults(ctx, dbsqlc.DeleteLostResultsParams{Namespace: namespace, Most: number(limit)})
	return int(expired + lost), translate("deleting lost results", err)
}
