package postgres

import (
	"context"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/postgres/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

const (
	// countedInAll is about how many tasks are counted for all queues.
	countedInAll = 10 * db.CountedUpTo
	// smallTable is how large the table of tasks may be to be read as a whole, in bytes.
	smallTable = 16 << 20
	// sampledBytes is how much of a large one is read of which there are no statistics.
	sampledBytes = 4 << 20
	// sampledOpen is how many executions of each open state are looked at from either end.
	sampledOpen = 100
)

// QueueDepths implements db.Queries.
func (s *Store) QueueDepths(ctx context.Context) (depths []db.QueueDepth, err error) {
	err = s.read("counting what is due", func(q *dbsqlc.Queries) error {
		rows, err := q.QueueDepths(ctx, dbsqlc.QueueDepthsParams{
			Namespace: namespace, OfLane: db.CountedUpTo + 1, InAll: countedInAll,
		})
		depths = column(rows, func(r dbsqlc.QueueDepthsRow) db.QueueDepth {
			return db.QueueDepth{Name: r.Queue, Due: min(r.Due, db.CountedUpTo), More: r.More || r.Due > db.CountedUpTo, Oldest: r.Oldest}
		})
		return err
	})
	return depths, err
}

// Stats implements db.Queries.
func (s *Store) Stats(ctx context.Context) (*db.Stats, error) {
	stats := &db.Stats{Executions: map[workflow.ExecutionState]db.Count{}, Tasks: map[workflow.TaskState]db.Count{}}
	err := s.read("counting", func(q *dbsqlc.Queries) error {
		if err := countExecutions(ctx, q, stats); err != nil {
			return err
		}
		letters, err := q.CountDeadLetters(ctx, dbsqlc.CountDeadLettersParams{Namespace: namespace, Most: db.CountedUpTo + 1})
		if err != nil {
			return err
		}
		stats.DeadLetters = db.Count{N: letters.N}
		if letters.N > db.CountedUpTo {
			stats.DeadLetters = db.Count{N: max(letters.N, letters.Estimated), Estimated: true}
		}
		size, err := q.SizeOfTasks(ctx)
		if err != nil {
			return err
		}
		if size > smallTable {
			return estimateTasks(ctx, q, stats, size)
		}
		rows, err := q.CountTasks(ctx, namespace)
		for _, r := range rows {
			stats.Tasks[r.State] = db.Count{N: r.N}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return stats, nil
}

// countExecutions counts so many of each state, and takes the server's estimate of
// those that there are more of.
func countExecutions(ctx context.Context, q *dbsqlc.Queries, stats *db.Stats) error {
	counts, err := q.CountExecutions(ctx, dbsqlc.CountExecutionsParams{
		States: texts(db.ExecutionStates()), Namespace: namespace, Most: db.CountedUpTo + 1,
	})
	if err != nil {
		return err
	}
	var many bool
	for _, c := range counts {
		if c.N > 0 {
			stats.Executions[workflow.ExecutionState(c.State)] = db.Count{N: c.N, Estimated: c.N > db.CountedUpTo}
		}
		many = many || c.N > db.CountedUpTo
	}
	if !many {
		return nil
	}
	estimates, err := q.EstimateStates(ctx, "executions")
	for _, e := range estimates {
		state := workflow.ExecutionState(e.State)
		if c := stats.Executions[state]; c.Estimated {
			stats.Executions[state] = db.Count{N: max(c.N, e.N), Estimated: true}
		}
	}
	return err
}

// estimateTasks takes the server's estimates of tasks that have settled, and counts
// open ones by a sample of the executions that have them.
func estimateTasks(ctx context.Context, q *dbsqlc.Queries, stats *db.Stats, size int64) error {
	estimates, err := q.EstimateStates(ctx, "tasks")
	if err != nil {
		return err
	}
	if len(estimates) == 0 {
		if estimates, err = sampleTasks(ctx, q, size); err != nil {
			return err
		}
	}
	for _, e := range estimates {
		if state := workflow.TaskState(e.State); state.Settled() {
			stats.Tasks[state] = db.Count{N: e.N, Estimated: true}
		}
	}
	rows, err := q.SampleOpenTasks(ctx, dbsqlc.SampleOpenTasksParams{
		States: texts(db.OpenStates()), Namespace: namespace, Most: sampledOpen,
	})
	samples := map[workflow.ExecutionState]db.OpenSample{}
	for _, r := range rows {
		state := workflow.ExecutionState(r.ExecutionState)
		if samples[state].Tasks == nil {
			samples[state] = db.OpenSample{Executions: r.Executions, Tasks: map[workflow.TaskState]int64{}}
		}
		samples[state].Tasks[r.State] = r.N
	}
	stats.Extrapolate(samples)
	return err
}

// sampleTasks estimates by some pages of a table of which the server has no statistics
// yet: it makes them within minutes.
func sampleTasks(ctx context.Context, q *dbsqlc.Queries, size int64) ([]dbsqlc.EstimateStatesRow, error) {
	share := float32(sampledBytes) / float32(size)
	rows, err := q.SampleTasks(ctx, 100*share)
	return column(rows, func(r dbsqlc.SampleTasksRow) dbsqlc.EstimateStatesRow {
		return dbsqlc.EstimateStatesRow{State: string(r.State), N: int64(float32(r.N) / share)}
	}), err
}
