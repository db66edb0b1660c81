package engine

import (
	"context"
	"time"

	"github.com/stent-dev/stent/internal/wake"
)

// ChangeList gathers the ids of executions that change, all over the cluster, from
// hints: what is lost on the way is not told.
type ChangeList interface {
	// Next gives what has changed since it was last called, after idle at the latest, and
	// not more than twice a second. many says that it is more than can be listed; then
	// nothing is. Error: the context's.
	Next(ctx context.Context, idle time.Duration) (ids []string, many bool, err error)
	// Close ends the gathering.
	Close()
}

type changeList struct {
	watching *watching
	leave    func()
	ids      map[string]struct{} // guarded by watching.mu
	many     bool                // guarded by watching.mu: more than are listed, or nobody knows which
	ready    chan struct{}
	last     time.Time
}

// listAgain is the least time between two answers of Next.
const listAgain = 500 * time.Millisecond

// WatchAll begins to gather; Close ends it. Error: ErrUnavailable, when too many do.
func (e *Engine) WatchAll() (ChangeList, error) {
	leave, err := e.enter()
	if err != nil {
		return nil, err
	}
	w := e.watching
	l := &changeList{watching: w, leave: leave, ids: map[string]struct{}{}, ready: make(chan struct{}, 1)}
	w.mu.Lock()
	w.lists[l] = struct{}{}
	w.watched(wake.Any)
	w.mu.Unlock()
	w.bus.Publish(wake.Hint{Watched: []string{wake.Any}})
	return l, nil
}

// Close is ChangeList.Close.
func (l *changeList) Close() {
	l.watching.mu.Lock()
	delete(l.watching.lists, l)
	l.watching.mu.Unlock()
	l.leave()
}

// add is called with watching.mu held.
func (l *changeList) add(id string) {
	if id == wake.Any || len(l.ids) >= maxChangedIDs {
		l.many = true
		clear(l.ids)
	}
	if !l.many {
		l.ids[id] = struct{}{}
	}
	select {
	case l.ready <- struct{}{}:
	default:
	}
}

// Next is ChangeList.Next.
func (l *changeList) Next(ctx context.Context, idle time.Duration) (ids []string, many bool, err error) {
	timer := time.NewTimer(idle)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return nil, false, ctx.Err()
	case <-timer.C:
		return nil, false, nil
	case <-l.ready:
	}
	if err := sleepUntil(ctx, l.last.Add(listAgain)); err != nil {
		return nil, false, err
	}
	l.last = time.Now()
	l.watching.mu.Lock()
	defer l.watching.mu.Unlock()
	select {
	case <-l.ready: // what was added meanwhile is among what is given
	default:
	}
	for id := range l.ids {
		ids = append(ids, id)
	}
	many = l.many
	clear(l.ids)
	l.many = false
	return ids, many, nil
}

func sleepUntil(ctx context.Context, at time.Time) error {
	left := time.Until(at)
	if left <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
