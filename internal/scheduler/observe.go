package scheduler

import (
	"errors"
	"log/slog"
	"time"

	"github.com/stent-dev/stent/internal/delivery"
	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/telemetry"
	"github.com/stent-dev/stent/internal/wire"
	"github.com/stent-dev/stent/internal/workflow"
)

// Keys of attributes that only the scheduler logs.
const (
	logState    = "state"
	logStatus   = "status"
	logEndpoint = "endpoint"
	logHealth   = "health"

	logInFlight  = "in_flight"
	logGivenBack = "given_back"
)

// MetricsOf gives the metrics that a task counts in.
func MetricsOf(m *telemetry.Metrics, t *workflow.Task) *telemetry.Task {
	switch {
	case t.Op == workflow.OpCallback:
		return m.Tasks(telemetry.Callback, t.Queue)
	case !t.Kind.Delivered():
		return m.Tasks(telemetry.Timer, t.Queue)
	}
	return m.Tasks(t.Name, t.Queue)
}

// sending begins the measuring of a delivery, and its span.
func (t *tenure) sending(j *job) (began time.Time) {
	began = time.Now()
	if due := j.task.ScheduledFor; due != nil {
		j.metrics.Waited(began.Sub(*due))
	}
	if t.options.Tracer.Traces() {
		j.entry.ctx, j.entry.span = t.options.Tracer.Attempt(j.entry.ctx, attemptOf(j))
	}
	return began
}

func attemptOf(j *job) telemetry.Attempt {
	x := j.task
	a := telemetry.Attempt{
		Execution: x.Execution, Task: x.ID, TraceParent: j.execution.TraceParent, Function: x.Name, Queue: x.Queue,
		Key: x.Key, Number: x.Attempt, Callback: x.Op == workflow.OpCallback,
	}
	switch {
	case x.Op == workflow.OpItem:
		a.Command = x.Parent
	case !x.Parent.IsZero():
		a.Command = x.ID
	}
	if x.Kind == workflow.KindOrchestrator {
		a.Turn = x.Turn + 1
	}
	return a
}

// answered ends the measuring of a delivery. Its span goes on until what became of
// it is stored.
func (t *tenure) answered(j *job, began time.Time, outcome delivery.Outcome, status int, failure *wire.Error) {
	took, name, errorType := time.Since(began), outcome.String(), ""
	if failure != nil {
		errorType = failure.Type
	}
	if j.entry.ctx.Err() != nil {
		name = telemetry.OutcomeCancelled
	}
	j.metrics.Delivered(name, took)
	j.entry.span.Answered(name, status, errorType)
	if log := t.options.Log; log.Enabled(j.entry.ctx, slog.LevelDebug) {
		log.LogAttrs(j.entry.ctx, slog.LevelDebug, "a delivery was answered", j.entry.about(
			slog.String(telemetry.LogQueue, j.task.Queue), slog.String(telemetry.LogOutcome, name), slog.Int(logStatus, status),
			slog.String("error_type", errorType), slog.Duration(telemetry.LogDuration, took))...)
	}
}

// about are the attributes of logs about what is in flight.
func (e *entry) about(more ...slog.Attr) []slog.Attr {
	attrs := []slog.Attr{
		slog.String(telemetry.LogExecution, e.lease.Execution.String()), slog.String(telemetry.LogTask, e.lease.Task.String()),
	}
	if e.function != "" {
		attrs = append(attrs, slog.String(telemetry.LogFunction, e.function), slog.Int(telemetry.LogAttempt, e.attempt))
	}
	return append(attrs, more...)
}

// why says in a word why an answer was not stored; "" if it was.
func why(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, workflow.ErrLeaseLost), errors.Is(err, workflow.ErrNotFound):
		return "lease lost"
	case errors.Is(err, engine.ErrUnavailable):
		return "database unavailable"
	}
	return "not storable"
}
