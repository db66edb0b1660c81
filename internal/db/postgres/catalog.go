package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/postgres/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// PutFunctions implements db.Catalog.
func (s *Store) PutFunctions(ctx context.Context, functions []*workflow.Function) error {
	statements, err := puttingFunctions(functions, workflow.ID{})
	if err != nil || len(statements) == 0 {
		return err
	}
	return s.run(ctx, s.reads, "registering functions", statements...)
}

// puttingFunctions gives the statements that register functions, those of a worker
// if one is given.
func puttingFunctions(functions []*workflow.Function, worker workflow.ID) ([]statement, error) {
	statements := make([]statement, 0, len(functions))
	for _, f := range functions {
		params, err := fromFunction(f)
		if err != nil {
			return nil, fmt.Errorf("registering function %q: %w", f.Name, err)
		}
		if !worker.IsZero() {
			params.WorkerID = worker
		}
		statements = append(statements, func(ctx context.Context, q *queries) error { return q.PutFunction(ctx, params) })
	}
	return statements, nil
}

// Functions implements db.Catalog.
func (s *Store) Functions(ctx context.Context) (functions []*workflow.Function, err error) {
	err = s.read("listing functions", func(q *dbsqlc.Queries) error {
		rows, err := q.ListFunctions(ctx, namespace)
		if err != nil {
			return err
		}
		functions, err = convert(rows, toFunction)
		return err
	})
	return functions, err
}

// DeleteFunction implements db.Catalog.
func (s *Store) DeleteFunction(ctx context.Context, name string) error {
	return s.hitting("deleting a function", func(q *dbsqlc.Queries) (int64, error) {
		return q.DeleteFunction(ctx, dbsqlc.DeleteFunctionParams{Namespace: namespace, Name: name})
	})
}

// hitting runs a write that gives ErrNotFound when it hits no row.
func (s *Store) hitting(operation string, write func(q *dbsqlc.Queries) (int64, error)) error {
	return s.read(operation, func(q *dbsqlc.Queries) error {
		n, err := write(q)
		if err == nil && n == 0 {
			return db.ErrNotFound
		}
		return err
	})
}

// PutWorker implements db.Catalog.
func (s *Store) PutWorker(
	ctx context.Context, w *workflow.Worker, functions []*workflow.Function,
) (stored *workflow.Worker, err error) {
	if w.Health == "" {
		healthy := *w
		healthy.Health = workflow.WorkerHealthy
		w = &healthy
	}
	err = pgx.BeginFunc(ctx, s.reads, func(tx pgx.Tx) error {
		row, err := dbsqlc.New(tx).PutWorker(ctx, dbsqlc.PutWorkerParams{
			Namespace: namespace, ID: w.ID, Url: w.URL, Secret: w.Secret, Health: w.Health,
			UnreachableSince: w.UnreachableSince, LastError: w.LastError,
		})
		if err != nil {
			return err
		}
		stored = toWorker(row)
		statements, err := puttingFunctions(functions, stored.ID)
		if err != nil {
			return err
		}
		statements = append(statements, dropOthers(stored.ID, functions))
		_, err = send(ctx, tx.Conn(), statements)
		return err
	})
	if err != nil {
		return nil, translate("storing a worker", err)
	}
	return stored, nil
}

// dropOthers deletes the functions of a worker but for these.
func dropOthers(worker workflow.ID, functions []*workflow.Function) statement {
	params := dbsqlc.DropFunctionsOfWorkerParams{
		Namespace: namespace, WorkerID: worker,
		Names:    column(functions, func(f *workflow.Function) string { return f.Name }),
		Versions: column(functions, func(f *workflow.Function) string { return f.Version }),
	}
	return func(ctx context.Context, q *queries) error { return q.DropFunctionsOfWorker(ctx, params) }
}

// Workers implements db.Catalog: the newest first.
func (s *Store) Workers(ctx context.Context) (workers []*workflow.Worker, err error) {
	err = s.read("listing workers", func(q *dbsqlc.Queries) error {
		rows, err := q.ListWorkers(ctx, namespace)
		workers = column(rows, toWorker)
		return err
	})
	return workers, err
}

