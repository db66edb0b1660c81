package http

import (
	"context"
	"slices"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/http/api"
)

// GetStats tells how much there is of everything.
func (s *server) GetStats(ctx context.Context, _ api.GetStatsRequestObject) (api.GetStatsResponseObject, error) {
	stats, err := s.engine.Stats(ctx)
	if err != nil {
		return nil, err
	}
	queues := make([]api.Queue, len(stats.Queues))
	for i := range stats.Queues {
		queues[i] = showQueue(&stats.Queues[i])
	}
	return api.GetStats200JSONResponse{
		Executions: showCounts(stats.Executions, []api.ExecutionState{
			api.ExecutionStatePending, api.ExecutionStateRunning, api.ExecutionStateCompleted, api.ExecutionStateFailed,
			api.ExecutionStateTimedOut, api.ExecutionStateCancelling, api.ExecutionStateCancelled, api.ExecutionStateBlocked,
		}),
		Tasks: showCounts(stats.Tasks, []api.TaskState{
			api.TaskStatePending, api.TaskStateRunning, api.TaskStateWaiting, api.TaskStateCompleted, api.TaskStateFailed,
			api.TaskStateCancelled,
		}),
		Queues: queues, DeadLetters: stats.DeadLetters.N, DeadLettersEstimated: stats.DeadLetters.Estimated,
	}, nil
}

// showCounts shows every state, those without any as 0.
func showCounts[State, Shown ~string](counts map[State]engine.Count, states []Shown) api.Counts {
	shown := api.Counts{ByState: make(map[string]int64, len(states)), Estimated: []string{}}
	for _, state := range states {
		c := counts[State(state)]
		shown.ByState[string(state)] = c.N
		shown.Total += c.N
		if c.Estimated {
			shown.Estimated = append(shown.Estimated, string(state))
		}
	}
	slices.Sort(shown.Estimated)
	return shown
}
