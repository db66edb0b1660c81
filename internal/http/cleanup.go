package http

import (
	"context"
	"time"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/http/api"
	"github.com/stent-dev/stent/internal/workflow"
)

// longestAge is the highest older_than.
const longestAge = 36_600 * 24 * time.Hour

// Cleanup deletes what ended long ago.
func (s *server) Cleanup(ctx context.Context, request api.CleanupRequestObject) (api.CleanupResponseObject, error) {
	body := request.Body
	age, fault := workflow.DurationBetween(body.OlderThan, 0, longestAge)
	if fault != "" {
		return nil, unprocessable(workflow.FieldError{Pointer: "/older_than", Detail: fault})
	}
	cleanup := engine.Cleanup{
		OlderThan: age, Executions: body.Executions == nil || *body.Executions, DeadLetters: body.DeadLetters == nil || *body.DeadLetters,
		DryRun: orZero(body.DryRun),
	}
	if !cleanup.Executions && !cleanup.DeadLetters {
		return nil, unprocessable(workflow.FieldError{Pointer: "/dead_letters", Detail: "must be true, or executions: there is nothing else to clean up"})
	}
	done, err := s.engine.Cleanup(ctx, cleanup)
	return api.Cleanup200JSONResponse{Executions: done.Executions, DeadLetters: done.DeadLetters, More: done.More}, err
}
