package http

import (
	"net/http"
	"strconv"
)

// reply is an answer whose JSON is written already, because it carries values of
// the user's: executions, tasks and signals.
type reply struct {
	status   int
	location string // of what was made; "" for none
	replayed bool
	body     []byte
}

// render makes a reply of what write writes.
func render(status int, write func(w *jsonWriter)) reply {
	w := &jsonWriter{b: make([]byte, 0, 1024)}
	write(w)
	return reply{status: status, body: append(w.b, '\n')}
}

func (a reply) send(w http.ResponseWriter) error {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	if a.location != "" {
		h.Set("Location", a.location)
	}
	if a.replayed {
		h.Set("Idempotent-Replayed", "true")
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a client that is gone cannot be told
	return nil
}

// What follows makes a reply an answer to each operation that gives such values.

func (a reply) VisitStartExecutionResponse(w http.ResponseWriter) error     { return a.send(w) }
func (a reply) VisitStartExecutionsResponse(w http.ResponseWriter) error    { return a.send(w) }
func (a reply) VisitGetExecutionResponse(w http.ResponseWriter) error       { return a.send(w) }
func (a reply) VisitListExecutionsResponse(w http.ResponseWriter) error     { return a.send(w) }
func (a reply) VisitCancelExecutionResponse(w http.ResponseWriter) error    { return a.send(w) }
func (a reply) VisitPauseExecutionResponse(w http.ResponseWriter) error     { return a.send(w) }
func (a reply) VisitResumeExecutionResponse(w http.ResponseWriter) error    { return a.send(w) }
func (a reply) VisitRestartExecutionResponse(w http.ResponseWriter) error   { return a.send(w) }
func (a reply) VisitListDeadLettersResponse(w http.ResponseWriter) error    { return a.send(w) }
func (a reply) VisitGetDeadLetterResponse(w http.ResponseWriter) error      { return a.send(w) }
func (a reply) VisitReplayDeadLetterResponse(w http.ResponseWriter) error   { return a.send(w) }
func (a reply) VisitListExecutionTasksResponse(w http.ResponseWriter) error { return a.send(w) }
func (a reply) VisitSendSignalResponse(w http.ResponseWriter) error         { return a.send(w) }
func (a reply) VisitListSignalsResponse(w http.ResponseWriter) error        { return a.send(w) }
func (a reply) VisitExplainExecutionResponse(w http.ResponseWriter) error   { return a.send(w) }
func (a reply) VisitListTasksResponse(w http.ResponseWriter) error          { return a.send(w) }
func (a reply) VisitGetTaskResponse(w http.ResponseWriter) error            { return a.send(w) }
