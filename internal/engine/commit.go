package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

// submission is an event on its way into a transaction.
type submission struct {
	ctx     context.Context
	event   workflow.Event
	verdict workflow.Verdict
	done    chan struct{}
	unknown bool // a commit with it may have succeeded
}

// commitLoop commits events in batches: while one transaction is under way, the
// events that come queue up and make the next one.
type commitLoop struct {
	engine *Engine
	mu     sync.Mutex
	queue  []*submission
	closed bool
	ready  chan struct{}
}

func newCommitLoop(e *Engine) *commitLoop {
	return &commitLoop{engine: e, ready: make(chan struct{}, 1)}
}

// errStopped is given to events that come after the engine has stopped.
var errStopped = fmt.Errorf("%w: it is stopping", ErrUnavailable)

// submit commits an event and gives its verdict. The error is ErrUnavailable, or
// the context's when it ends before the event was taken up.
func (e *Engine) submit(ctx context.Context, execution workflow.ID, event workflow.Event) (workflow.Verdict, error) {
	s := &submission{ctx: ctx, event: event, done: make(chan struct{})}
	e.enqueue(execution, s)
	<-s.done
	return s.verdict, s.verdict.Err
}

// patience is how long somebody's request waits for a database that is away.
const patience = 10 * time.Second

// errPatience is given to somebody whose event is still in a transaction.
var errPatience = fmt.Errorf("%w: the database has not answered in time, and may yet store it", ErrUnavailable)

// ask is submit for somebody who would rather hear that it cannot be done now
// than wait for long.
func (e *Engine) ask(ctx context.Context, execution workflow.ID, event workflow.Event) (workflow.Verdict, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s := &submission{ctx: ctx, event: event, done: make(chan struct{})}
	e.enqueue(execution, s)
	v := s.await(ctx)
	return v, v.Err
}

// await gives the verdict, or errPatience when ctx ends before.
func (s *submission) await(ctx context.Context) workflow.Verdict {
	select {
	case <-s.done:
		return s.verdict
	default:
	}
	select {
	case <-s.done:
		return s.verdict
	case <-ctx.Done():
		return workflow.Verdict{Err: errPatience}
	}
}

func (e *Engine) enqueue(execution workflow.ID, s *submission) {
	loop := e.loops[int(execution[15])%len(e.loops)]
	loop.mu.Lock()
	if loop.closed {
		loop.mu.Unlock()
		s.finish(workflow.Verdict{Err: errStopped})
		return
	}
	loop.queue = append(loop.queue, s)
	loop.mu.Unlock()
	select {
	case loop.ready <- struct{}{}:
	default:
	}
}

func (s *submission) finish(v workflow.Verdict) {
	s.verdict = v
	close(s.done)
}

// take gives the next batch; it is empty when nothing is queued.
func (l *commitLoop) take() []*submission {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.queue), l.engine.options.MaxBatch)
	batch := l.queue[:n:n]
	if l.queue = l.queue[n:]; len(l.queue) == 0 {
		l.queue = nil
	}
	return batch
}

// run commits until ctx ends, and then what is still queued.
func (l *commitLoop) run(ctx context.Context) error {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-l.ready:
		}
		for batch := l.take(); len(batch) > 0; batch = l.take() {
			l.commit(context.WithoutCancel(ctx), batch, ctx.Done())
		}
	}
	l.mu.Lock()
	l.closed = true
	rest := l.queue
	l.queue = nil
	l.mu.Unlock()
	for _, s := range rest {
		s.finish(workflow.Verdict{Err: errStopped})
	}
	return nil
}

// Bounds of trying a transaction again.
const (
	conflictsAlone  = 4                       // conflicts in a row until the batch is cut in halves
	maxConflicts    = 40                      // of a lone event, until it is refused
	maxTooSlow      = 2                       // times that a lone event takes too long, until it is refused
	firstRetryPause = 5 * time.Millisecond    // after a conflict
	firstOutage     = 50 * time.Millisecond   // while the database is away; doubled up to
	longestOutage   = 2000 * time.Millisecond //
)

