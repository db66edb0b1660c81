package engine

import (
	"context"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

// SchedulerState is where a scheduler instance stands.
type SchedulerState = db.SchedulerState

// Join registers a scheduler, Beat keeps it alive, Leave ends it. Errors: db.ErrExpired, ErrUnavailable.
func (e *Engine) Join(ctx context.Context, s Scheduler) error {
	if err := e.store.Join(ctx, s); err != nil {
		return refusal(err)
	}
	all, err := e.store.Schedulers(ctx)
	for _, joined := range all {
		if joined.ID == s.ID {
			e.clock.saw(joined.SeenAt)
		}
	}
	return refusal(err)
}

// Beat renews all that the scheduler holds, by one write.
func (e *Engine) Beat(ctx context.Context, s Scheduler) error { return refusal(e.store.Beat(ctx, s)) }

// Leave ends a scheduler that holds nothing any more.
func (e *Engine) Leave(ctx context.Context, id workflow.ID) error {
	return refusal(e.store.Leave(ctx, id))
}

// Recover takes over what schedulers hold whose leases have run out; it gives the
// number of leases that it took from them.
func (e *Engine) Recover(ctx context.Context) (int, error) {
	if err := e.store.Expire(ctx, 0); err != nil {
		return 0, refusal(err)
	}
	taken := 0
	for {
		leases, err := e.store.Orphans(ctx, orphanBatch)
		if err != nil || len(leases) == 0 {
			return taken, refusal(err)
		}
		submissions := make([]*submission, len(leases))
		for i, l := range leases {
			submissions[i] = &submission{ctx: ctx, event: workflow.Orphaned{Lease: l}, done: make(chan struct{})}
			e.enqueue(l.Execution, submissions[i])
		}
		fresh := 0
		for _, s := range submissions {
			if <-s.done; s.verdict.Err == nil {
				fresh++
			}
		}
		taken += fresh
		if fresh == 0 {
			return taken, nil // others are at it, or nothing can be done about the rest now
		}
	}
}

// orphanBatch is how many leases of dead schedulers are taken over at a time.
const orphanBatch = 200

// Pool is a pool of connections to the database.
type Pool = db.Pool

// Lanes gives the lanes that have tasks due now.
func (e *Engine) Lanes(ctx context.Context) ([]db.Lane, error) { return e.store.Lanes(ctx) }

// NextDue tells how long it is until the next task becomes due that is not yet.
func (e *Engine) NextDue(ctx context.Context) (time.Duration, bool, error) {
	return e.store.NextDue(ctx)
}

// Undecided tells whether a claimed task shares a result that has not decided yet
// what it does, and which: then it is not delivered before Submit of a
// workflow.Beginning has told to.
func (e *Engine) Undecided(c *workflow.Task) (workflow.ResultKey, bool) {
	f := e.functions.Lookup(c.Name, c.Version)
	if !c.Undecided(f) {
		return workflow.ResultKey{}, false
	}
	return c.KeyOf(f, c.Input), true
}

// Turns loads what the turns of these orchestrator tasks are made of, and
// remembers it for the turns that follow.
func (e *Engine) Turns(ctx context.Context, tasks []workflow.ID) ([]db.Turn, error) {
	turns, err := e.store.Turns(ctx, tasks)
	for i := range turns {
		e.journals.remember(&turns[i])
	}
	return turns, err
}

// Turn is what one turn of an orchestrator is made of.
type Turn = db.Turn

// Held gives the leases that the database has for a scheduler.
func (e *Engine) Held(ctx context.Context, scheduler workflow.ID) ([]workflow.Lease, error) {
	held, err := e.store.Held(ctx, scheduler, nil)
	return held, refusal(err)
}

type (
	// Lane is a kind of due work that is claimed or passed over as a whole.
	Lane = db.Lane
	// Quota asks for tasks of a lane.
	Quota = db.Quota
	// HeldBack is what limits kept a claim from.
	HeldBack = db.HeldBack
	// Claimed is a leased task.
	Claimed = db.Claimed
)

// ErrExpired says that the scheduler was taken for dead: it must let go of all that it holds.
var ErrExpired = db.ErrExpired

// States that a scheduler says it is in.
const (
	SchedulerStarting = db.SchedulerStarting
	SchedulerReady    = db.SchedulerReady
	SchedulerDraining = db.SchedulerDraining
	SchedulerStopped  = db.SchedulerStopped
)
