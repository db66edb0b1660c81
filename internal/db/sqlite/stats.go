package sqlite

import (
	"cmp"
	"context"
	"slices"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/sqlite/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

const (
	// counted is how many executions of a state, and dead letters, are counted. SQLite
	// has no statistics that would tell of more.
	counted = 100_000
	// sampledTasks is how many tasks are looked at, the newest ones.
	sampledTasks = 20_000
	// sampledOpen is how many executions of each open state are looked at from either end.
	sampledOpen = 100
)

// QueueDepths implements db.Queries.
func (s *Store) QueueDepths(ctx context.Context) (depths []db.QueueDepth, err error) {
	now := s.clock.now().UnixMicro()
	at := map[string]int{}
	err = s.view(ctx, "counting what is due", func(ctx context.Context, q *dbsqlc.Queries) error {
		return eachLane(ctx, q, func(row dbsqlc.NextLaneRow) error {
			if row.Lane == "" || *row.DueAt > now {
				return nil
			}
			i, known := at[row.Queue]
			if !known {
				i = len(depths)
				at[row.Queue] = i
				depths = append(depths, db.QueueDepth{Name: row.Queue, Oldest: timeOf(*row.DueAt)})
			}
			d := &depths[i]
			if oldest := timeOf(*row.DueAt); oldest.Before(d.Oldest) {
				d.Oldest = oldest
			}
			if d.More {
				return nil
			}
			n, err := q.CountDue(ctx, dbsqlc.CountDueParams{
				Namespace: namespace, Queue: row.Queue, Lane: row.Lane, Pinned: row.Pinned, Version: row.Version,
				Priority: row.Priority, ConcurrencyKey: row.ConcurrencyKey, Now: &now, Most: db.CountedUpTo + 1 - d.Due,
			})
			d.Due += n
			if d.More = d.Due > db.CountedUpTo; d.More {
				d.Due = db.CountedUpTo
			}
			return err
		})
	})
	slices.SortFunc(depths, func(a, b db.QueueDepth) int { return cmp.Compare(a.Name, b.Name) })
	return depths, err
}

// Stats implements db.Queries.
func (s *Store) Stats(ctx context.Context) (*db.Stats, error) {
	stats := &db.Stats{Executions: map[workflow.ExecutionState]db.Count{}, Tasks: map[workflow.TaskState]db.Count{}}
	err := s.view(ctx, "counting", func(ctx context.Context, q *dbsqlc.Queries) error {
		for _, state := range db.ExecutionStates() {
			n, err := q.CountExecutions(ctx, dbsqlc.CountExecutionsParams{State: state, Namespace: namespace, Most: counted})
			if err != nil {
				return err
			}
			if n > 0 {
				stats.Executions[state] = db.Count{N: n, Estimated: n == counted}
			}
		}
		letters, err := q.CountDeadLetters(ctx, dbsqlc.CountDeadLettersParams{Namespace: namespace, Most: counted})
		if err != nil {
			return err
		}
		stats.DeadLetters = db.Count{N: letters, Estimated: letters == counted}
		return sampleTasks(ctx, q, stats)
	})
	if err != nil {
		return nil, err
	}
	return stats, nil
}

// sampleTasks takes the newest tasks for all of them, and if there are more than
// that, counts open ones by a sample of the executions that have them.
func sampleTasks(ctx context.Context, q *dbsqlc.Queries, stats *db.Stats) error {
	numbers, err := q.TaskRange(ctx)
	if err != nil {
		return err
	}
	rows, err := q.SampleTasks(ctx, sampledTasks)
	if err != nil {
		return err
	}
	var sampled int64
	for _, r := range rows {
		sampled += r.N
	}
	all := numbers.Newest - numbers.Oldest + 1
	for _, r := range rows {
		switch {
		case sampled < sampledTasks:
			stats.Tasks[r.State] = db.Count{N: r.N}
		case r.State.Settled():
			stats.Tasks[r.State] = db.Count{N: r.N * all / sampled, Estimated: true}
		}
	}
	if sampled < sampledTasks {
		return nil
	}
	samples := map[workflow.ExecutionState]db.OpenSample{}
	for _, state := range db.OpenStates() {
		if samples[state], err = sampleOpen(ctx, q, state); err != nil {
			return err
		}
	}
	stats.Extrapolate(samples)
	return nil
}

// sampleOpen counts the open tasks of the oldest and of the newest executions of a state.
func sampleOpen(ctx context.Context, q *dbsqlc.Queries, state workflow.ExecutionState) (db.OpenSample, error) {
	sample := db.OpenSample{Tasks: map[workflow.TaskState]int64{}}
	oldest, err := q.OldestExecutions(ctx, dbsqlc.OldestExecutionsParams{State: state, Namespace: namespace, Most: sampledOpen})
	if err != nil {
		return sample, err
	}
	_, below := (&db.ExecutionFilter{}).IDs()
	newest, err := q.OpenExecutions(ctx, dbsqlc.OpenExecutionsParams{
		State: state, Namespace: namespace, Below: below, Most: sampledOpen,
	})
	if err != nil {
		return sample, err
	}
	for _, id := range db.MergeIDs([][]workflow.ID{oldest, newest}, 2*sampledOpen) {
		sample.Executions++
		rows, err := q.CountOpenTasks(ctx, dbsqlc.CountOpenTasksParams{ExecutionID: id, Namespace: namespace})
		if err != nil {
			return sample, err
		}
		for _, r := range rows {
			sample.Tasks[r.State] += r.N
		}
	}
	return sample, nil
}