// DeleteWorker implements db.Catalog.
func (s *Store) DeleteWorker(ctx context.Context, id workflow.ID) error {
	return s.hitting("deleting a worker", func(q *dbsqlc.Queries) (int64, error) {
		return q.DeleteWorker(ctx, dbsqlc.DeleteWorkerParams{Namespace: namespace, ID: id})
	})
}

// SetWorkerHealth implements db.Catalog. It gives ErrNotFound when there is no such worker.
func (s *Store) SetWorkerHealth(ctx context.Context, id workflow.ID, h workflow.WorkerHealth, lastError string) error {
	return s.hitting("recording a worker's health", func(q *dbsqlc.Queries) (int64, error) {
		return q.SetWorkerHealth(ctx, dbsqlc.SetWorkerHealthParams{Namespace: namespace, ID: id, Health: h, LastError: lastError})
	})
}

func fromFunction(f *workflow.Function) (dbsqlc.PutFunctionParams, error) {
	retry, retryErr := encode(f.Retry, true)
	limit, limitErr := encode(f.RateLimit, f.RateLimit != nil)
	params := dbsqlc.PutFunctionParams{
		Namespace: namespace, Name: f.Name, Version: f.Version, Kind: f.Kind, Url: f.URL, WorkerID: f.Worker, Queue: f.Queue,
		Priority: f.Priority, Tags: texts(f.Tags), TimeoutUs: f.Timeout.Microseconds(),
		HeartbeatTimeoutUs: f.HeartbeatTimeout.Microseconds(), RetryPolicy: retry, Idempotent: f.Idempotent,
		IdempotencyKeyFrom: texts(f.IdempotencyKeyFrom), MaxConcurrent: f.MaxConcurrent, RateLimit: limit,
	}
	params.CacheTtlUs, params.RetentionUs = microseconds(f.CacheTTL), microseconds(f.Retention)
	return params, errors.Join(retryErr, limitErr)
}

func toFunction(r dbsqlc.Function) (*workflow.Function, error) {
	f := &workflow.Function{
		Namespace: r.Namespace, Name: r.Name, Version: r.Version, Kind: r.Kind, URL: r.Url, Worker: r.WorkerID, Queue: r.Queue,
		Priority: r.Priority, Tags: r.Tags, Timeout: durationOf(r.TimeoutUs), HeartbeatTimeout: durationOf(r.HeartbeatTimeoutUs),
		Idempotent: r.Idempotent, IdempotencyKeyFrom: r.IdempotencyKeyFrom, MaxConcurrent: r.MaxConcurrent,
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
	f.CacheTTL, f.Retention = durationOrNil(r.CacheTtlUs), durationOrNil(r.RetentionUs)
	if err := errors.Join(decode(r.RetryPolicy, &f.Retry), decodeTo(r.RateLimit, &f.RateLimit)); err != nil {
		return nil, fmt.Errorf("reading function %q: %w", r.Name, err)
	}
	return f, nil
}

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

func toWorker(r dbsqlc.Worker) *workflow.Worker {
	return &workflow.Worker{
		Namespace: r.Namespace, ID: r.ID, URL: r.Url, Secret: r.Secret, Health: r.Health, UnreachableSince: r.UnreachableSince,
		LastError: r.LastError, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
}

// PauseQueue implements db.Catalog.
func (s *Store) PauseQueue(ctx context.Context, name string, paused bool) error {
	return s.read("pausing a queue", func(q *dbsqlc.Queries) error {
		if paused {
			return q.PauseQueue(ctx, dbsqlc.PauseQueueParams{Namespace: namespace, Name: name})
		}
		return q.ResumeQueue(ctx, dbsqlc.ResumeQueueParams{Namespace: namespace, Name: name})
	})
}

// PausedQueues implements db.Catalog.
func (s *Store) PausedQueues(ctx context.Context) (names []string, err error) {
	err = s.read("reading the paused queues", func(q *dbsqlc.Queries) (err error) {
		names, err = q.PausedQueues(ctx, namespace)
		return err
	})
	return names, err
}
