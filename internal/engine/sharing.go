package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

// sharing wakes the tasks that wait for shared results: at once when this process
// stored that a result is there or belongs to nobody, and by polling where that was
// some other process, which may have died before it told.
type sharing struct {
	mu      sync.Mutex
	settled map[workflow.ResultKey]bool // whether it can be taken
	ready   chan struct{}
}

func newSharing() *sharing {
	return &sharing{settled: map[workflow.ResultKey]bool{}, ready: make(chan struct{}, 1)}
}

const (
	sharingPoll  = 2 * time.Second
	sharingBatch = 500 // tasks that are woken at once
)

// stored takes note of the results that a change settled. It holds up no commit.
func (s *sharing) stored(c *workflow.Change) {
	if len(c.Results)+len(c.Freed) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range c.Freed {
		s.settled[key] = false
	}
	for _, u := range c.Results {
		if u.State == workflow.ResultCompleted {
			s.settled[u.Key] = true
		}
	}
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

func (s *sharing) take() []db.SettledResult {
	s.mu.Lock()
	defer s.mu.Unlock()
	results := make([]db.SettledResult, 0, len(s.settled))
	for key, completed := range s.settled {
		results = append(results, db.SettledResult{Key: key, Completed: completed})
	}
	clear(s.settled)
	return results
}

// wakeSharers wakes tasks until ctx ends. Processes with a scheduler poll.
func (e *Engine) wakeSharers(ctx context.Context) error {
	ticker := time.NewTicker(sharingPoll)
	defer ticker.Stop()
	for {
		var settled []db.SettledResult
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-e.sharing.ready:
			settled = e.sharing.take()
		case <-ticker.C:
			if e.lessee.Load() == nil {
				continue
			}
			settled, err = e.store.SettledResults(ctx)
		}
		for _, r := range settled {
			if err == nil {
				err = e.wakeSharersOf(ctx, r)
			}
		}
		if err != nil && ctx.Err() == nil {
			e.log.WarnContext(ctx, "tasks that wait for a result could not be woken", logError, err)
		}
	}
}

// wakeSharersOf wakes all who wait for a result that is there, or one of those who
// wait for a result that belongs to nobody.
func (e *Engine) wakeSharersOf(ctx context.Context, r db.SettledResult) error {
	most := 1
	if r.Completed {
		most = sharingBatch
	}
	for {
		waiting, err := e.store.ResultWaiters(ctx, r.Key, most)
		if err != nil {
			return fmt.Errorf("finding who waits for a result: %w", err)
		}
		submissions := make([]*submission, len(waiting))
		for i, w := range waiting {
			submissions[i] = &submission{ctx: ctx, event: workflow.Woken{Execution: w.Execution, Task: w.Task}, done: make(chan struct{})}
			e.enqueue(w.Execution, submissions[i])
		}
		settled := 0
		for _, s := range submissions {
			if <-s.done; s.verdict.Task != nil && s.verdict.Task.State.Settled() {
				settled++
			}
		}
		if len(waiting) < most || settled == 0 {
			return nil // all of them were woken, or the result is not what it was any more
		}
	}
}

// InvalidateResults forgets the completed results of a function, of all versions
// or, version not nil, of that one. Runs that are under way go on, and give their
// results. Errors: workflow.ErrNotFound when there are none and the function is not
// registered, ErrUnavailable.
func (e *Engine) InvalidateResults(ctx context.Context, function string, version *string) error {
	found := false
	for {
		n, err := e.store.InvalidateResults(ctx, function, version, cleaningBatch)
		if err != nil {
			return refusal(err)
		}
		found = found || n > 0
		if n < cleaningBatch {
			break
		}
	}
	if found {
		return nil
	}
	_, err := e.Function(ctx, function, nil)
	return err
}

// cleaningBatch is how many rows are deleted in one transaction.
const cleaningBatch = 500

// DeleteOldResults deletes a batch of results that nobody can take any more, and
// tells whether there may be more of them.
func (e *Engine) DeleteOldResults(ctx context.Context) (more bool, err error) {
	n, err := e.store.DeleteOldResults(ctx, cleaningBatch)
	return n >= cleaningBatch, refusal(err)
}
