package durabletest

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/workflow"
)

// view shows an execution as a client sees it.
func (e *Env) view(id workflow.ID) *durable.Execution {
	x := e.store.executions[id]
	v := &durable.Execution{
		ID: id.String(), Function: x.Function, Version: x.Version, State: durable.State(x.State), Input: x.Input, Result: x.Result,
		Retries: x.Retries, Tags: x.Tags, Priority: x.Priority, Queue: x.Queue,
		CreatedAt: x.CreatedAt, StartedAt: x.StartedAt, CompletedAt: x.CompletedAt, DeadlineAt: x.DeadlineAt,
		Progress: []durable.Progress{}, Counters: map[string]int64{}, CustomState: map[string]json.RawMessage{},
	}
	if x.Error != nil {
		v.Error = &durable.ExecutionError{
			ExecutionID: v.ID, State: v.State, Type: x.Error.Type, Message: x.Error.Message, Details: x.Error.Details,
		}
	}
	tasks := slices.Clone(e.store.of[id]) // a restart copies steps of an earlier run
	slices.SortStableFunc(tasks, func(a, b workflow.ID) int {
		return e.store.tasks[a].CreatedAt.Compare(e.store.tasks[b].CreatedAt)
	})
	current := map[workflow.ID]bool{}
	e.store.descend(x.RootTask, current)
	for _, task := range tasks {
		if t := e.store.tasks[task]; current[task] && t.Op != workflow.OpItem {
			v.Progress = append(v.Progress, durable.Progress{
				Step: t.Key, Status: progressStatus(t), StartedAt: t.StartedAt, CompletedAt: t.CompletedAt, Detail: t.Detail, TaskID: t.ID.String(),
			})
		}
	}
	maps.Copy(v.Counters, e.store.counters[id])
	maps.Copy(v.CustomState, e.store.state[id])
	return v
}

// progressStatus shows a task's state as people see a step. A map that waits is at
// work: it waits for its own items.
func progressStatus(t *workflow.Task) string {
	switch {
	case t.CacheHit:
		return "cache_hit"
	case t.State == workflow.TaskPending:
		return "dispatched"
	case t.State == workflow.TaskWaiting && t.Kind == workflow.KindMap:
		return "running"
	}
	return string(t.State)
}
