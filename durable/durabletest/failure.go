package durabletest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"

	"github.com/stent-dev/stent/internal/wire"
	"github.com/stent-dev/stent/internal/workflow"
)

// failure is what an answer that is no success says (docs/protocol.md).
type failure struct {
	workflow.Error
	retryable  bool
	throttled  bool // try again after retryAfter, no attempt used
	retryAfter time.Duration
}

func failureOf(answer *httptest.ResponseRecorder) failure {
	f := failure{Error: failureBody(answer), retryable: true}
	after, err := strconv.Atoi(answer.Header().Get("Retry-After"))
	asked := err == nil
	switch answer.Code {
	case http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusGone,
		http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusNotImplemented:
		f.retryable = false
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		f.throttled = asked
	}
	switch answer.Header().Get(wire.HeaderRetryable) {
	case "true":
		f.retryable = true
	case "false":
		f.retryable, f.throttled = false, false
	}
	if asked && f.retryable {
		f.retryAfter = min(max(time.Duration(after)*time.Second, time.Second), 24*time.Hour)
	}
	return f
}

// failureBody reads {"error": …} or a problem (RFC 9457), which are what workers of the SDK send.
func failureBody(answer *httptest.ResponseRecorder) workflow.Error {
	var body struct {
		Error  *wire.Error `json:"error"`
		Type   string      `json:"type"`
		Code   string      `json:"code"`
		Detail string      `json:"detail"`
	}
	e := workflow.Error{Type: "http_" + strconv.Itoa(answer.Code), Message: "the worker answered " + http.StatusText(answer.Code)}
	if json.Unmarshal(answer.Body.Bytes(), &body) != nil {
		return e
	}
	if body.Error != nil {
		return workflow.Error{
			Type: cmp.Or(body.Error.Type, e.Type), Message: cmp.Or(body.Error.Message, e.Message), Details: body.Error.Details,
		}
	}
	if body.Type == "about:blank" {
		body.Type = ""
	}
	e.Type, e.Message = cmp.Or(body.Code, body.Type, e.Type), cmp.Or(body.Detail, e.Message)
	e.Details = answer.Body.Bytes()
	return e
}
