package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

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
				Queue: r.Queue, Function: r.Lane, Version: r.Version, Pinned: r.Pinned, Priority: r.Priority, Oldest: r.Oldest,
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

// Claim implements db.Leases, in one round trip.
func (s *Store) Claim(ctx context.Context, scheduler workflow.ID, lanes []db.Quota) (claimed []db.Claimed, err error) {
	lanes = slices.DeleteFunc(slices.Clone(lanes), func(q db.Quota) bool { return q.Limit <= 0 })
	params := dbsqlc.ClaimParams{
		Namespace:  namespace,
		Scheduler:  scheduler,
		Queues:     column(lanes, func(q db.Quota) string { return q.Queue }),
		Lanes:      column(lanes, func(q db.Quota) string { return q.Function }),
		Pinneds:    column(lanes, func(q db.Quota) bool { return q.Pinned }),
		Versions:   column(lanes, func(q db.Quota) string { return q.Version }),
		Priorities: column(lanes, func(q db.Quota) int32 { return number(q.Priority) }),
		Limits:     column(lanes, func(q db.Quota) int32 { return number(q.Limit) }),
		Kinds:      column(lanes, func(q db.Quota) string { return string(q.Kind) }),
	}
	err = s.run(ctx, s.leases, "claiming tasks", checkAlive(scheduler), func(ctx context.Context, q *queries) error {
		rows, err := q.Claim(ctx, params)
		if err != nil {
			return err
		}
		claimed, err = convert(rows, toClaimed)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(claimed, func(a, b db.Claimed) int { return a.Task.ScheduledFor.Compare(*b.Task.ScheduledFor) })
	return claimed, nil
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
