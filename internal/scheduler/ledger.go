package scheduler

import (
	"context"
	"sync"

	"github.com/stent-dev/stent/internal/telemetry"
	"github.com/stent-dev/stent/internal/workflow"
)

// claimShare is the part of the room, one in so many, that is kept for claims while work waits.
const claimShare = 8

// ledger is what a tenure holds: the tasks in flight, and room set aside for more.
type ledger struct {
	mu       sync.Mutex
	capacity int
	used     int // entries and reservations
	entries  map[workflow.ID]*entry
	per      map[workflow.ID]int // entries of each execution
	backlog  bool                // due work was left unclaimed for want of room
	closed   bool
	drained  chan struct{}
}

// entry is one task in flight.
type entry struct {
	lease    workflow.Lease
	ctx      context.Context // of its delivery, with its span
	cancel   context.CancelFunc
	aborted  bool
	function string
	attempt  int
	span     *telemetry.Span // of its delivery
}

// reserve sets room aside for handed tasks.
func (l *ledger) reserve(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	room := l.capacity - l.used
	if l.backlog {
		room -= max(l.capacity/claimShare, 1)
	}
	if l.closed || room <= 0 {
		return 0
	}
	n = min(n, room)
	l.used += n
	return n
}

// reserveClaim sets all the room aside.
func (l *ledger) reserveClaim() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return 0
	}
	n := max(l.capacity-l.used, 0)
	l.used += n
	return n
}

// unreserve gives room back and tells whether there is work that waits for it.
func (l *ledger) unreserve(n int) (wanted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.used -= n
	l.settleDrain()
	return l.backlog && n > 0
}

func (l *ledger) setBacklog(b bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.backlog = b
}

// add enters a task on room that was reserved.
func (l *ledger) add(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.entries[e.lease.Task] == nil {
		l.per[e.lease.Execution]++
	}
	l.entries[e.lease.Task] = e
}

// remove strikes a task off, if it is still the same lease.
func (l *ledger) remove(e *entry) (wanted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.entries[e.lease.Task] == e {
		delete(l.entries, e.lease.Task)
		if l.per[e.lease.Execution]--; l.per[e.lease.Execution] == 0 {
			delete(l.per, e.lease.Execution)
		}
	}
	l.used--
	l.settleDrain()
	return l.backlog
}

// abort cuts deliveries under leases that ended, and under older ones.
func (l *ledger) abort(ended []workflow.Lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, lease := range ended {
		if e := l.entries[lease.Task]; e != nil && e.lease.Token <= lease.Token {
			e.aborted = true
			e.cancel()
		}
	}
}

func (l *ledger) isAborted(e *entry) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return e.aborted
}

// busy tells whether a task of the execution is in flight.
func (l *ledger) busy(execution workflow.ID) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.per[execution] > 0
}

// knows tells whether the lease is in flight here.
func (l *ledger) knows(lease workflow.Lease) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.entries[lease.Task]
	return e != nil && e.lease == lease
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.entries)
}

// close lets nothing more in.
func (l *ledger) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
}

// empty is closed when nothing is in flight any more. Call it after close.
func (l *ledger) empty() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	drained := make(chan struct{})
	l.drained = drained
	l.settleDrain()
	return drained
}

func (l *ledger) settleDrain() {
	if l.drained != nil && l.used == 0 {
		close(l.drained)
		l.drained = nil
	}
}
