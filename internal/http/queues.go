package http

import (
	"context"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/http/api"
)

// ListQueues lists the queues by name.
func (s *server) ListQueues(ctx context.Context, _ api.ListQueuesRequestObject) (api.ListQueuesResponseObject, error) {
	queues, err := s.engine.Queues(ctx)
	if err != nil {
		return nil, err
	}
	shown := make([]api.Queue, len(queues))
	for i := range queues {
		shown[i] = showQueue(&queues[i])
	}
	return api.ListQueues200JSONResponse{Items: shown}, nil
}

// PauseQueue stops the delivery of a queue's tasks.
func (s *server) PauseQueue(ctx context.Context, request api.PauseQueueRequestObject) (api.PauseQueueResponseObject, error) {
	if err := checkName("/path/name", request.Name); err != nil {
		return nil, err
	}
	q, err := s.engine.PauseQueue(ctx, request.Name, true)
	if err != nil {
		return nil, err
	}
	return api.PauseQueue200JSONResponse(showQueue(q)), nil
}

// ResumeQueue lets the delivery of a queue's tasks go on.
func (s *server) ResumeQueue(ctx context.Context, request api.ResumeQueueRequestObject) (api.ResumeQueueResponseObject, error) {
	q, err := s.engine.PauseQueue(ctx, request.Name, false)
	if err != nil {
		return nil, err
	}
	return api.ResumeQueue200JSONResponse(showQueue(q)), nil
}

func showQueue(q *engine.Queue) api.Queue {
	shown := api.Queue{Name: q.Name, Paused: q.Paused, Functions: q.Functions, Depth: q.Depth, More: q.More}
	if q.Oldest != nil {
		oldest := api.Time(*q.Oldest)
		shown.OldestDueAt = &oldest
	}
	return shown
}
