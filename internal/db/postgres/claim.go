package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/postgres/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// Lanes implements db.Leases.
func (s *Store) Lanes(ctx context.Context) (lanes []db.Lane, err error) {
	err = s.run(ctx, s.leases, "finding lanes", func(ctx context.Context, q *queries) error {
		rows, err := q.Lanes(ctx, namespace)
		if err != nil {
			return err
		}
		lanes, err = convert(rows, func(r dbsqlc.LanesRow) (db.Lane, error) {
			return db.Lane{
				Queue: r.Queue, Function: r.Lane, Version: r.Version, Pinned: r.Pinned, Priority: r.Priority,
				Key: r.ConcurrencyKey, Oldest: r.Oldest,
			}, nil
		})
		return err
	})
	return lanes, err
}

// NextDue implements db.Leases.
func (s *Store) NextDue(ctx context.Context) (in time.Duration, ok bool, err error) {
	var us int64
	err = s.run(ctx, s.leases, "finding when the next task is due", func(ctx context.Context, q *queries) (err error) {
		us, err = q.NextDue(ctx, namespace)
		return err
	})
	if err != nil || us < 0 {
		return 0, false, err
	}
	return durationOf(us), true, nil
}

// Claim implements db.Leases: in one round trip, or in three when lanes are limited.
func (s *Store) Claim(ctx context.Context, scheduler workflow.ID, lanes []db.Quota) ([]db.Claimed, db.HeldBack, error) {
	c := claim{scheduler: scheduler, lanes: slices.DeleteFunc(slices.Clone(lanes), func(q db.Quota) bool { return q.Limit <= 0 })}
	refs := db.MetersOf(c.lanes)
	if len(refs) == 0 {
		err := s.run(ctx, s.leases, "claiming tasks", checkAlive(scheduler), c.claiming())
		return c.claimed, db.HeldBack{}, err
	}
	conn, err := s.leases.Acquire(ctx)
	if err != nil {
		return nil, db.HeldBack{}, unavailable("claiming tasks", err)
	}
	defer conn.Release()
	defer (&commit{conn: conn.Conn()}).end(ctx)
	err = c.metered(ctx, conn.Conn(), refs)
	return c.claimed, c.back, translate("claiming tasks", s.heard(err))
}

// claim is the work of one Claim.
type claim struct {
	scheduler workflow.ID
	lanes     []db.Quota
	claimed   []db.Claimed

	now    time.Time
	meters db.Meters
	back   db.HeldBack
}

// metered claims within limits, under the locks of their meters.
func (c *claim) metered(ctx context.Context, conn *pgx.Conn, refs []db.MeterRef) error {
	if _, err := send(ctx, conn, append([]statement{begin, checkAlive(c.scheduler)}, c.reading(refs)...)); err != nil {
		return err
	}
	if len(c.meters) < len(refs) {
		return db.ErrConflict // one was forgotten just now
	}
	c.lanes = c.meters.Allow(c.lanes, c.now)
	if _, err := send(ctx, conn, []statement{c.claiming()}); err != nil {
		return err
	}
	c.back = c.meters.Begin(c.lanes, c.claimed, c.now)
	saving, err := c.saving(refs)
	if err != nil {
		return err
	}
	_, err = send(ctx, conn, []statement{saving, commitNow})
	return err
}

// reading gives the statements that lock the meters and read them. Slots are
// counted after the locks are there: who held them before has committed.
func (c *claim) reading(refs []db.MeterRef) []statement {
	functions := column(refs, func(r db.MeterRef) string { return r.Function })
	keys := column(refs, func(r db.MeterRef) string { return r.Key })
	return []statement{
		func(ctx context.Context, q *queries) error {
			return q.MakeMeters(ctx, dbsqlc.MakeMetersParams{Namespace: namespace, Functions: functions, ConcurrencyKeys: keys})
		},
		func(ctx context.Context, q *queries) error {
			rows, err := q.LockMeters(ctx, dbsqlc.LockMetersParams{Namespace: namespace, Functions: functions, ConcurrencyKeys: keys})
			if err != nil {
				return err
			}
			c.meters = make(db.Meters, len(rows))
			for _, r := range rows {
				m := &workflow.Meter{}
				if err := decode(r.Starts, &m.Starts); err != nil {
					return fmt.Errorf("reading the meter of %s: %w", r.Function, err)
				}
				c.meters[db.MeterRef{Function: r.Function, Key: r.ConcurrencyKey}] = m
			}
			return nil
		},
		func(ctx context.Context, q *queries) (err error) {
			c.now, err = q.Now(ctx)
			return err
		},
		func(ctx context.Context, q *queries) error {
			rows, err := q.CountSlots(ctx, dbsqlc.CountSlotsParams{Namespace: namespace, Functions: functions, ConcurrencyKeys: keys})
			for _, r := range rows {
				if m := c.meters[db.MeterRef{Function: r.Function, Key: r.ConcurrencyKey}]; m != nil {
					m.Running = int(r.Running)
				}
			}
			return err
		},
	}
}

