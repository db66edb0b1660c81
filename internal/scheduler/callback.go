package scheduler

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/stent-dev/stent/internal/delivery"
	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/protocol"
	"github.com/stent-dev/stent/internal/telemetry"
	"github.com/stent-dev/stent/internal/workflow"
)

// Callbacks is how the callbacks of executions are delivered.
type Callbacks struct {
	// Render writes an execution as REST shows it; nil: callbacks are left to others.
	Render func(*engine.ExecutionView) []byte
	// Secret signs callbacks (Standard Webhooks); "": the secret of the worker that
	// hosts the execution's function does, if it has one.
	Secret string
}

// callbackQuota says how many callbacks to a receiver may be claimed.
func (t *tenure) callbackQuota(lane engine.Lane, receiver string, now time.Time) (engine.Quota, bool) {
	if t.options.Callbacks.Render == nil {
		return engine.Quota{}, false
	}
	limit, _ := t.breaker.Allow(t.client.Origin(receiver), now)
	return engine.Quota{Lane: lane, Limit: limit, Kind: workflow.KindActivity}, limit > 0
}

// callback tells an execution's callback URL how it ended, with the execution as
// it now stands, and gives what became of that.
func (t *tenure) callback(j job) workflow.Event {
	lease := j.entry.lease
	ctx := j.entry.ctx
	view, err := t.engine.Execution(ctx, lease.Execution)
	if err != nil {
		if ctx.Err() == nil {
			t.options.Log.LogAttrs(ctx, slog.LevelWarn, "an execution could not be read for its callback", j.entry.about(slog.Any(telemetry.LogError, err))...)
		}
		return workflow.Released{Lease: lease, After: t.options.PollInterval}
	}
	if !t.breaker.Acquire(t.client.Origin(view.CallbackURL), time.Now()) {
		return workflow.Released{Lease: lease}
	}
	began := t.sending(&j)
	request, err := t.callbackRequest(j, view)
	if err != nil {
		return workflow.Failed{Lease: lease, Error: workflow.Error{Type: "invalid_request", Message: err.Error()}}
	}
	result := t.client.Callback(j.entry.ctx, request)
	t.answered(&j, began, result.Outcome, result.StatusCode, result.Error)
	switch result.Outcome {
	case delivery.Completed:
		return workflow.Succeeded{Lease: lease, Value: result.Value}
	case delivery.Throttled:
		return workflow.Released{Lease: lease, After: result.RetryAfter}
	case delivery.Unreachable:
		if t.engine.Now().Sub(j.task.CreatedAt) < workflow.CallbackLife {
			return workflow.Released{Lease: lease}
		}
		result.Retryable = false
	case delivery.Failed, delivery.Accepted:
	}
	return workflow.Failed{
		Lease: lease, Error: protocol.FromError(result.Error), Retryable: result.Retryable, StatusCode: result.StatusCode, RetryAfter: result.RetryAfter,
	}
}

// errNoEvent says that a callback's task was made by something newer than this.
var errNoEvent = errors.New("it is not known what the callback is to tell")

func (t *tenure) callbackRequest(j job, view *engine.ExecutionView) (delivery.Request, error) {
	var input workflow.CallbackInput
	if err := json.Unmarshal(j.task.Input, &input); err != nil || input.Event == "" {
		return delivery.Request{}, fmt.Errorf("%w: %q", errNoEvent, j.task.Input)
	}
	timeout, _ := workflow.Timeouts(j.task, nil)
	return delivery.Request{
		URL: view.CallbackURL, Secret: t.callbackSecret(view.Execution), Function: view.Function, Event: input.Event,
		ExecutionID: view.ID.String(), TaskID: j.task.ID.String(), Attempt: j.task.Attempt,
		Deadline: time.Now().Add(timeout), Timeout: timeout, Body: t.options.Callbacks.Render(view), TraceParent: j.entry.span.TraceParent(view.TraceParent),
	}, nil
}

// callbackSecret is the service's own secret, or else that of the worker that hosts the execution's function.
func (t *tenure) callbackSecret(x *workflow.Execution) string {
	if t.options.Callbacks.Secret != "" {
		return t.options.Callbacks.Secret
	}
	f, w := t.engine.Lookup(x.Function, &x.Version)
	if f == nil {
		_, w = t.engine.Lookup(x.Function, nil)
	}
	if w == nil {
		return ""
	}
	return w.Secret
}
