package http

import (
	"fmt"

	"github.com/stent-dev/stent/internal/http/api"
	"github.com/stent-dev/stent/internal/workflow"
)

// shownAsStep leaves out what is no step of anybody's: the deadline's timer, the
// callback, and an orchestrator's own task, whose steps are shown instead.
func shownAsStep(t *workflow.Task) bool {
	return t.Op != workflow.OpDeadline && t.Op != workflow.OpCallback && (t.Op != workflow.OpStart || t.Kind != workflow.KindOrchestrator)
}

// step writes a task as a step of its execution's progress.
func (w *jsonWriter) step(t *workflow.Task) {
	w.begin('{')
	w.text("step", t.Key)
	w.text("status", string(stepStatus(t)))
	w.time("started_at", t.StartedAt)
	w.time("completed_at", t.CompletedAt)
	if text := stepDetail(t); len(t.Detail) == 0 && text != "" {
		w.text("detail", text)
	} else {
		w.raw("detail", t.Detail)
	}
	w.text("task_id", t.ID.String())
	w.end('}')
}

// stepStatus shows a task's state as people see a step. A map that waits is at
// work: it waits for its own items.
func stepStatus(t *workflow.Task) api.StepStatus {
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
func stepDetail(t *workflow.Task) string {
	switch {
	case t.Kind == workflow.KindMap && !t.State.Settled():
		return fmt.Sprintf("%d of %d items done", t.Items-t.Open, t.Items)
	case t.Error != nil && t.State != workflow.TaskCompleted:
		return t.Error.Error()
	case t.State == workflow.TaskWaiting && t.Kind == workflow.KindSignal:
		return "waits for the signal " + t.WaitingFor
	case !t.AwaitsResult.IsZero():
		return "waits for the result of another call with the same key"
	case t.State == workflow.TaskWaiting && t.Kind == workflow.KindTimer && t.ScheduledFor != nil:
		until, _ := api.Time(*t.ScheduledFor).MarshalText() // has no error
		return "waits until " + string(until)
	}
	return ""
}
