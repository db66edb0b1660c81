package sqlite

import (
	"context"
	"errors"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/sqlite/internal/dbsqlc"
)

// Lanes implements db.Leases: it leaps from lane to lane in the index of due tasks.
func (s *Store) Lanes(ctx context.Context) ([]db.Lane, error) {
	lanes := []db.Lane{}
	now := s.clock.now().UnixMicro()
	err := s.view(ctx, "finding lanes", func(ctx context.Context, q *dbsqlc.Queries) error {
		return eachLane(ctx, q, func(row dbsqlc.NextLaneRow) error {
			if *row.DueAt <= now {
				lanes = append(lanes, db.Lane{
					Queue: row.Queue, Function: row.Lane, Version: row.Version, Pinned: row.Pinned,
					Priority: row.Priority, Key: row.ConcurrencyKey, Oldest: timeOf(*row.DueAt),
				})
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return lanes, nil
}

// NextDue implements db.Leases.
func (s *Store) NextDue(ctx context.Context) (in time.Duration, ok bool, err error) {
	now := s.clock.now().UnixMicro()
	err = s.view(ctx, "finding when the next task is due", func(ctx context.Context, q *dbsqlc.Queries) error {
		return eachLane(ctx, q, func(row dbsqlc.NextLaneRow) error {
			due := row.DueAt
			if *due <= now {
				var err error
				due, err = q.NextDue(ctx, dbsqlc.NextDueParams{
					Namespace: namespace, Queue: row.Queue, Lane: row.Lane, Pinned: row.Pinned, Version: row.Version,
					Priority: row.Priority, ConcurrencyKey: row.ConcurrencyKey, Now: &now,
				})
				if errors.Is(err, errNoRows) {
					return nil
				}
				if err != nil {
					return err
				}
			}
			if wait := durationOf(*due - now); !ok || wait < in {
				in, ok = wait, true
			}
			return nil
		})
	})
	if err != nil {
		return 0, false, err
	}
	return in, ok, nil
}

// Hasten implements db.Leases.
func (s *Store) Hasten(ctx context.Context, function string) error {
	return s.write(ctx, "hastening tasks", func(ctx context.Context, tx *transaction) error {
		now := tx.us()
		return eachLane(ctx, tx.Queries, func(row dbsqlc.NextLaneRow) error {
			if row.Queue == "" || row.Lane != function {
				return nil
			}
			return tx.Hasten(ctx, dbsqlc.HastenParams{
				Now: &now, Changed: now, Namespace: namespace, Queue: row.Queue, Lane: row.Lane, Pinned: row.Pinned, Version: row.Version,
				Priority: row.Priority, ConcurrencyKey: row.ConcurrencyKey,
			})
		})
	})
}

// eachLane visits the first task of every lane, due or not yet.
func eachLane(ctx context.Context, q *dbsqlc.Queries, visit func(dbsqlc.NextLaneRow) error) error {
	after := dbsqlc.NextLaneParams{Namespace: namespace, Pinned: -1, Priority: 0} // before the first there can be
	for {
		row, err := q.NextLane(ctx, after)
		if errors.Is(err, errNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := visit(row); err != nil {
			return err
		}
		after.Queue, after.Lane, after.Pinned, after.Version, after.Priority, after.ConcurrencyKey = row.Queue, row.Lane, row.Pinned, row.Version, row.Priority, row.ConcurrencyKey
	}
}
