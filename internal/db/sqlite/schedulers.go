package sqlite

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/sqlite/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

// Join implements db.Leases. It was started when it says, and seen now.
func (s *Store) Join(ctx context.Context, scheduler db.Scheduler) error {
	return s.write(ctx, "joining", func(ctx context.Context, tx *transaction) error {
		scheduler.SeenAt = tx.now
		if scheduler.StartedAt.IsZero() {
			scheduler.StartedAt = tx.now
		}
		row, err := fromScheduler(scheduler)
		if err != nil {
			return err
		}
		return tx.Join(ctx, dbsqlc.JoinParams(row))
	})
}

// Beat implements db.Leases.
func (s *Store) Beat(ctx context.Context, scheduler db.Scheduler) error {
	return s.write(ctx, "renewing leases", func(ctx context.Context, tx *transaction) error {
		row, err := fromScheduler(scheduler)
		if err != nil {
			return err
		}
		n, err := tx.Beat(ctx, dbsqlc.BeatParams{
			State: row.State, Queues: row.Queues, Tags: row.Tags, Capacity: row.Capacity, InFlight: row.InFlight,
			SeenAt: tx.us(), LeaseUs: row.LeaseUs, ID: row.ID,
		})
		if err == nil && n == 0 {
			return db.ErrExpired
		}
		return err
	})
}

// Leave implements db.Leases. One that has expired stays so: what it held is to be found.
func (s *Store) Leave(ctx context.Context, scheduler workflow.ID) error {
	return s.write(ctx, "leaving", func(ctx context.Context, tx *transaction) error {
		executions, err := tx.ListHolds(ctx, dbsqlc.ListHoldsParams{SchedulerID: scheduler, Namespace: namespace})
		if err != nil {
			return err
		}
		released := true
		for _, execution := range executions {
			kept, err := tx.unhold(ctx, scheduler, execution)
			if err != nil {
				return err
			}
			released = released && !kept
		}
		_, err = tx.Leave(ctx, dbsqlc.LeaveParams{Released: released, SeenAt: tx.us(), ID: scheduler})
		return err
	})
}

// unhold forgets a hold, unless it is one; then it is kept.
func (tx *transaction) unhold(ctx context.Context, scheduler, execution workflow.ID) (kept bool, err error) {
	held, err := heldIn(ctx, tx.Queries, scheduler, execution)
	if err != nil || len(held) > 0 {
		return true, err
	}
	return false, tx.Unhold(ctx, dbsqlc.UnholdParams{Namespace: namespace, SchedulerID: scheduler, ExecutionID: execution})
}

// Expire implements db.Leases.
func (s *Store) Expire(ctx context.Context, grace time.Duration) error {
	return s.write(ctx, "expiring schedulers", func(ctx context.Context, tx *transaction) error {
		return tx.Expire(ctx, tx.now.Add(-grace).UnixMicro())
	})
}

// expireAll marks every scheduler expired: none of them is of this process.
func (s *Store) expireAll(ctx context.Context) error {
	return s.write(ctx, "expiring the schedulers of earlier processes", func(ctx context.Context, tx *transaction) error {
		return tx.Expire(ctx, math.MaxInt64) // whatever they said of their leases
	})
}

// remembered is how long a scheduler that is gone is still listed.
const remembered = 24 * time.Hour

// Orphans implements db.Leases. It looks through the holds of each scheduler that is
// gone until it has enough, and deletes those that are empty on its way, so that none
// is looked at again and again. It also forgets schedulers that went a day ago.
func (s *Store) Orphans(ctx context.Context, limit int) ([]workflow.Lease, error) {
	unreleased, old, err := s.gone(ctx)
	if err != nil || len(unreleased) == 0 && !old {
		return nil, err // the usual case takes no turn from writers
	}
	var leases []workflow.Lease
	err = s.write(ctx, "finding orphaned leases", func(ctx context.Context, tx *transaction) error {
		for _, scheduler := range unreleased {
			found, err := tx.orphans(ctx, scheduler, limit-len(leases))
			if err != nil {
				return err
			}
			leases = append(leases, found...)
		}
		return tx.DeleteReleased(ctx, tx.now.Add(-remembered).UnixMicro())
	})
	if err != nil {
		return nil, err
	}
	return leases, nil
}

// gone gives the schedulers that are gone and may still hold something, and whether
// some can be forgotten.
func (s *Store) gone(ctx context.Context) (unreleased []workflow.ID, old bool, err error) {
	err = s.view(ctx, "finding schedulers that are gone", func(ctx context.Context, q *dbsqlc.Queries) (err error) {
		if unreleased, err = q.ListUnreleased(ctx); err != nil {
			return err
		}
		old, err = q.AnyReleased(ctx, s.clock.now().Add(-remembered).UnixMicro())
		return err
	})
	return unreleased, old, err
}

