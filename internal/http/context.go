package http

import (
	"context"

	"github.com/stent-dev/stent/internal/http/api"
	"github.com/stent-dev/stent/internal/workflow"
)

// AddToCounter adds to a counter of an execution.
func (s *server) AddToCounter(ctx context.Context, request api.AddToCounterRequestObject) (api.AddToCounterResponseObject, error) {
	if err := checkName("/path/name", request.Name); err != nil {
		return nil, err
	}
	id, add := workflow.ID(request.ID), int64(1)
	if request.Body != nil && request.Body.Add != nil {
		add = *request.Body.Add
	}
	value, err := s.engine.Count(ctx, id, request.Name, add)
	if err != nil {
		return nil, aboutExecution(err, id)
	}
	return api.AddToCounter200JSONResponse{Value: value}, nil
}

// SetState sets one key of an execution's custom state.
func (s *server) SetState(ctx context.Context, request api.SetStateRequestObject) (api.SetStateResponseObject, error) {
	if err := checkName("/path/key", request.Key); err != nil {
		return nil, err
	}
	id := workflow.ID(request.ID)
	if err := s.engine.SetState(ctx, id, request.Key, *request.Body); err != nil {
		return nil, aboutExecution(err, id)
	}
	return api.SetState204Response{}, nil
}
