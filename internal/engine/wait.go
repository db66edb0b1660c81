package engine

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/stent-dev/stent/internal/workflow"
)

// waiters are the requests of this process that wait for an execution to end.
type waiters struct {
	mu      sync.Mutex
	waiting map[workflow.ID][]chan struct{}
}

func (w *waiters) add(id workflow.ID) (woken chan struct{}) {
	woken = make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting[id] = append(w.waiting[id], woken)
	return woken
}

func (w *waiters) remove(id workflow.ID, woken chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rest := slices.DeleteFunc(w.waiting[id], func(c chan struct{}) bool { return c == woken })
	if len(rest) == 0 {
		delete(w.waiting, id)
		return
	}
	w.waiting[id] = rest
}

func (w *waiters) wake(id workflow.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, woken := range w.waiting[id] {
		select {
		case woken <- struct{}{}:
		default:
		}
	}
}

func (w *waiters) ids() []workflow.ID {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := make([]workflow.ID, 0, len(w.waiting))
	for id := range w.waiting {
		ids = append(ids, id)
	}
	return ids
}

func (w *waiters) wakeAll() {
	for _, id := range w.ids() {
		w.wake(id)
	}
}

// Wait gives the execution as soon as it is terminal, or as it stands when the
// time is up or ctx ends. Error: workflow.ErrNotFound, ErrUnavailable.
func (e *Engine) Wait(ctx context.Context, id workflow.ID, wait time.Duration) (*ExecutionView, error) {
	woken := e.waiters.add(id)
	defer e.waiters.remove(id, woken)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	states, err := e.store.States(ctx, []workflow.ID{id})
	if err != nil {
		return nil, refusal(err)
	}
	if state, ok := states[id]; !ok || state.Terminal() {
		return e.Execution(ctx, id)
	}
	for {
		select {
		case <-woken:
		case <-timer.C:
			return e.Execution(ctx, id)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		view, err := e.Execution(ctx, id)
		if err != nil || view.Execution.State.Terminal() {
			return view, err
		}
	}
}

// pollWaiters makes good the hints that were lost: one query for all that is waited for.
func (e *Engine) pollWaiters(ctx context.Context) error {
	ticker := time.NewTicker(e.options.PollInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		ids := e.waiters.ids()
		if len(ids) == 0 {
			continue
		}
		states, err := e.store.States(ctx, ids)
		if err != nil {
			continue // the waiting requests meet the same error themselves, or the next tick does better
		}
		for id, state := range states {
			if state.Terminal() {
				e.waiters.wake(id)
			}
		}
	}
}