// commit stores a batch, trying again as long as its events may wait. An event
// that cannot be stored is refused alone: the batch is cut until it stands by itself.
func (l *commitLoop) commit(ctx context.Context, batch []*submission, stopping <-chan struct{}) {
	outage := firstOutage
	for conflicts, tooSlow := 0, 0; len(batch) > 0; {
		err := l.engine.transact(ctx, batch)
		switch {
		case err == nil:
			return
		case errors.Is(err, db.ErrExpired):
			// transact has detached the scheduler: the next try leases nothing to it
		case errors.Is(err, db.ErrConflict):
			conflicts++
			if conflicts > maxConflicts {
				finishAll(batch, refusal(err))
				return
			}
			if conflicts > conflictsAlone && len(batch) > 1 {
				l.halves(ctx, batch, stopping)
				return
			}
			time.Sleep(time.Duration(conflicts) * firstRetryPause)
		case errors.Is(err, db.ErrTooSlow) && len(batch) > 1:
			l.halves(ctx, batch, stopping)
			return
		case errors.Is(err, db.ErrTooSlow) && tooSlow+1 >= maxTooSlow:
			finishAll(batch, fmt.Errorf("%w: %w", ErrCannotStore, err))
			return
		case errors.Is(err, db.ErrUnknown), errors.Is(err, db.ErrUnavailable):
			if errors.Is(err, db.ErrTooSlow) {
				tooSlow++
			}
			l.engine.log.WarnContext(ctx, "a batch could not be committed", "events", len(batch), logError, err)
			batch = waiting(batch, err)
			select {
			case <-time.After(outage):
			case <-stopping:
				finishAll(batch, refusal(err))
				return
			}
			outage = min(2*outage, longestOutage)
		case len(batch) > 1:
			l.halves(ctx, batch, stopping)
			return
		default:
			l.engine.log.LogAttrs(ctx, slog.LevelError, "an event could not be stored", append(about(batch[0].event), slog.Any(logError, err))...)
			finishAll(batch, fmt.Errorf("%w: %w", ErrCannotStore, err))
			return
		}
	}
}

// ErrCannotStore says that the database refuses an event for what it holds, or takes
// too long for it, and would again.
var ErrCannotStore = errors.New("the database cannot store it")

func (l *commitLoop) halves(ctx context.Context, batch []*submission, stopping <-chan struct{}) {
	half := len(batch) / 2
	l.commit(ctx, batch[:half], stopping)
	l.commit(ctx, batch[half:], stopping)
}

// waiting keeps the events of a batch that may be tried again after an error of
// the database; the others are refused.
func waiting(batch []*submission, err error) []*submission {
	var kept []*submission
	for _, s := range batch {
		unknown := errors.Is(err, db.ErrUnknown)
		if s.ctx.Err() != nil || unknown && !workflow.Repeatable(s.event) {
			s.finish(workflow.Verdict{Err: refusal(err)})
			continue
		}
		if start, ok := s.event.(workflow.Start); ok && unknown {
			start.Again = true
			s.event = start
		}
		s.unknown = s.unknown || unknown
		kept = append(kept, s)
	}
	return kept
}

func finishAll(batch []*submission, err error) {
	for _, s := range batch {
		s.finish(workflow.Verdict{Err: err})
	}
}

// transact decides and stores a batch in one transaction, and tells everyone
// concerned. What comes after the commit cannot make it fail.
func (e *Engine) transact(ctx context.Context, batch []*submission) error {
	events := make([]workflow.Event, len(batch))
	becoming := 0
	for i, s := range batch {
		events[i] = s.event
		becoming += workflow.Becoming(s.event)
	}
	e.holding.RLock()
	defer e.holding.RUnlock()
	tenant := e.lessee.Load()
	terms := tenant.reserve(becoming)

	var change *workflow.Change
	var verdicts []workflow.Verdict
	began := time.Now()
	saved, err := e.store.Commit(ctx, workflow.NeedOf(events), func(loaded *workflow.Loaded) (*workflow.Change, error) {
		e.clock.saw(loaded.Now)
		change, verdicts = workflow.Decide(loaded, events, e.env(terms))
		tenant.hold(change)
		return change, nil
	})
	if err != nil {
		e.options.Observer.Failed(time.Since(began))
		tenant.unreserve(terms)
		if errors.Is(err, db.ErrExpired) {
			e.expired(tenant)
		}
		if errors.Is(err, db.ErrUnknown) {
			tenant.doubt(change)
			tenant.reconcile()
		}
		return err
	}
	e.options.Observer.Committed(change, len(batch), time.Since(began))
	e.committed(tenant, terms, change, saved)
	for i, s := range batch {
		if s.unknown {
			tenant.reconcile() // what its first commit leased, if it was stored
		}
		s.finish(verdicts[i])
	}
	return nil
}
