package http

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/workflow"
)

// execution writes an execution as it is in lists.
func (w *jsonWriter) execution(x *workflow.Execution) {
	w.begin('{')
	w.executionFields(x)
	w.end('}')
}

// view writes an execution with all that is shown of it.
func (w *jsonWriter) view(v *engine.ExecutionView) {
	w.begin('{')
	w.executionFields(v.Execution)
	w.key("progress")
	w.begin('[')
	for i := range v.Progress {
		w.step(&v.Progress[i])
	}
	w.end(']')
	w.context(v)
	w.end('}')
}

// outline writes an execution as view does, without progress.
func (w *jsonWriter) outline(v *engine.ExecutionView) {
	w.begin('{')
	w.executionFields(v.Execution)
	w.context(v)
	w.end('}')
}

func (w *jsonWriter) context(v *engine.ExecutionView) {
	w.key("counters")
	w.begin('{')
	for _, c := range v.Counters {
		w.int(c.Name, c.Value)
	}
	w.end('}')
	w.key("custom_state")
	w.begin('{')
	for _, s := range v.State {
		w.raw(s.Key, s.Value)
	}
	w.end('}')
}

// Execution writes an execution as GET /v1/executions/{id} shows it.
func Execution(v *engine.ExecutionView) []byte {
	return render(http.StatusOK, func(w *jsonWriter) { w.view(v) }).body
}

func (w *jsonWriter) executionFields(x *workflow.Execution) {
	w.text("id", x.ID.String())
	w.text("function", x.Function)
	w.text("version", x.Version)
	w.text("state", string(x.State))
	w.bool("paused", x.Paused)
	w.bool("cancel_requested", x.CancelRequested)
	w.raw("input", x.Input)
	w.raw("result", x.Result)
	w.failure("error", x.Error)
	w.int("retries", int64(x.Retries))
	w.texts("tags", x.Tags)
	w.int("priority", int64(x.Priority))
	w.text("queue", x.Queue)
	w.optional("callback_url", workflow.ShownURL(x.CallbackURL))
	w.time("created_at", &x.CreatedAt)
	w.time("started_at", x.StartedAt)
	w.time("completed_at", x.CompletedAt)
	w.time("deadline_at", x.DeadlineAt)
}

// task writes a task; worker hosts its function.
func (w *jsonWriter) task(t *workflow.Task, worker workflow.ID) {
	w.begin('{')
	w.taskFields(t, worker)
	w.end('}')
}

// taskWithAttempts writes a task with its failed attempts, in order.
func (w *jsonWriter) taskWithAttempts(t *workflow.Task, worker workflow.ID, attempts []workflow.FailedAttempt) {
	w.begin('{')
	w.taskFields(t, worker)
	w.attempts(attempts)
	w.end('}')
}

// attempts writes failed attempts, in order.
func (w *jsonWriter) attempts(attempts []workflow.FailedAttempt) {
	w.key("attempts")
	w.begin('[')
	attempts = slices.Clone(attempts)
	slices.SortStableFunc(attempts, func(a, b workflow.FailedAttempt) int {
		return cmp.Or(cmp.Compare(a.Number, b.Number), a.EndedAt.Compare(b.EndedAt))
	})
	for i := range attempts {
		w.attempt(&attempts[i])
	}
	w.end(']')
}

func (w *jsonWriter) attempt(a *workflow.FailedAttempt) {
	w.begin('{')
	w.int("number", int64(a.Number))
	w.time("started_at", &a.StartedAt)
	w.time("ended_at", &a.EndedAt)
	if a.StatusCode == 0 {
		w.null("status_code")
	} else {
		w.int("status_code", int64(a.StatusCode))
	}
	w.failure("error", &a.Error)
	w.end('}')
}

func (w *jsonWriter) taskFields(t *workflow.Task, worker workflow.ID) {
	w.text("id", t.ID.String())
	w.text("execution_id", t.Execution.String())
	w.id("parent_task_id", t.Parent)
	w.text("step_key", t.Key)
	w.text("kind", string(t.Kind))
	w.text("name", t.Name)
	w.optional("function", calledFunction(t))
	w.text("state", string(t.State))
	w.optional("queue", t.Queue)
	w.int("priority", int64(t.Priority))
	w.int("attempt", int64(t.Attempt))
	w.int("retries", int64(retries(t)))
	w.bool("cache_hit", t.CacheHit)
	w.int("run", int64(t.Run))
	if t.ParentRun < 0 {
		w.null("parent_run")
	} else {
		w.int("parent_run", int64(t.ParentRun))
	}
	w.raw("input", t.Input)
	w.raw("result", t.Result)
	w.failure("error", t.Error)
	w.raw("details", t.Detail)
	w.id("worker_id", worker)
	w.id("scheduler_id", t.Holder)
	if t.State == workflow.TaskRunning {
		w.time("lease_expires_at", t.DueAt)
	} else {
		w.null("lease_expires_at")
	}
	w.time("scheduled_for", t.ScheduledFor)
	w.time("created_at", &t.CreatedAt)
	w.time("started_at", t.StartedAt)
	w.time("completed_at", t.CompletedAt)
}

// calledFunction gives the function that a task calls, "" if it calls none.
func calledFunction(t *workflow.Task) string {
	if t.Op != workflow.OpCallback && (t.Kind.Delivered() || t.Kind == workflow.KindMap) {
		return t.Name
	}
	return ""
}

// retries counts the failures that were tried again: all but the one that ended the task.
func retries(t *workflow.Task) int {
	if t.State == workflow.TaskFailed && t.Failures > 0 {
		return t.Failures - 1
	}
	return t.Failures
}

func (w *jsonWriter) signal(s *workflow.Signal) {
	w.begin('{')
	w.text("id", s.ID.String())
	w.text("name", s.Name)
	w.raw("payload", s.Payload)
	w.text("delivery", string(delivery(!s.TakenBy.IsZero())))
	w.time("received_at", &s.ReceivedAt)
	w.id("task_id", s.TakenBy)
	w.end('}')
}
