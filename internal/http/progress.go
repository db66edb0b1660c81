package http

import (
	"fmt"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/http/api"
	"github.com/stent-dev/stent/internal/workflow"
)

// step writes a step of an execution's progress.
func (w *jsonWriter) step(t *engine.Step) {
	w.begin('{')
	w.text("step", t.Key)
	w.text("status", string(stepStatus(t)))
	w.time("started_at", t.StartedAt)
	w.time("completed_at", t.CompletedAt)
	if len(t.Detail) > 0 {
		w.raw("detail", t.Detail)
	} else {
		w.optional("detail", stepDetail(t))
	}
	w.text("task_id", t.ID.String())
	w.end('}')
}

// stepStatus shows a task's state as people see a step. A map that waits is at
// work: it waits for its own items.
func stepStatus(t *engine.Step) api.StepStatus {
	switch t.State {
	case workflow.TaskPending:
		return api.StepStatusDispatched
	case workflow.TaskRunning:
		return api.StepStatusRunning
	case workflow.TaskWaiting:
		if t.Kind == workflow.KindMap {
			return api.StepStatusRunning
		}
		return api.StepStatusWaiting
	case workflow.TaskCompleted:
		if t.CacheHit {
			return api.StepStatusCacheHit
		}
		return api.StepStatusCompleted
	case workflow.TaskCancelled:
		return api.StepStatusCancelled
	case workflow.TaskFailed:
	}
	return api.StepStatusFailed
}

// stepDetail says what there is to say of a step; "" for nothing.
func stepDetail(t *engine.Step) string {
	switch {
	case t.Kind == workflow.KindMap && !t.State.Settled():
		return fmt.Sprintf("%d of %d items done", t.Items-t.Open, t.Items)
	case t.Error != nil && t.State != workflow.TaskCompleted:
		return t.Error.Error()
	case t.State == workflow.TaskWaiting && t.Kind == workflow.KindSignal:
		return "waits for the signal " + t.WaitingFor
	case t.AwaitsResult:
		return "waits for the result of another call with the same key"
	case t.State == workflow.TaskWaiting && t.Kind == workflow.KindTimer && t.ScheduledFor != nil:
		until, _ := api.Time(*t.ScheduledFor).MarshalText() // has no error
		return "waits until " + string(until)
	}
	return ""
}
