package http

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"time"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/http/api"
	"github.com/stent-dev/stent/internal/telemetry"
	"github.com/stent-dev/stent/internal/workflow"
)

// maxWait is how long an answer is held at most.
const maxWait = time.Minute

// StartExecution dispatches an execution.
func (s *server) StartExecution(ctx context.Context, request api.StartExecutionRequestObject) (api.StartExecutionResponseObject, error) {
	wait, err := waitOf(request.Params.Wait)
	if err != nil {
		return nil, err
	}
	start, err := startRequest(request.Body)
	if err != nil {
		return nil, err
	}
	start.IdempotencyKey = orZero(request.Params.IdempotencyKey)
	start.TraceParent = cmp.Or(telemetry.TraceParent(ctx), traceParent(orZero(request.Params.Traceparent)))
	started, err := s.engine.Start(ctx, start)
	if err != nil {
		return nil, err
	}
	telemetry.Dispatched(ctx, started.Execution.ID, started.Execution.Function)
	view := &engine.ExecutionView{Execution: started.Execution}
	if wait > 0 || started.Replayed {
		// It is stored: that is the answer, even if it cannot be read now.
		if now, err := s.await(ctx, started.Execution.ID, wait); err == nil {
			view = now
		}
	}
	status := http.StatusCreated
	if started.Replayed {
		status = http.StatusOK
	}
	answer := render(status, func(w *jsonWriter) { w.view(view) })
	answer.location, answer.replayed = "/v1/executions/"+view.ID.String(), started.Replayed
	return answer, nil
}

// StartExecutions dispatches a batch. Items that cannot be carried out are
// answered with their problems.
func (s *server) StartExecutions(ctx context.Context, request api.StartExecutionsRequestObject) (api.StartExecutionsResponseObject, error) {
	items := request.Body.Executions
	results := make([]engine.StartResult, len(items))
	var starts []engine.StartRequest
	var places []int // of the starts among the items
	for i := range items {
		start, err := startRequest(&items[i])
		if err != nil {
			results[i].Err = err
			continue
		}
		start.TraceParent = telemetry.TraceParent(ctx)
		starts, places = append(starts, start), append(places, i)
	}
	for i, result := range s.engine.StartBatch(ctx, starts) {
		results[places[i]] = result
	}
	if err := allUnavailable(results); err != nil {
		return nil, err
	}
	return render(http.StatusOK, func(w *jsonWriter) {
		w.begin('{')
		w.key("items")
		w.begin('[')
		for i, result := range results {
			s.batchItem(ctx, w, i, result)
		}
		w.end(']')
		w.end('}')
	}), nil
}

// allUnavailable gives the error of a batch of which nothing was stored because the
// service could not; it is to be sent again as a whole.
func allUnavailable(results []engine.StartResult) (err error) {
	for i := range results {
		switch {
		case results[i].Err == nil:
			return nil
		case errors.Is(results[i].Err, engine.ErrUnavailable):
			err = results[i].Err
		}
	}
	return err
}

func (s *server) batchItem(ctx context.Context, w *jsonWriter, i int, result engine.StartResult) {
	w.begin('{')
	defer w.end('}')
	if result.Err == nil {
		w.int("status", http.StatusCreated)
		w.key("execution")
		w.view(&engine.ExecutionView{Execution: result.Execution})
		return
	}
	refused := refuse(result.Err)
	if refused == nil {
		s.log.ErrorContext(ctx, "dispatch in a batch failed", logRequestID, requestID(ctx), telemetry.LogError, result.Err.Error())
		refused = internal(ctx)
	}
	problem, _ := json.Marshal(refused.inItem(i).problem()) // of texts and numbers, has no error
	w.int("status", int64(refused.status))
	w.raw("problem", problem)
}

// GetExecution gives one execution, held if it is asked to be.
func (s *server) GetExecution(ctx context.Context, request api.GetExecutionRequestObject) (api.GetExecutionResponseObject, error) {
	wait, err := waitOf(request.Params.Wait)
	if err != nil {
		return nil, err
	}
	return s.show(ctx, workflow.ID(request.ID), wait)
}

