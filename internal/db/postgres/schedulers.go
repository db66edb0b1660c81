package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/postgres/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// Join implements db.Leases. It was started when it says, and seen now.
func (s *Store) Join(ctx context.Context, scheduler db.Scheduler) error {
	return s.run(ctx, s.leases, "joining", func(ctx context.Context, q *queries) error {
		return q.Join(ctx, dbsqlc.JoinParams{
			ID: scheduler.ID, Host: scheduler.Host, State: scheduler.State, Queues: texts(scheduler.Queues),
			Tags: texts(scheduler.Tags), Capacity: scheduler.Capacity, InFlight: scheduler.InFlight,
			StartedAt: scheduler.StartedAt, LeaseUs: scheduler.Lease.Microseconds(),
		})
	})
}

// Beat implements db.Leases.
func (s *Store) Beat(ctx context.Context, scheduler db.Scheduler) error {
	return s.ofLiving(ctx, s.beats, "renewing leases", func(ctx context.Context, q *queries) (int64, error) {
		return q.Beat(ctx, dbsqlc.BeatParams{
			ID: scheduler.ID, State: scheduler.State, Queues: texts(scheduler.Queues), Tags: texts(scheduler.Tags),
			Capacity: scheduler.Capacity, InFlight: scheduler.InFlight, LeaseUs: scheduler.Lease.Microseconds(),
		})
	})
}

// Leave implements db.Leases. It gives ErrExpired when others have taken the
// scheduler for dead: then they clear up after it.
func (s *Store) Leave(ctx context.Context, scheduler workflow.ID) error {
	return s.ofLiving(ctx, s.leases, "leaving",
		func(ctx context.Context, q *queries) (int64, error) { return q.Leave(ctx, scheduler) }, lockScheduler(scheduler))
}

func lockScheduler(id workflow.ID) statement {
	return func(ctx context.Context, q *queries) error { return q.LockScheduler(ctx, id) }
}

// ofLiving runs an update of a scheduler's row that hits none when it has expired.
func (s *Store) ofLiving(
	ctx context.Context, pool *pgxpool.Pool, operation string, update func(context.Context, *queries) (int64, error), before ...statement,
) error {
	var n int64
	err := s.run(ctx, pool, operation, append(before, func(ctx context.Context, q *queries) (err error) {
		n, err = update(ctx, q)
		return err
	})...)
	if err == nil && n == 0 {
		return fmt.Errorf("%s: %w", operation, db.ErrExpired)
	}
	return err
}

// Expire implements db.Leases. It waits for the commits and claims of such a
// scheduler that are under way.
func (s *Store) Expire(ctx context.Context, grace time.Duration) error {
	return s.run(ctx, s.leases, "expiring schedulers", func(ctx context.Context, q *queries) error {
		return q.Expire(ctx, grace.Microseconds())
	})
}

// Orphans implements db.Leases.
func (s *Store) Orphans(ctx context.Context, limit int) (leases []workflow.Lease, err error) {
	const operation = "finding orphaned leases"
	var found bool
	err = s.run(ctx, s.leases, operation, func(ctx context.Context, q *queries) (err error) {
		found, err = q.AnyToBury(ctx)
		return err
	})
	if err != nil || !found {
		return nil, err // the usual case writes nothing
	}
	err = s.run(ctx, s.leases, operation, func(ctx context.Context, q *queries) error {
		rows, err := q.Orphans(ctx, number(limit))
		if err != nil {
			return err
		}
		leases, err = convert(rows, func(r dbsqlc.OrphansRow) (workflow.Lease, error) { return toLease(dbsqlc.HeldRow(r)) })
		return err
	})
	if err != nil || len(leases) >= limit {
		return leases, err
	}
	err = s.run(ctx, s.leases, operation, func(ctx context.Context, q *queries) error { return q.Bury(ctx) })
	return leases, err
}

// Held implements db.Leases.
func (s *Store) Held(ctx context.Context, scheduler workflow.ID, executions []workflow.ID) (leases []workflow.Lease, err error) {
	err = s.run(ctx, s.leases, "finding leases", func(ctx context.Context, q *queries) error {
		if len(executions) == 0 {
			rows, err := q.Held(ctx, scheduler)
			if err != nil {
				return err
			}
			leases, err = convert(rows, toLease)
			return err
		}
		rows, err := q.HeldIn(ctx, dbsqlc.HeldInParams{Scheduler: scheduler, Executions: executions})
		if err != nil {
			return err
		}
		leases, err = convert(rows, func(r dbsqlc.HeldInRow) (workflow.Lease, error) { return toLease(dbsqlc.HeldRow(r)) })
		return err
	})
	return leases, err
}

// Unhold implements db.Leases.
func (s *Store) Unhold(ctx context.Context, scheduler workflow.ID, executions []workflow.ID) error {
	return s.run(ctx, s.leases, "letting go of executions", lockScheduler(scheduler), func(ctx context.Context, q *queries) error {
		return q.Unhold(ctx, dbsqlc.UnholdParams{Scheduler: scheduler, Executions: executions})
	})
}

// Schedulers implements db.Queries.
func (s *Store) Schedulers(ctx context.Context) (schedulers []db.Scheduler, err error) {
	err = s.read("listing schedulers", func(q *dbsqlc.Queries) error {
		rows, err := q.ListSchedulers(ctx)
		if err != nil {
			return err
		}
		schedulers, err = convert(rows, func(r dbsqlc.ListSchedulersRow) (db.Scheduler, error) {
			s, err := toScheduler(r.Scheduler)
			if r.Expired {
				s.State = db.SchedulerExpired
			}
			return s, err
		})
		return err
	})
	return schedulers, err
}

func toScheduler(r dbsqlc.Scheduler) (db.Scheduler, error) {
	return db.Scheduler{
		ID: r.ID, Host: r.Host, State: r.State, Queues: r.Queues, Tags: r.Tags, Capacity: r.Capacity, InFlight: r.InFlight,
		StartedAt: r.StartedAt, SeenAt: r.SeenAt, Lease: durationOf(r.LeaseUs),
	}, nil
}
