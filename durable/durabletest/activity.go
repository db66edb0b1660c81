package durabletest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/wire"
	"github.com/stent-dev/stent/internal/workflow"
)

// attempt is one delivery of an activity, for the code that it runs.
type attempt struct {
	takes time.Duration // of the test's clock
}

type attemptKey struct{}

// post delivers a task to its function.
func (e *Env) post(t *workflow.Task, f *function, lease workflow.Lease, body []byte) *httptest.ResponseRecorder {
	ctx := context.WithValue(context.Background(), attemptKey{}, e.attempt)
	request := httptest.NewRequestWithContext(ctx, http.MethodPost, baseURL, bytes.NewReader(body))
	for name, value := range map[string]string{
		"Content-Type":            "application/json",
		wire.HeaderProtocol:       wire.Protocol,
		wire.HeaderFunction:       f.Name,
		wire.HeaderExecutionID:    t.Execution.String(),
		wire.HeaderTaskID:         t.ID.String(),
		wire.HeaderAttempt:        strconv.Itoa(t.Attempt),
		wire.HeaderTaskToken:      token(lease),
		wire.HeaderIdempotencyKey: t.ID.String(),
	} {
		request.Header.Set(name, value)
	}
	answer := httptest.NewRecorder()
	f.handler.ServeHTTP(answer, request)
	return answer
}

// activity delivers one attempt of an activity; what became of it is stored at
// once, or when the attempt has taken its time.
func (e *Env) activity(t *workflow.Task, f *function, lease workflow.Lease) {
	e.t.Helper()
	input := e.store.input(t)
	e.calls = append(e.calls, &Call{
		Function: t.Name, Input: input, Attempt: t.Attempt, At: e.now, ExecutionID: t.Execution.String(), Step: e.store.stepName(t),
		TaskID: t.ID.String(), Token: token(lease), env: e,
	})
	e.attempt = &attempt{}
	answer := e.post(t, f, lease, input)
	takes := e.attempt.takes
	e.attempt = nil
	event := activityEvent(answer, lease)
	if takes == 0 {
		e.report(event)
		return
	}
	if timeout, _ := workflow.Timeouts(t, f.Function); takes >= min(timeout, workflow.MaxTimeout) {
		takes = min(timeout, workflow.MaxTimeout)
		event = workflow.Failed{Lease: lease, Retryable: true, Error: workflow.Error{
			Type: durable.TypeTimeout, Message: "the worker did not answer in the time that the attempt had",
		}}
	}
	e.store.due.add(entry{at: e.now.Add(takes), priority: t.Priority, task: t.ID, answer: event})
}

// maxValue bounds a result, in bytes (docs/limits.md).
const maxValue = 1 << 20

// activityEvent says what an answer to an activity means.
func activityEvent(answer *httptest.ResponseRecorder, lease workflow.Lease) workflow.Event {
	body := bytes.TrimSpace(answer.Body.Bytes())
	switch answer.Code {
	case http.StatusAccepted:
		if strings.EqualFold(answer.Header().Get(wire.HeaderAsync), "true") {
			return workflow.Accepted{Lease: lease}
		}
		fallthrough
	case http.StatusOK, http.StatusCreated, http.StatusNonAuthoritativeInfo:
		switch {
		case len(body) > maxValue:
			return workflow.Failed{Lease: lease, StatusCode: answer.Code, Error: workflow.Error{
				Type: "result_too_large", Message: fmt.Sprintf("the result has more than %d bytes", maxValue),
			}}
		case !json.Valid(body):
			return workflow.Failed{Lease: lease, StatusCode: answer.Code, Retryable: true, Error: workflow.Error{
				Type: "invalid_json", Message: "the result is not JSON",
			}}
		}
		return succeeded(answer, lease, body)
	case http.StatusNoContent:
		return succeeded(answer, lease, json.RawMessage("null"))
	}
	f := failureOf(answer)
	if f.throttled {
		return workflow.Released{Lease: lease, After: f.retryAfter}
	}
	return workflow.Failed{Lease: lease, StatusCode: answer.Code, Error: f.Error, Retryable: f.retryable, RetryAfter: f.retryAfter}
}

// succeeded takes a result with what the answer's headers add to it.
func succeeded(answer *httptest.ResponseRecorder, lease workflow.Lease, value json.RawMessage) workflow.Event {
	event := workflow.Succeeded{Lease: lease, Value: value}
	for name, into := range map[string]any{wire.HeaderCounters: &event.Counters, wire.HeaderState: &event.State} {
		text := answer.Header().Get(name)
		if text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(text), into); err != nil {
			return badHeaders(answer, lease, fmt.Errorf("the header %s of the answer: %w", name, err))
		}
	}
	if err := event.Check(); err != nil {
		return badHeaders(answer, lease, err)
	}
	return event
}

func badHeaders(answer *httptest.ResponseRecorder, lease workflow.Lease, err error) workflow.Event {
	return workflow.Failed{
		Lease: lease, StatusCode: answer.Code, Retryable: true, Error: workflow.Error{Type: "invalid_response", Message: err.Error()},
	}
}
