package http

import (
	"context"

	"github.com/stent-dev/stent/internal/http/api"
	"github.com/stent-dev/stent/internal/workflow"
)

// RegisterWorker registers a worker with what its manifest names.
func (s *server) RegisterWorker(ctx context.Context, request api.RegisterWorkerRequestObject) (api.RegisterWorkerResponseObject, error) {
	if !workflow.AbsoluteURL(request.Body.URL) {
		return nil, unprocessable(workflow.FieldError{Pointer: "/url", Detail: "must be an absolute http or https URL"})
	}
	worker, functions, err := s.engine.RegisterWorker(ctx, request.Body.URL, orZero(request.Body.Secret))
	if err != nil {
		return nil, err
	}
	return api.RegisterWorker201JSONResponse{
		Body:    showHost(worker, functions),
		Headers: api.RegisterWorker201ResponseHeaders{Location: "/v1/workers/" + worker.ID.String()},
	}, nil
}

// RefreshWorker reads a worker's manifest again.
func (s *server) RefreshWorker(ctx context.Context, request api.RefreshWorkerRequestObject) (api.RefreshWorkerResponseObject, error) {
	id := workflow.ID(request.ID)
	worker, functions, err := s.engine.RefreshWorker(ctx, id)
	if err != nil {
		return nil, aboutWorker(err, id)
	}
	return api.RefreshWorker200JSONResponse(showHost(worker, functions)), nil
}

// GetWorker gives a worker and what it hosts.
func (s *server) GetWorker(ctx context.Context, request api.GetWorkerRequestObject) (api.GetWorkerResponseObject, error) {
	id := workflow.ID(request.ID)
	worker, functions, err := s.engine.Worker(ctx, id)
	if err != nil {
		return nil, aboutWorker(err, id)
	}
	return api.GetWorker200JSONResponse(showHost(worker, functions)), nil
}

// ListWorkers lists workers, newest first.
func (s *server) ListWorkers(ctx context.Context, request api.ListWorkersRequestObject) (api.ListWorkersResponseObject, error) {
	all, err := s.engine.Workers(ctx)
	if err != nil {
		return nil, err
	}
	byID := func(w *workflow.Worker) string { return string(w.ID[:]) }
	workers, next, err := part(all, byID, isID, request.Params.Limit, request.Params.Cursor)
	if err != nil {
		return nil, err
	}
	shown := make([]api.Worker, len(workers))
	for i, w := range workers {
		shown[i] = showWorker(w)
	}
	return api.ListWorkers200JSONResponse{Items: shown, NextCursor: next}, nil
}

// DeleteWorker deletes a worker and its functions.
func (s *server) DeleteWorker(ctx context.Context, request api.DeleteWorkerRequestObject) (api.DeleteWorkerResponseObject, error) {
	id := workflow.ID(request.ID)
	if err := s.engine.DeleteWorker(ctx, id); err != nil {
		return nil, aboutWorker(err, id)
	}
	return api.DeleteWorker204Response{}, nil
}

func aboutWorker(err error, id workflow.ID) error { return about(err, "worker", id.String()) }

func showWorker(w *workflow.Worker) api.Worker {
	shown := api.Worker{
		ID: api.ID(w.ID), URL: workflow.ShownURL(w.URL), Signed: w.Secret != "", Health: api.WorkerHealth(w.Health),
		UnreachableSince: (*api.Time)(w.UnreachableSince), CreatedAt: api.Time(w.CreatedAt), UpdatedAt: api.Time(w.UpdatedAt),
	}
	if w.LastError != "" {
		shown.LastError = &w.LastError
	}
	return shown
}

// showHost shows a worker with its functions, in the order of lists.
func showHost(w *workflow.Worker, functions []*workflow.Function) api.Worker {
	shown := showWorker(w)
	hosted := showFunctions(byRegistration(functions))
	shown.Functions = &hosted
	return shown
}
