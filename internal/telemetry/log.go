package telemetry

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
)

// Keys of the attributes of log lines. They are the same in every package and
// program, so that one search finds all that was logged about an execution.
const (
	LogExecution = "execution_id"
	LogTask      = "task_id"
	LogFunction  = "function"
	LogAttempt   = "attempt"
	LogQueue     = "queue"
	LogOutcome   = "outcome"
	LogDuration  = "duration"
	LogError     = "error"
	LogScheduler = "scheduler_id"
	LogWorker    = "worker_id"
	logTrace     = "trace_id"
	logSpan      = "span_id"
)

// LogHandler adds trace_id and span_id to the lines that are logged with the context
// of a span, so that logs and traces find each other.
func LogHandler(next slog.Handler) slog.Handler { return tracedLog{next} }

type tracedLog struct{ slog.Handler }

func (h tracedLog) Handle(ctx context.Context, r slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		r.AddAttrs(slog.String(logTrace, span.TraceID().String()), slog.String(logSpan, span.SpanID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

func (h tracedLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return tracedLog{h.Handler.WithAttrs(attrs)}
}

func (h tracedLog) WithGroup(name string) slog.Handler { return tracedLog{h.Handler.WithGroup(name)} }
