package http

import (
	"context"
	"time"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/http/api"
	"github.com/stent-dev/stent/internal/workflow"
)

// CancelExecutions asks the executions that a filter selects to end.
func (s *server) CancelExecutions(ctx context.Context, request api.CancelExecutionsRequestObject) (api.CancelExecutionsResponseObject, error) {
	body := request.Body
	bulk := newBulk(engine.BulkCancel, &api.Bulk{Filter: body.Filter, Limit: body.Limit, DryRun: body.DryRun})
	bulk.Force = orZero(body.Mode) == api.CancelModeForce
	done, err := s.engine.Bulk(ctx, bulk)
	return api.CancelExecutions200JSONResponse(showBulk(done)), err
}

// PauseExecutions keeps the tasks of the executions that a filter selects from being delivered.
func (s *server) PauseExecutions(ctx context.Context, request api.PauseExecutionsRequestObject) (api.PauseExecutionsResponseObject, error) {
	done, err := s.engine.Bulk(ctx, newBulk(engine.BulkPause, request.Body))
	return api.PauseExecutions200JSONResponse(showBulk(done)), err
}

// ResumeExecutions lets the executions that a filter selects go on.
func (s *server) ResumeExecutions(ctx context.Context, request api.ResumeExecutionsRequestObject) (api.ResumeExecutionsResponseObject, error) {
	done, err := s.engine.Bulk(ctx, newBulk(engine.BulkResume, request.Body))
	return api.ResumeExecutions200JSONResponse(showBulk(done)), err
}

// RestartExecutions runs the executions that a filter selects again. The filter must
// name states, so that nothing that goes on is swept away by mistake.
func (s *server) RestartExecutions(ctx context.Context, request api.RestartExecutionsRequestObject) (api.RestartExecutionsResponseObject, error) {
	if request.Body.Filter.State == nil {
		return nil, unprocessable(workflow.FieldError{Pointer: "/filter/state", Detail: "must name the states of the executions to restart"})
	}
	done, err := s.engine.Bulk(ctx, newBulk(engine.BulkRestart, request.Body))
	return api.RestartExecutions200JSONResponse(showBulk(done)), err
}

// maxBulk is how many are acted on at once unless asked otherwise.
const maxBulk = 1_000

func newBulk(action engine.BulkAction, body *api.Bulk) engine.Bulk {
	f := body.Filter
	bulk := engine.Bulk{
		Action: action, Limit: maxBulk, DryRun: orZero(body.DryRun),
		Filter: engine.ExecutionFilter{
			States: texts[workflow.ExecutionState](f.State), Functions: texts[string](f.Function), Queues: texts[string](f.Queue),
			Tags: texts[string](f.Tag), CreatedAfter: (*time.Time)(f.CreatedAfter), CreatedBefore: (*time.Time)(f.CreatedBefore),
		},
	}
	if body.Limit != nil {
		bulk.Limit = *body.Limit
	}
	return bulk
}

func showBulk(done engine.BulkDone) api.BulkDone {
	return api.BulkDone{Matched: done.Matched, Affected: done.Affected, More: done.More}
}
