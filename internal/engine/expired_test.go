package engine_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/wake"
	"github.com/stent-dev/stent/internal/workflow"
)

// lessee has room for one task and notes whether it was told that it has expired.
type lessee struct {
	engine.Lessee // nil: nothing else is to be called

	expired atomic.Bool
}

func (l *lessee) Reserve(int) int                        { return 1 }
func (l *lessee) Unreserve(int)                          {}
func (l *lessee) Serves(string, *workflow.Function) bool { return true }
func (l *lessee) Take([]workflow.Handed)                 {}
func (l *lessee) Abort([]workflow.Lease)                 {}
func (l *lessee) DueIn(time.Duration)                    {}
func (l *lessee) Expired()                               { l.expired.Store(true) }
func (l *lessee) Reconcile()                             {}

// during is a store that does something in the middle of its first leasing commit.
type during struct {
	db.Store
	do func()
}

func (d *during) Commit(ctx context.Context, need workflow.Need, decide func(*workflow.Loaded) (*workflow.Change, error)) (db.Saved, error) {
	saved, err := d.Store.Commit(ctx, need, decide)
	if err != nil && d.do != nil {
		d.do()
		d.do = nil
	}
	return saved, err
}

func TestExpiryOfOneSchedulerDoesNotEndTheOneThatFollowed(t *testing.T) {
	t.Parallel()
	d := &during{}
	e, _ := setup(t, wake.NewLocal(), func(s db.Store) db.Store { d.Store = s; return d })
	old, fresh, freshID := &lessee{}, &lessee{}, engine.NewID()
	if err := e.Join(t.Context(), engine.Scheduler{ID: freshID, State: engine.SchedulerReady, Lease: time.Minute}); err != nil {
		t.Fatal(err)
	}
	e.Attach(engine.NewID(), old)              // never joined, so it counts as expired
	d.do = func() { e.Attach(freshID, fresh) } // meanwhile its heartbeat found out, and the next tenure began
	if _, err := e.Start(t.Context(), engine.StartRequest{Function: "work"}); err != nil {
		t.Fatal(err)
	}
	if fresh.expired.Load() {
		t.Error("the scheduler that lives was told that its lease ran out; what it holds waits for a whole lease")
	}
}

func TestSchedulerThatNobodyHeardOfIsShownAsExpiredThoughNobodyIsThereToTakeOver(t *testing.T) {
	t.Parallel()
	e, _ := setup(t, wake.NewLocal(), nil)
	for _, s := range []engine.Scheduler{
		{ID: engine.NewID(), State: engine.SchedulerReady, Lease: time.Microsecond},
		{ID: engine.NewID(), State: engine.SchedulerReady, Lease: time.Hour},
	} {
		if err := e.Join(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	schedulers, err := e.Schedulers(t.Context())
	if err != nil || len(schedulers) != 2 {
		t.Fatalf("%d schedulers: %v", len(schedulers), err)
	}
	for _, s := range schedulers {
		if want := map[bool]engine.SchedulerState{true: db.SchedulerExpired, false: db.SchedulerReady}[s.Lease < time.Second]; s.State != want {
			t.Errorf("a scheduler with a lease of %s is %s, want %s", s.Lease, s.State, want)
		}
	}
}
