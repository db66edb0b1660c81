package engine

import (
	"fmt"
	"log/slog"

	"github.com/stent-dev/stent/internal/workflow"
)

// Keys of the attributes of logs, the same as everywhere (see package telemetry).
const (
	logExecution = "execution_id"
	logTask      = "task_id"
	logError     = "error"
)

// about says what an event is, and of which execution and task.
func about(event workflow.Event) []slog.Attr {
	need := workflow.NeedOf([]workflow.Event{event})
	attrs := []slog.Attr{slog.String("event", fmt.Sprintf("%T", event))}
	if len(need.Executions) > 0 {
		attrs = append(attrs, slog.String(logExecution, need.Executions[0].String()))
	}
	if len(need.Tasks) > 0 {
		attrs = append(attrs, slog.String(logTask, need.Tasks[0].String()))
	}
	return attrs
}