// claiming gives the statement that leases tasks.
func (c *claim) claiming() statement {
	lanes := c.lanes
	params := dbsqlc.ClaimParams{
		Namespace:       namespace,
		Scheduler:       c.scheduler,
		Queues:          column(lanes, func(q db.Quota) string { return q.Queue }),
		Lanes:           column(lanes, func(q db.Quota) string { return q.Function }),
		Pinneds:         column(lanes, func(q db.Quota) bool { return q.Pinned }),
		Versions:        column(lanes, func(q db.Quota) string { return q.Version }),
		Priorities:      column(lanes, func(q db.Quota) int32 { return number(q.Priority) }),
		ConcurrencyKeys: column(lanes, func(q db.Quota) string { return q.Key }),
		Limits:          column(lanes, func(q db.Quota) int32 { return number(q.Limit) }),
		Kinds:           column(lanes, func(q db.Quota) string { return string(q.Kind) }),
		Limiteds:        column(lanes, func(q db.Quota) bool { return q.Limited() }),
	}
	return func(ctx context.Context, q *queries) error {
		rows, err := q.Claim(ctx, params)
		if err != nil {
			return err
		}
		if c.claimed, err = convert(rows, toClaimed); err != nil {
			return err
		}
		slices.SortFunc(c.claimed, func(a, b db.Claimed) int { return a.Task.ScheduledFor.Compare(*b.Task.ScheduledFor) })
		return nil
	}
}

// saving gives the statement that stores the meters.
func (c *claim) saving(refs []db.MeterRef) (statement, error) {
	rates := make(map[db.MeterRef]*workflow.RateLimit, len(refs))
	for _, q := range c.lanes {
		rates[db.MeterRef{Function: q.Function, Key: q.Key}] = q.Rate
	}
	var errs []error
	params := dbsqlc.SaveMetersParams{
		Namespace:       namespace,
		Functions:       column(refs, func(r db.MeterRef) string { return r.Function }),
		ConcurrencyKeys: column(refs, func(r db.MeterRef) string { return r.Key }),
		Starts: encoded(&errs, refs, func(r db.MeterRef) ([]workflow.Starts, bool) {
			starts := c.meters[r].Starts
			return starts, len(starts) > 0
		}),
		IdleAts: column(refs, func(r db.MeterRef) time.Time { return c.meters[r].IdleAt(rates[r], c.now) }),
	}
	return func(ctx context.Context, q *queries) error { return q.SaveMeters(ctx, params) }, errors.Join(errs...)
}

// ForgetMeters implements db.Leases.
func (s *Store) ForgetMeters(ctx context.Context, limit int) (deleted int, err error) {
	err = s.run(ctx, s.leases, "forgetting meters", func(ctx context.Context, q *queries) error {
		n, err := q.ForgetMeters(ctx, dbsqlc.ForgetMetersParams{Namespace: namespace, Most: number(limit)})
		deleted = int(n)
		return err
	})
	return deleted, err
}

func toClaimed(r dbsqlc.ClaimRow) (db.Claimed, error) {
	t, err := toTask(r.Task)
	if err != nil {
		return db.Claimed{}, fmt.Errorf("claiming: %w", err)
	}
	if r.ExecutionInput != nil {
		t.Input = r.ExecutionInput
	}
	e := &workflow.Execution{
		Namespace: t.Namespace, ID: t.Execution, Function: r.Function, Version: r.ExecutionVersion,
		State: workflow.ExecutionState(r.ExecutionState), Tags: r.Tags, Seed: r.Seed, TraceParent: r.TraceParent,
		DeadlineAt: r.DeadlineAt, CancelRequested: r.ExecutionCancelRequested,
	}
	if r.Begins {
		e.State = workflow.ExecutionRunning
	}
	return db.Claimed{Task: t, Execution: e, Elapsed: r.Elapsed}, nil
}

// Hasten implements db.Leases. Tasks that are locked now are passed over.
func (s *Store) Hasten(ctx context.Context, function string) error {
	return s.run(ctx, s.leases, "hastening tasks", func(ctx context.Context, q *queries) error {
		return q.Hasten(ctx, dbsqlc.HastenParams{Namespace: namespace, Function: function})
	})
}
