package dbtest

import (
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

var counting = map[string]func(*fixture){
	"StatsOfNothingAreEmpty":            statsOfNothing,
	"StatsCountEveryState":              statsCountStates,
	"ManyAreSaidToBeEstimated":          manyAreEstimated,
	"DepthsOfQueuesStopBeforeTheEnd":    depthsStop,
	"DepthsTellOfQueuesWithManyLanes":   depthsOfManyLanes,
	"WhatIsNotDueIsNotInTheQueuesDepth": depthsOfWhatIsDue,
}

func (f *fixture) stats() *db.Stats {
	f.Helper()
	stats, err := f.store.Stats(f.ctx)
	f.ok(err)
	return stats
}

func (f *fixture) depths() []db.QueueDepth {
	f.Helper()
	depths, err := f.store.QueueDepths(f.ctx)
	f.ok(err)
	return depths
}

func statsOfNothing(f *fixture) {
	stats := f.stats()
	f.equal("counts", []any{len(stats.Executions), len(stats.Tasks), stats.DeadLetters}, []any{0, 0, db.Count{}})
	f.equal("queues", len(f.depths()), 0)
}

func statsCountStates(f *fixture) {
	_, root := f.start("f", waiting)
	f.start("f")
	f.start("g", func(e *workflow.Execution, t *workflow.Task) {
		e.State, t.State, t.DueAt = workflow.ExecutionFailed, workflow.TaskFailed, nil
	})
	step := newChild(root, "a", inState(workflow.TaskFailed))
	f.add(step, newChild(root, "b", inState(workflow.TaskCompleted)), newChild(root, "c", isMap))
	f.bury(newLetter(step), newLetter(root))
	stats := f.stats()
	f.equal("executions", stats.Executions, map[workflow.ExecutionState]db.Count{
		workflow.ExecutionPending: {N: 2}, workflow.ExecutionFailed: {N: 1},
	})
	f.equal("tasks", stats.Tasks, map[workflow.TaskState]db.Count{
		workflow.TaskPending: {N: 1}, workflow.TaskWaiting: {N: 2}, workflow.TaskFailed: {N: 2}, workflow.TaskCompleted: {N: 1},
	})
	f.equal("dead letters", stats.DeadLetters, db.Count{N: 2})
}

// startAtOnce starts so many executions by one commit.
func (f *fixture) startAtOnce(n int, change func(i int, e *workflow.Execution, root *workflow.Task)) {
	f.Helper()
	for first := 0; first < n; first += 5000 {
		f.commit(workflow.Need{}, func(l *workflow.Loaded, c *workflow.Change) {
			for i := first; i < min(first+5000, n); i++ {
				e, root := newExecution("f", l.Now)
				change(i, e, root)
				c.NewExecutions, c.NewTasks = append(c.NewExecutions, e), append(c.NewTasks, root)
			}
		})
	}
}

// manyAreEstimated has more than PostgreSQL counts, and fewer than SQLite does. Nobody
// has analyzed anything yet, so all that is known is that there are many.
func manyAreEstimated(f *fixture) {
	f.startAtOnce(db.CountedUpTo+2, func(_ int, e *workflow.Execution, t *workflow.Task) { waiting(e, t) })
	running := f.stats().Executions[workflow.ExecutionPending]
	if running.N < db.CountedUpTo+1 || running.N > 2*db.CountedUpTo {
		f.Fatalf("counted %+v", running)
	}
	if !running.Estimated {
		f.equal("counted", running.N, int64(db.CountedUpTo+2))
	}
}

func depthsStop(f *fixture) {
	ago := time.Now().Add(-time.Hour).UTC().Truncate(time.Microsecond)
	f.startAtOnce(db.CountedUpTo+1, func(i int, _ *workflow.Execution, t *workflow.Task) {
		if i == 7 {
			t.DueAt = &ago
		}
	})
	f.start("f", func(_ *workflow.Execution, t *workflow.Task) { t.Queue = "small" })
	depths := f.depths()
	f.equal("queues", len(depths), 2)
	f.equal("the large one", depths[0], db.QueueDepth{Name: "default", Due: db.CountedUpTo, More: true, Oldest: ago})
	f.equal("the small one", []any{depths[1].Name, depths[1].Due, depths[1].More}, []any{"small", int64(1), false})
}

func depthsOfManyLanes(f *fixture) {
	f.startAtOnce(300, func(i int, _ *workflow.Execution, t *workflow.Task) {
		t.Priority, t.Queue = i/3, []string{"a", "b", "c"}[i%3]
	})
	depths := f.depths()
	f.equal("queues", len(depths), 3)
	for _, d := range depths {
		f.equal(d.Name, []any{d.Due, d.More}, []any{int64(100), false})
	}
}

func depthsOfWhatIsDue(f *fixture) {
	f.start("f", func(_ *workflow.Execution, t *workflow.Task) { t.DueAt = new(time.Now().Add(time.Hour)) })
	f.start("f", waiting)
	f.equal("queues", len(f.depths()), 0)
}
