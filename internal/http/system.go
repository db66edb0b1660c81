package http

import (
	"bytes"
	"context"
	"fmt"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/http/api"
)

// GetHealth tells that the process is alive.
func (s *server) GetHealth(context.Context, api.GetHealthRequestObject) (api.GetHealthResponseObject, error) {
	return api.GetHealth200JSONResponse{Status: api.HealthStatusOk}, nil
}

// GetReadiness tells whether the service can serve.
func (s *server) GetReadiness(ctx context.Context, _ api.GetReadinessRequestObject) (api.GetReadinessResponseObject, error) {
	if s.draining.Err() != nil {
		return nil, unavailableAs("The service is shutting down.")
	}
	if err := s.engine.Ready(ctx); err != nil {
		return nil, fmt.Errorf("%w: %w", engine.ErrUnavailable, err)
	}
	return api.GetReadiness200JSONResponse{Status: api.HealthStatusOk}, nil
}

// GetOpenAPI gives the description that requests are validated against.
func (s *server) GetOpenAPI(context.Context, api.GetOpenAPIRequestObject) (api.GetOpenAPIResponseObject, error) {
	return api.GetOpenAPI200ApplicationYamlResponse{Body: bytes.NewReader(s.openAPI), ContentLength: int64(len(s.openAPI))}, nil
}

// ListSchedulers lists the scheduler instances, newest first.
func (s *server) ListSchedulers(ctx context.Context, request api.ListSchedulersRequestObject) (api.ListSchedulersResponseObject, error) {
	all, err := s.engine.Schedulers(ctx)
	if err != nil {
		return nil, err
	}
	byID := func(x engine.Scheduler) string { return string(x.ID[:]) }
	schedulers, next, err := part(all, byID, isID, request.Params.Limit, request.Params.Cursor)
	if err != nil {
		return nil, err
	}
	shown := make([]api.Scheduler, len(schedulers))
	for i, x := range schedulers {
		shown[i] = api.Scheduler{
			ID: api.ID(x.ID), Host: x.Host, State: api.SchedulerState(x.State), Queues: orEmpty(x.Queues), Tags: orEmpty(x.Tags),
			Capacity: x.Capacity, InFlight: x.InFlight, StartedAt: api.Time(x.StartedAt), LastSeenAt: api.Time(x.SeenAt),
		}
	}
	return api.ListSchedulers200JSONResponse{Items: shown, NextCursor: next}, nil
}