// show gives an execution as it stands, once it is terminal or the time is up.
func (s *server) show(ctx context.Context, id workflow.ID, wait time.Duration) (reply, error) {
	view, err := s.await(ctx, id, wait)
	if err != nil {
		return reply{}, aboutExecution(err, id)
	}
	return render(http.StatusOK, func(w *jsonWriter) { w.view(view) }), nil
}

// await gives an execution once it is terminal, the time is up or the service shuts down.
func (s *server) await(ctx context.Context, id workflow.ID, wait time.Duration) (*engine.ExecutionView, error) {
	if wait <= 0 {
		return s.engine.Execution(ctx, id)
	}
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.draining, cancel)()
	view, err := s.engine.Wait(waiting, id, wait)
	if err != nil && ctx.Err() == nil && waiting.Err() != nil {
		return s.engine.Execution(ctx, id)
	}
	return view, err
}

// ListExecutions lists executions, newest first.
func (s *server) ListExecutions(ctx context.Context, request api.ListExecutionsRequestObject) (api.ListExecutionsResponseObject, error) {
	q := request.Params
	p, err := page(q.Limit, q.Cursor)
	if err != nil {
		return nil, err
	}
	executions, err := s.engine.Executions(ctx, engine.ExecutionFilter{
		Page: p, States: texts[workflow.ExecutionState](q.State), Functions: texts[string](q.Function), Queues: texts[string](q.Queue),
		Tags: texts[string](q.Tag), CreatedAfter: (*time.Time)(q.CreatedAfter), CreatedBefore: (*time.Time)(q.CreatedBefore),
	})
	if err != nil {
		return nil, err
	}
	return renderPage(p, executions, func(x *workflow.Execution) workflow.ID { return x.ID }, (*jsonWriter).execution), nil
}

// CancelExecution asks an execution to end.
func (s *server) CancelExecution(ctx context.Context, request api.CancelExecutionRequestObject) (api.CancelExecutionResponseObject, error) {
	id := workflow.ID(request.ID)
	force := request.Body != nil && orZero(request.Body.Mode) == api.CancelModeForce
	if err := s.engine.Cancel(ctx, id, force); err != nil {
		return nil, aboutExecution(err, id)
	}
	return s.show(ctx, id, 0)
}

// PauseExecution keeps an execution's tasks from being delivered.
func (s *server) PauseExecution(ctx context.Context, request api.PauseExecutionRequestObject) (api.PauseExecutionResponseObject, error) {
	id := workflow.ID(request.ID)
	if err := s.engine.Pause(ctx, id); err != nil {
		return nil, aboutExecution(err, id)
	}
	return s.show(ctx, id, 0)
}

// ResumeExecution lets an execution go on.
func (s *server) ResumeExecution(ctx context.Context, request api.ResumeExecutionRequestObject) (api.ResumeExecutionResponseObject, error) {
	id := workflow.ID(request.ID)
	if err := s.engine.Resume(ctx, id); err != nil {
		return nil, aboutExecution(err, id)
	}
	return s.show(ctx, id, 0)
}

func aboutExecution(err error, id workflow.ID) error { return about(err, "execution", id.String()) }

// waitOf reads how long an answer is to be held.
func waitOf(text *api.Wait) (time.Duration, error) {
	if text == nil {
		return 0, nil
	}
	wait, fault := workflow.DurationBetween(*text, 0, maxWait)
	if fault != "" {
		return 0, invalid("/query/wait", fault)
	}
	return wait, nil
}

var traceParentForm = regexp.MustCompile(`^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// traceParent gives a trace context as it came, or none if it is not one (W3C Trace Context, 3.2.2).
func traceParent(text string) string {
	if !traceParentForm.MatchString(text) {
		return ""
	}
	return text
}
