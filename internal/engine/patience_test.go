package engine_test

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/wake"
	"github.com/stent-dev/stent/internal/workflow"
)

// deadline is a context whose time is up when it is told.
type deadline struct {
	context.Context
	up     chan struct{}
	passed atomic.Bool
}

func newDeadline(t *testing.T) *deadline {
	return &deadline{Context: t.Context(), up: make(chan struct{})}
}

func (d *deadline) Done() <-chan struct{} { return d.up }
func (d *deadline) Err() error {
	if d.passed.Load() {
		return context.DeadlineExceeded
	}
	return nil
}

// slow is a store with which the time of a request is up once some batches are through.
type slow struct {
	db.Store
	of      *deadline
	batches *atomic.Int64
	longest *atomic.Int64 // that a request may take, as its context says
}

func (s slow) batch(ctx context.Context) {
	if at, ok := ctx.Deadline(); ok {
		s.longest.Store(max(s.longest.Load(), int64(time.Until(at))))
	}
	if s.batches.Add(-1) == -1 {
		s.of.passed.Store(true)
		close(s.of.up)
		<-ctx.Done()
	}
}

func (s slow) ExecutionIDs(ctx context.Context, f db.ExecutionFilter) ([]workflow.ID, error) {
	s.batch(ctx)
	return s.Store.ExecutionIDs(ctx, f)
}

func (s slow) DeleteEnded(ctx context.Context, function string, age time.Duration, limit int) (int, bool, error) {
	s.batch(ctx)
	return s.Store.DeleteEnded(ctx, function, age, limit)
}

// A request that takes too long tells what was done by then, so that it can be made
// again, and only that it took too long if nothing was.
func TestRequestsAboutManyExecutionsAreCutOff(t *testing.T) {
	t.Parallel()
	stop := engine.Bulk{Action: engine.BulkCancel, Limit: 2000, Force: true}
	dry := stop
	dry.DryRun = true
	for name, c := range map[string]struct {
		many    int // executions; 250 unless said
		batches int64
		bulk    *engine.Bulk
		done    engine.BulkDone
		cleaned engine.Cleaned
		nothing bool
	}{
		"ABulkAction":             {batches: 2, bulk: &stop, done: engine.BulkDone{Matched: 200, Affected: 200, More: true}},
		"ABulkActionAtOnce":       {bulk: &stop, nothing: true},
		"ADryRunOfABulkAction":    {many: 1100, batches: 1, bulk: &dry, done: engine.BulkDone{Matched: 1000, More: true}},
		"ACleanup":                {batches: 2, cleaned: engine.Cleaned{Executions: 200, More: true}},
		"ACleanupThatDidNothing":  {nothing: true},
		"ABulkActionThatIsInTime": {batches: 100, bulk: &stop, done: engine.BulkDone{Matched: 250, Affected: 250}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := newDeadline(t)
			var batches, longest atomic.Int64
			batches.Store(1 << 30)
			e, _ := setup(t, wake.NewLocal(), func(s db.Store) db.Store { return slow{s, ctx, &batches, &longest} })
			many := cmp.Or(c.many, 250)
			started(t, e, many)
			if c.bulk == nil {
				bulk(t, e, engine.Bulk{Action: engine.BulkCancel, Limit: 2000, Force: true}, engine.BulkDone{Matched: many, Affected: many})
			}
			batches.Store(c.batches)
			var err error
			var done engine.BulkDone
			var cleaned engine.Cleaned
			if c.bulk != nil {
				done, err = e.Bulk(ctx, *c.bulk)
			} else {
				cleaned, err = e.Cleanup(ctx, engine.Cleanup{Executions: true})
			}
			if errors.Is(err, context.DeadlineExceeded) != c.nothing || done != c.done || cleaned != c.cleaned {
				t.Errorf("it gave %+v, %+v, %v", done, cleaned, err)
			}
			if got := time.Duration(longest.Load()); got <= 0 || got > 30*time.Second {
				t.Errorf("it may take %s", got)
			}
		})
	}
}
