package sqlite

import (
	"context"
	"fmt"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/sqlite/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// PutFunctions implements db.Catalog. They are registered now, one after the other,
// whatever their times say.
func (s *Store) PutFunctions(ctx context.Context, functions []*workflow.Function) error {
	return s.write(ctx, "registering functions", func(ctx context.Context, tx *transaction) error {
		for _, f := range functions {
			if err := tx.putFunction(ctx, f, f.Worker); err != nil {
				return err
			}
		}
		return nil
	})
}

func (tx *transaction) putFunction(ctx context.Context, f *workflow.Function, worker workflow.ID) error {
	row, err := fromFunction(f)
	if err != nil {
		return err
	}
	now := tx.tick().UnixMicro()
	row.WorkerID, row.CreatedAt, row.UpdatedAt = worker, now, now
	if err := tx.PutFunction(ctx, dbsqlc.PutFunctionParams(row)); err != nil {
		return fmt.Errorf("function %q: %w", f.Name, err)
	}
	return nil
}

// Functions implements db.Catalog.
func (s *Store) Functions(ctx context.Context) (functions []*workflow.Function, err error) {
	err = s.view(ctx, "listing functions", func(ctx context.Context, q *dbsqlc.Queries) error {
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
	return s.write(ctx, "deleting a function", func(ctx context.Context, tx *transaction) error {
		n, err := tx.DeleteFunction(ctx, dbsqlc.DeleteFunctionParams{Namespace: namespace, Name: name})
		if err == nil && n == 0 {
			return db.ErrNotFound
		}
		return err
	})
}

// PutWorker implements db.Catalog. A worker that is renewed keeps its id.
func (s *Store) PutWorker(ctx context.Context, w *workflow.Worker, functions []*workflow.Function) (stored *workflow.Worker, err error) {
	err = s.write(ctx, "registering a worker", func(ctx context.Context, tx *transaction) error {
		row := fromWorker(w)
		row.CreatedAt, row.UpdatedAt = tx.us(), tx.us()
		row, err := tx.PutWorker(ctx, dbsqlc.PutWorkerParams(row))
		if err != nil {
			return err
		}
		stored = toWorker(row)
		return tx.replaceFunctions(ctx, stored.ID, functions)
	})
	if err != nil {
		return nil, err
	}
	return stored, nil
}

// replaceFunctions makes these the functions of a worker.
func (tx *transaction) replaceFunctions(ctx context.Context, worker workflow.ID, functions []*workflow.Function) error {
	type version struct{ name, version string }
	kept := make(map[version]bool, len(functions))
	for _, f := range functions {
		kept[version{f.Name, f.Version}] = true
		if err := tx.putFunction(ctx, f, worker); err != nil {
			return err
		}
	}
	rows, err := tx.ListWorkerFunctions(ctx, dbsqlc.ListWorkerFunctionsParams{Namespace: namespace, WorkerID: worker})
	if err != nil {
		return err
	}
	for _, row := range rows {
		if kept[version{row.Name, row.Version}] {
			continue
		}
		if err := tx.DeleteWorkerFunction(ctx, dbsqlc.DeleteWorkerFunctionParams{
			Namespace: namespace, Name: row.Name, Version: row.Version, WorkerID: worker,
		}); err != nil {
			return err
		}
	}
	return nil
}

// Workers implements db.Catalog.
func (s *Store) Workers(ctx context.Context) (workers []*workflow.Worker, err error) {
	err = s.view(ctx, "listing workers", func(ctx context.Context, q *dbsqlc.Queries) error {
		rows, err := q.ListWorkers(ctx, namespace)
		for _, row := range rows {
			workers = append(workers, toWorker(row))
		}
		return err
	})
	return workers, err
}

// DeleteWorker implements db.Catalog.
func (s *Store) DeleteWorker(ctx context.Context, id workflow.ID) error {
	return s.write(ctx, "deleting a worker", func(ctx context.Context, tx *transaction) error {
		n, err := tx.DeleteWorker(ctx, dbsqlc.DeleteWorkerParams{Namespace: namespace, ID: id})
		if err != nil {
			return err
		}
		if n == 0 {
			return db.ErrNotFound
		}
		return tx.DeleteWorkerFunctions(ctx, dbsqlc.DeleteWorkerFunctionsParams{Namespace: namespace, WorkerID: id})
	})
}

// SetWorkerHealth implements db.Catalog. It gives ErrNotFound when the worker is gone.
func (s *Store) SetWorkerHealth(ctx context.Context, id workflow.ID, h workflow.WorkerHealth, lastError string) error {
	return s.write(ctx, "recording a worker's health", func(ctx context.Context, tx *transaction) error {
		n, err := tx.SetWorkerHealth(ctx, dbsqlc.SetWorkerHealthParams{
			Health: h, LastError: lastError, Now: tx.us(), Namespace: namespace, ID: id,
		})
		if err == nil && n == 0 {
			return db.ErrNotFound
		}
		return err
	})
}

// Secret implements db.Store.
func (s *Store) Secret(ctx context.Context, name string, fresh []byte) (secret []byte, err error) {
	err = s.write(ctx, "reading a secret", func(ctx context.Context, tx *transaction) error {
		if err := tx.PutSecret(ctx, dbsqlc.PutSecretParams{Name: name, Value: fresh}); err != nil {
			return err
		}
		secret, err = tx.GetSecret(ctx, name)
		return err
	})
	return secret, err
}

func fromFunction(f *workflow.Function) (row dbsqlc.Function, err error) {
	row = dbsqlc.Function{
		Namespace: namespaceOf(f.Namespace), Name: f.Name, Version: f.Version, Kind: f.Kind, Url: f.URL, Queue: f.Queue,
		Priority: f.Priority, TimeoutUs: f.Timeout.Microseconds(), HeartbeatTimeoutUs: f.HeartbeatTimeout.Microseconds(),
		Idempotent: f.Idempotent, MaxConcurrent: f.MaxConcurrent,
	}
	row.CacheTtlUs, row.RetentionUs = microseconds(f.CacheTTL), microseconds(f.Retention)
	if row.Tags, err = list(f.Tags); err != nil {
		return row, fmt.Errorf("tags of function %q: %w", f.Name, err)
	}
	if row.IdempotencyKeyFrom, err = list(f.IdempotencyKeyFrom); err != nil {
		return row, fmt.Errorf("idempotency key of function %q: %w", f.Name, err)
	}
	if row.RetryPolicy, err = encode(f.Retry, true); err != nil {
		return row, fmt.Errorf("retry policy of function %q: %w", f.Name, err)
	}
	if row.RateLimit, err = encode(f.RateLimit, f.RateLimit != nil); err != nil {
		return row, fmt.Errorf("rate limit of function %q: %w", f.Name, err)
	}
	return row, nil
}

func toFunction(row dbsqlc.Function) (*workflow.Function, error) {
	f := &workflow.Function{
		Namespace: row.Namespace, Name: row.Name, Version: row.Version, Kind: row.Kind, URL: row.Url, Worker: row.WorkerID,
		Queue: row.Queue, Priority: row.Priority, Timeout: durationOf(row.TimeoutUs),
		HeartbeatTimeout: durationOf(row.HeartbeatTimeoutUs), Idempotent: row.Idempotent, MaxConcurrent: row.MaxConcurrent,
		CreatedAt: timeOf(row.CreatedAt), UpdatedAt: timeOf(row.UpdatedAt),
	}
	f.CacheTTL, f.Retention = durationOrNil(row.CacheTtlUs), durationOrNil(row.RetentionUs)
	var err error
	if f.Tags, err = listOf(row.Tags); err != nil {
		return nil, fmt.Errorf("tags of function %q: %w", f.Name, err)
	}
	if f.IdempotencyKeyFrom, err = listOf(row.IdempotencyKeyFrom); err != nil {
		return nil, fmt.Errorf("idempotency key of function %q: %w", f.Name, err)
	}
	if err := decode(row.RetryPolicy, &f.Retry); err != nil {
		return nil, fmt.Errorf("retry policy of function %q: %w", f.Name, err)
	}
	if err := decode(row.RateLimit, &f.RateLimit); err != nil {
		return nil, fmt.Errorf("rate limit of function %q: %w", f.Name, err)
	}
	return f, nil
}

func fromWorker(w *workflow.Worker) dbsqlc.Worker {
	row := dbsqlc.Worker{
		Namespace: namespaceOf(w.Namespace), ID: w.ID, Url: w.URL, Secret: w.Secret, Health: w.Health,
		UnreachableSince: usOrNil(w.UnreachableSince), LastError: w.LastError,
	}
	if row.Health == "" {
		row.Health = workflow.WorkerHealthy
	}
	return row
}

func toWorker(row dbsqlc.Worker) *workflow.Worker {
	return &workflow.Worker{
		Namespace: row.Namespace, ID: row.ID, URL: row.Url, Secret: row.Secret, Health: row.Health,
		UnreachableSince: timeOrNil(row.UnreachableSince), LastError: row.LastError,
		CreatedAt: timeOf(row.CreatedAt), UpdatedAt: timeOf(row.UpdatedAt),
	}
}

// PauseQueue implements db.Catalog.
func (s *Store) PauseQueue(ctx context.Context, name string, paused bool) error {
	return s.write(ctx, "pausing a queue", func(ctx context.Context, tx *transaction) error {
		if paused {
			return tx.PauseQueue(ctx, dbsqlc.PauseQueueParams{Namespace: namespace, Name: name, Now: tx.us()})
		}
		return tx.ResumeQueue(ctx, dbsqlc.ResumeQueueParams{Namespace: namespace, Name: name})
	})
}

// PausedQueues implements db.Catalog.
func (s *Store) PausedQueues(ctx context.Context) (names []string, err error) {
	err = s.view(ctx, "reading the paused queues", func(ctx context.Context, q *dbsqlc.Queries) (err error) {
		names, err = q.PausedQueues(ctx, namespace)
		return err
	})
	return names, err
}
