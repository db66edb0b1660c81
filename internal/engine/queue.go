package engine

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/stent-dev/stent/internal/wake"
)

// Queue is a queue as it stands.
type Queue struct {
	Name      string
	Paused    bool
	Functions int        // registered functions that go through it, with some version at least
	Depth     int64      // tasks that are due and that nobody has leased
	More      bool       // Depth is where counting stopped
	Oldest    *time.Time // since when the first of them is due; nil: there is none
}

// PauseQueue stops the delivery of a queue's tasks, in every scheduler at the latest
// after its polling interval, or lets it go on. What is in flight is not touched.
func (e *Engine) PauseQueue(ctx context.Context, name string, paused bool) (*Queue, error) {
	if err := e.store.PauseQueue(ctx, name, paused); err != nil {
		return nil, refusal(err)
	}
	if err := e.functions.refresh(ctx); err != nil {
		return nil, refusal(err)
	}
	e.bus.Publish(wake.Hint{Functions: true, Queues: []string{name}})
	queues, err := e.Queues(ctx)
	if err != nil {
		return nil, err
	}
	for i := range queues {
		if queues[i].Name == name {
			return &queues[i], nil
		}
	}
	return &Queue{Name: name, Paused: paused}, nil
}

// Queues gives every queue that a function goes through, that has tasks due or that
// is paused, by name.
func (e *Engine) Queues(ctx context.Context) ([]Queue, error) {
	depths, err := e.store.QueueDepths(ctx)
	if err != nil {
		return nil, refusal(err)
	}
	paused, err := e.store.PausedQueues(ctx)
	if err != nil {
		return nil, refusal(err)
	}
	queues := make([]Queue, 0, len(depths))
	at := map[string]int{}
	queue := func(name string) *Queue {
		i, known := at[name]
		if !known {
			i = len(queues)
			at[name] = i
			queues = append(queues, Queue{Name: name})
		}
		return &queues[i]
	}
	for _, d := range depths {
		q := queue(d.Name)
		q.Depth, q.More, q.Oldest = d.Due, d.More, &d.Oldest
	}
	for _, name := range paused {
		queue(name).Paused = true
	}
	for _, versions := range e.functions.loaded.Load().versions {
		of := map[string]bool{}
		for _, f := range versions {
			if !of[f.Queue] {
				of[f.Queue] = true
				queue(f.Queue).Functions++
			}
		}
	}
	slices.SortFunc(queues, func(a, b Queue) int { return cmp.Compare(a.Name, b.Name) })
	return queues, nil
}

// QueuePaused tells whether the queue is paused, as known here.
func (e *Engine) QueuePaused(name string) bool { return e.functions.loaded.Load().paused[name] }
