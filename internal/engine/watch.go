package engine

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/wake"
	"github.com/stent-dev/stent/internal/workflow"
)

// Whoever follows an execution says so to all processes of the cluster, again and
// again; for as long as that is heard, each of them hints at every change that it
// stores. So changes that nobody follows cost nothing.
const (
	watchAgain    = 10 * time.Second       // after which a watch is told again
	watchFor      = 3 * watchAgain         // how long it counts
	hintAgain     = 100 * time.Millisecond // between two hints of changes, which gather meanwhile
	maxWatched    = 10_000                 // executions that a process hints at by name; beyond, at all
	maxChangedIDs = 1000                   // that a ChangeList tells by name
)

// watching is who wants to hear of changes, here and elsewhere.
type watching struct {
	bus    wake.Bus
	wanted atomic.Bool // anybody does

	mu       sync.Mutex
	feeds    map[workflow.ID]map[chan struct{}]struct{} // of this process
	lists    map[*changeList]struct{}                   // of this process
	until    map[workflow.ID]time.Time                  // of all processes
	anyUntil time.Time
	pending  map[workflow.ID]struct{} // changed, and not yet told
	kick     chan struct{}
}

func newWatching(bus wake.Bus) *watching {
	return &watching{
		bus: bus, feeds: map[workflow.ID]map[chan struct{}]struct{}{}, lists: map[*changeList]struct{}{},
		until: map[workflow.ID]time.Time{}, pending: map[workflow.ID]struct{}{}, kick: make(chan struct{}, 1),
	}
}

// add makes woken hear of the changes of an execution until stop is called.
func (w *watching) add(id workflow.ID, woken chan struct{}) (stop func()) {
	w.mu.Lock()
	if w.feeds[id] == nil {
		w.feeds[id] = map[chan struct{}]struct{}{}
	}
	w.feeds[id][woken] = struct{}{}
	w.watched(id.String()) // not by the bus alone: the engine may not listen to it yet
	w.mu.Unlock()
	w.bus.Publish(wake.Hint{Watched: []string{id.String()}})
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.feeds[id], woken)
		if len(w.feeds[id]) == 0 {
			delete(w.feeds, id)
		}
	}
}

// stored takes note of what a change that is stored touched.
func (w *watching) stored(c *workflow.Change) {
	if !w.wanted.Load() {
		return
	}
	ids := map[workflow.ID]struct{}{}
	for _, list := range [][]*workflow.Execution{c.NewExecutions, c.Executions} {
		for _, e := range list {
			ids[e.ID] = struct{}{}
		}
	}
	each(c, func(t *workflow.Task) { ids[t.Execution] = struct{}{} })
	for _, r := range c.Releases {
		ids[r.Execution] = struct{}{}
	}
	for _, s := range c.Sweeps {
		ids[s.Execution] = struct{}{}
	}
	for _, p := range c.Parks {
		ids[p.Execution] = struct{}{}
	}
	w.changed(ids)
}

// claimed takes note of what a claim touched.
func (w *watching) claimed(claimed []db.Claimed) {
	if len(claimed) == 0 || !w.wanted.Load() {
		return
	}
	ids := make(map[workflow.ID]struct{}, len(claimed))
	for _, c := range claimed {
		ids[c.Execution.ID] = struct{}{}
	}
	w.changed(ids)
}

func (w *watching) changed(ids map[workflow.ID]struct{}) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	all := now.Before(w.anyUntil)
	for id := range ids {
		if all || now.Before(w.until[id]) {
			w.pending[id] = struct{}{}
		}
	}
	if len(w.pending) > 0 {
		select {
		case w.kick <- struct{}{}:
		default:
		}
	}
}

// heard takes what this or another process hints at.
func (w *watching) heard(h wake.Hint) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, text := range h.Watched {
		w.watched(text)
	}
	for _, text := range h.Changed {
		w.wake(text)
	}
	for _, text := range h.Executions {
		w.wake(text)
	}
	if h.All {
		w.wake(wake.Any)
	}
}

// watched is called with mu held.
func (w *watching) watched(text string) {
	until := time.Now().Add(watchFor)
	id, err := workflow.ParseID(text)
	switch {
	case text == wake.Any, err == nil && len(w.until) >= maxWatched && w.until[id].IsZero():
		w.anyUntil = until
	case err == nil:
		w.until[id] = until
	default:
		return
	}
	w.wanted.Store(true)
}

func (w *watching) wake(text string) {
	for list := range w.lists {
		list.add(text)
	}
	if text == wake.Any {
		for _, feeds := range w.feeds {
			wakeAll(feeds)
		}
		return
	}
	if id, err := workflow.ParseID(text); err == nil {
		wakeAll(w.feeds[id])
	}
}

func wakeAll(feeds map[chan struct{}]struct{}) {
	for woken := range feeds {
		select {
		case woken <- struct{}{}:
		default:
		}
	}
}

// run tells of changes, and that there are watchers, until ctx ends.
func (w *watching) run(ctx context.Context) error {
	ticker := time.NewTicker(watchAgain)
	defer ticker.Stop()
	pause := time.NewTimer(0)
	defer pause.Stop()
	<-pause.C
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			w.bus.Publish(wake.Hint{Watched: w.again()})
			continue
		case <-w.kick:
		}
		w.bus.Publish(wake.Hint{Changed: w.take()})
		pause.Reset(hintAgain)
		select {
		case <-ctx.Done():
			return nil
		case <-pause.C:
		}
	}
}

// take gives what has changed since it was last told.
func (w *watching) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer clear(w.pending)
	if len(w.pending) > maxChangedIDs {
		return []string{wake.Any}
	}
	texts := make([]string, 0, len(w.pending))
	for id := range w.pending {
		texts = append(texts, id.String())
	}
	return texts
}

// again gives what is watched here, and forgets what nobody has watched for long.
func (w *watching) again() (texts []string) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, until := range w.until {
		if now.After(until) {
			delete(w.until, id)
		}
	}
	w.wanted.Store(len(w.until) > 0 || now.Before(w.anyUntil))
	if len(w.lists) > 0 {
		return []string{wake.Any}
	}
	for id := range w.feeds {
		texts = append(texts, id.String())
	}
	return texts
}
