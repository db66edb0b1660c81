package scheduler

import (
	"time"

	"github.com/stent-dev/stent/internal/delivery"
	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/workflow"
)

var _ engine.Lessee = (*tenure)(nil)

// Reserve is engine.Lessee. While work waits to be claimed, a share of the room is
// kept for it, so that executions that hand themselves over cannot starve it.
func (t *tenure) Reserve(n int) int { return t.ledger.reserve(n) }

// Unreserve is engine.Lessee.
func (t *tenure) Unreserve(n int) {
	if t.ledger.unreserve(n) {
		t.awake()
	}
}

// Serves is engine.Lessee.
func (t *tenure) Serves(queue string, f *workflow.Function) bool {
	return t.servesQueue(queue) && !t.engine.QueuePaused(queue) && t.allowed(f, time.Now()) == delivery.Unlimited
}

// Take is engine.Lessee.
func (t *tenure) Take(tasks []workflow.Handed) {
	for _, h := range tasks {
		j := job{task: h.Task, execution: h.Execution}
		if h.Task.Kind == workflow.KindOrchestrator {
			j.turn = t.engine.Recall(h)
		}
		t.begin(j)
	}
}

// Abort is engine.Lessee.
func (t *tenure) Abort(ended []workflow.Lease) { t.ledger.abort(ended) }

// Expired is engine.Lessee.
func (t *tenure) Expired() { t.expire(errExpired) }

// Reconcile is engine.Lessee.
func (t *tenure) Reconcile() {
	select {
	case t.reconcile <- struct{}{}:
	default:
	}
}

// DueIn is engine.Lessee: the dispatch loop is to look when the task has become due.
func (t *tenure) DueIn(in time.Duration) {
	at := time.Now().Add(in)
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := time.Now(); t.until.After(now) && t.until.Before(at) {
		return
	}
	t.until = at
	t.alarm.Reset(in)
}
