package http

import (
	"context"
	"net/http"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/http/api"
	"github.com/stent-dev/stent/internal/workflow"
)

// ExplainExecution tells what an execution waits for.
func (s *server) ExplainExecution(ctx context.Context, request api.ExplainExecutionRequestObject) (api.ExplainExecutionResponseObject, error) {
	id := workflow.ID(request.ID)
	why, err := s.engine.Why(ctx, id)
	if err != nil {
		return nil, aboutExecution(err, id)
	}
	return render(http.StatusOK, func(w *jsonWriter) { w.why(why) }), nil
}

func (w *jsonWriter) why(why *engine.Why) {
	x := why.Execution
	w.begin('{')
	w.text("execution_id", x.ID.String())
	w.text("state", string(x.State))
	w.bool("paused", x.Paused)
	w.bool("cancel_requested", x.CancelRequested)
	w.time("deadline_at", x.DeadlineAt)
	w.key("waits_for")
	w.begin('[')
	for i := range why.Holds {
		w.hold(&why.Holds[i])
	}
	w.end(']')
	w.bool("more", why.More)
	w.end('}')
}

func (w *jsonWriter) hold(h *engine.Hold) {
	t := h.Task
	w.begin('{')
	w.text("task_id", t.ID.String())
	w.text("step", t.Key)
	w.text("path", h.Path)
	w.text("kind", string(t.Kind))
	w.text("name", t.Name)
	w.optional("queue", t.Queue)
	w.int("attempt", int64(t.Attempt))
	w.text("reason", string(h.Reason))
	w.text("detail", h.Detail)
	w.time("since", h.Since)
	w.time("until", h.Until)
	var scheduler workflow.ID
	if h.Scheduler != nil {
		scheduler = h.Scheduler.ID
	}
	w.id("scheduler_id", scheduler)
	w.failure("error", t.Error)
	w.end('}')
}