// orphans gives leases of one scheduler that is gone, at most limit; when there are
// none left, it releases the scheduler.
func (tx *transaction) orphans(ctx context.Context, scheduler workflow.ID, limit int) (leases []workflow.Lease, err error) {
	executions, err := tx.ListHolds(ctx, dbsqlc.ListHoldsParams{SchedulerID: scheduler, Namespace: namespace})
	if err != nil {
		return nil, err
	}
	for _, execution := range executions {
		if len(leases) >= limit {
			return leases[:max(limit, 0)], nil
		}
		held, err := heldIn(ctx, tx.Queries, scheduler, execution)
		if err != nil {
			return nil, err
		}
		leases = append(leases, held...)
		if len(held) > 0 {
			continue
		}
		err = tx.Unhold(ctx, dbsqlc.UnholdParams{Namespace: namespace, SchedulerID: scheduler, ExecutionID: execution})
		if err != nil {
			return nil, err
		}
	}
	if len(leases) == 0 {
		return nil, tx.Bury(ctx, scheduler)
	}
	return leases[:min(len(leases), limit)], nil
}

// Held implements db.Leases.
func (s *Store) Held(ctx context.Context, scheduler workflow.ID, executions []workflow.ID) (leases []workflow.Lease, err error) {
	err = s.view(ctx, "finding leases", func(ctx context.Context, q *dbsqlc.Queries) (err error) {
		if len(executions) == 0 {
			executions, err = q.ListHolds(ctx, dbsqlc.ListHoldsParams{SchedulerID: scheduler, Namespace: namespace})
			if err != nil {
				return err
			}
		}
		for _, execution := range executions {
			held, err := heldIn(ctx, q, scheduler, execution)
			if err != nil {
				return err
			}
			leases = append(leases, held...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return leases, nil
}

func heldIn(ctx context.Context, q *dbsqlc.Queries, scheduler, execution workflow.ID) ([]workflow.Lease, error) {
	rows, err := q.HeldIn(ctx, dbsqlc.HeldInParams{Namespace: namespace, ExecutionID: execution, Holder: scheduler})
	if err != nil {
		return nil, err
	}
	leases := make([]workflow.Lease, len(rows))
	for i, row := range rows {
		leases[i] = workflow.Lease{Execution: execution, Task: row.ID, Token: row.Token}
	}
	return leases, nil
}

// Unhold implements db.Leases.
func (s *Store) Unhold(ctx context.Context, scheduler workflow.ID, executions []workflow.ID) error {
	return s.write(ctx, "letting go of executions", func(ctx context.Context, tx *transaction) error {
		for _, execution := range executions {
			if _, err := tx.unhold(ctx, scheduler, execution); err != nil {
				return err
			}
		}
		return nil
	})
}

// Schedulers implements db.Queries.
func (s *Store) Schedulers(ctx context.Context) (schedulers []db.Scheduler, err error) {
	err = s.view(ctx, "listing schedulers", func(ctx context.Context, q *dbsqlc.Queries) error {
		rows, err := q.ListSchedulers(ctx)
		if err != nil {
			return err
		}
		now := s.clock.now()
		schedulers, err = convert(rows, func(row dbsqlc.Scheduler) (db.Scheduler, error) {
			x, err := toScheduler(row)
			if x.State != db.SchedulerStopped && x.SeenAt.Add(x.Lease).Before(now) {
				x.State = db.SchedulerExpired
			}
			return x, err
		})
		return err
	})
	return schedulers, err
}

func fromScheduler(s db.Scheduler) (row dbsqlc.Scheduler, err error) {
	row = dbsqlc.Scheduler{
		ID: s.ID, Host: s.Host, State: s.State, Capacity: s.Capacity, InFlight: s.InFlight,
		StartedAt: s.StartedAt.UnixMicro(), SeenAt: s.SeenAt.UnixMicro(), LeaseUs: s.Lease.Microseconds(),
	}
	if row.Queues, err = list(s.Queues); err != nil {
		return row, fmt.Errorf("queues of scheduler %s: %w", s.ID, err)
	}
	if row.Tags, err = list(s.Tags); err != nil {
		return row, fmt.Errorf("tags of scheduler %s: %w", s.ID, err)
	}
	return row, nil
}

func toScheduler(row dbsqlc.Scheduler) (s db.Scheduler, err error) {
	s = db.Scheduler{
		ID: row.ID, Host: row.Host, State: row.State, Capacity: row.Capacity, InFlight: row.InFlight,
		StartedAt: timeOf(row.StartedAt), SeenAt: timeOf(row.SeenAt), Lease: durationOf(row.LeaseUs),
	}
	if s.Queues, err = listOf(row.Queues); err != nil {
		return s, fmt.Errorf("queues of scheduler %s: %w", row.ID, err)
	}
	if s.Tags, err = listOf(row.Tags); err != nil {
		return s, fmt.Errorf("tags of scheduler %s: %w", row.ID, err)
	}
	return s, nil
}
