package engine

import (
	"context"

	"github.com/stent-dev/stent/internal/db"
)

// Stats tell how much there is of everything.
type Stats struct {
	*db.Stats
	Queues []Queue
}

// Stats counts, or estimates where there is too much to count. Error: ErrUnavailable.
func (e *Engine) Stats(ctx context.Context) (*Stats, error) {
	counted, err := e.store.Stats(ctx)
	if err != nil {
		return nil, refusal(err)
	}
	queues, err := e.Queues(ctx)
	if err != nil {
		return nil, err
	}
	return &Stats{Stats: counted, Queues: queues}, nil
}
