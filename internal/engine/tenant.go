package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

// Lessee is the scheduler of this process. Its methods must be quick, as they are
// called between transactions.
type Lessee interface {
	// Reserve sets room for at most n more tasks aside, and says for how many.
	Reserve(n int) int
	// Unreserve gives room back that was not used.
	Unreserve(n int)
	// Serves tells whether it would deliver a task of the function from the queue now.
	Serves(queue string, f *workflow.Function) bool
	// Take gets tasks that were leased to it, on room that it had reserved.
	Take(tasks []workflow.Handed)
	// Abort stops the deliveries under these leases, or under older ones of their tasks,
	// as their answers do not count any more. Leases that are younger go on: a task that
	// was cancelled may have been opened again.
	Abort(ended []workflow.Lease)
	// DueIn says that a task becomes due after so long.
	DueIn(in time.Duration)
	// Expired says that others took it for dead: nothing that it holds counts any more.
	Expired()
	// Reconcile says that the database may have leases for it that it does not know of.
	Reconcile()
}

// tenant is a lessee and the executions that the database's holds name for it. A
// nil tenant, in a process without a scheduler, takes nothing.
type tenant struct {
	Lessee
	id workflow.ID

	mu    sync.Mutex
	holds map[workflow.ID]struct{}
}

// Attach makes a scheduler the one that tasks are handed to, under the id that it
// joined with; nil detaches it.
func (e *Engine) Attach(id workflow.ID, l Lessee) {
	if l == nil {
		e.lessee.Store(nil)
		return
	}
	e.lessee.Store(&tenant{Lessee: l, id: id, holds: map[workflow.ID]struct{}{}})
}

// expired detaches a scheduler whose lease has run out, but none that followed it.
func (e *Engine) expired(t *tenant) {
	if t != nil && e.lessee.CompareAndSwap(t, nil) {
		t.Expired()
	}
}

func (t *tenant) reserve(n int) *workflow.Terms {
	if t == nil || n == 0 {
		return nil
	}
	room := t.Reserve(n)
	if room == 0 {
		return nil
	}
	return &workflow.Terms{Scheduler: t.id, Room: room, Serves: t.Serves}
}

func (t *tenant) unreserve(terms *workflow.Terms) {
	if terms != nil {
		t.Unreserve(terms.Room)
	}
}

// hold adds to a change the holds that its leases begin and the ends of executions finish.
func (t *tenant) hold(c *workflow.Change) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	seen := map[workflow.ID]bool{}
	for _, h := range c.Handed {
		id := h.Execution.ID
		if _, held := t.holds[id]; !held && !seen[id] && !h.Execution.State.Terminal() {
			c.Holds = append(c.Holds, workflow.Hold{Scheduler: t.id, Execution: id})
		}
		seen[id] = true
	}
	slices.SortFunc(c.Holds, func(a, b workflow.Hold) int { return a.Execution.Compare(b.Execution) }) // as a claim does
	for _, x := range c.Executions {
		// An execution with a callback is not done with when it ends: ForgetIdle sees to its hold.
		if _, held := t.holds[x.ID]; held && x.State.Terminal() && x.CallbackURL == "" {
			c.Unholds = append(c.Unholds, workflow.Hold{Scheduler: t.id, Execution: x.ID})
		}
	}
}

// take hands over what a stored change leased, and gives back the room that it did not use.
func (t *tenant) take(terms *workflow.Terms, c *workflow.Change, swept map[workflow.ID]bool) {
	if t == nil {
		return
	}
	t.mu.Lock()
	for _, h := range c.Holds {
		t.holds[h.Execution] = struct{}{}
	}
	for _, h := range c.Unholds {
		delete(t.holds, h.Execution)
	}
	t.mu.Unlock()
	handed := c.Handed
	if len(swept) > 0 {
		handed = nil
		for _, h := range c.Handed {
			if !swept[h.Task.ID] {
				handed = append(handed, h)
			}
		}
	}
	if terms != nil {
		t.Unreserve(terms.Room - len(handed))
	}
	if len(handed) > 0 {
		t.Take(handed)
	}
}

// doubt forgets the holds of a change that may not have been stored.
func (t *tenant) doubt(c *workflow.Change) {
	if t == nil || c == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, holds := range [][]workflow.Hold{c.Holds, c.Unholds} {
		for _, h := range holds {
			delete(t.holds, h.Execution)
		}
	}
}

func (t *tenant) reconcile() {
	if t != nil {
		t.Reconcile()
	}
}

func (t *tenant) abort(ended []workflow.Lease) {
	if t != nil && len(ended) > 0 {
		t.Abort(ended)
	}
}

func (t *tenant) dueIn(in time.Duration) {
	if t != nil {
		t.DueIn(in)
	}
}

// Claim leases due tasks to the scheduler that is attached. take gets them before
// anything can be taken for a lease that the scheduler does not know of.
func (e *Engine) Claim(ctx context.Context, lanes []db.Quota, take func([]db.Claimed)) (db.HeldBack, error) {
	e.holding.RLock()
	defer e.holding.RUnlock()
	t := e.lessee.Load()
	if t == nil {
		return db.HeldBack{}, db.ErrExpired
	}
	claimed, back, err := e.store.Claim(ctx, t.id, lanes)
	if errors.Is(err, db.ErrExpired) {
		e.expired(t)
	}
	if err != nil {
		t.Reconcile() // it may have leased nevertheless
		return db.HeldBack{}, err
	}
	t.mu.Lock()
	for _, c := range claimed {
		t.holds[c.Execution.ID] = struct{}{}
	}
	t.mu.Unlock()
	take(claimed)
	e.watching.claimed(claimed)
	return back, nil
}

// ForgetIdle ends the holds of executions of which the scheduler holds nothing;
// busy tells which it does hold something of. It gives the leases that the
// database has for the scheduler and known does not, for it to give back.
func (e *Engine) ForgetIdle(ctx context.Context, busy func(execution workflow.ID) bool, known func(workflow.Lease) bool) ([]workflow.Lease, error) {
	e.holding.Lock()
	defer e.holding.Unlock()
	t := e.lessee.Load()
	if t == nil {
		return nil, nil
	}
	held, err := e.store.Held(ctx, t.id, nil)
	if err != nil {
		return nil, refusal(err)
	}
	var lost []workflow.Lease
	inDatabase := map[workflow.ID]bool{}
	for _, l := range held {
		inDatabase[l.Execution] = true
		if !known(l) {
			lost = append(lost, l)
		}
	}
	t.mu.Lock()
	var idle []workflow.ID
	for id := range t.holds {
		if !busy(id) && !inDatabase[id] {
			idle = append(idle, id)
		}
	}
	t.mu.Unlock()
	if len(idle) == 0 {
		return lost, nil
	}
	if err := e.store.Unhold(ctx, t.id, idle); err != nil {
		return lost, refusal(err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range idle {
		delete(t.holds, id)
	}
	return lost, nil
}
