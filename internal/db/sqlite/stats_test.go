package sqlite_test

import (
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/workflow"
)

func TestStatsOfLargeDatabasesAreEstimates(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	for range 13 {
		_, err := store.Commit(t.Context(), workflow.Need{}, func(l *workflow.Loaded) (*workflow.Change, error) {
			e, root := newExecution("f", l.Now.Add(time.Hour))
			e.State = workflow.ExecutionRunning
			c := &workflow.Change{Now: l.Now, NewExecutions: []*workflow.Execution{e}, NewTasks: []*workflow.Task{root}}
			for range 2000 {
				task := *root
				task.ID, task.Parent, task.State = newID(), root.ID, workflow.TaskCompleted
				task.Key, task.DueAt, task.ScheduledFor = task.ID.String(), nil, nil
				c.NewTasks = append(c.NewTasks, &task)
			}
			return c, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	stats, err := store.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := stats.Tasks[workflow.TaskPending]; got.N != 13 {
		t.Errorf("%+v tasks are pending", got)
	}
	if got := stats.Tasks[workflow.TaskCompleted]; !got.Estimated || got.N < 25_000 || got.N > 27_000 {
		t.Errorf("%+v tasks have completed", got)
	}
}
