package durable

import (
	"container/list"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"

	"github.com/stent-dev/stent/internal/wire"
)

// cache keeps the suspended runs of a worker, so that the next turn of each goes
// on where the code stood. It holds at most limit of them that no request uses,
// and gives up those first that had no turn for the longest time.
type cache struct {
	limit  int
	logger *slog.Logger

	mu     sync.Mutex
	runs   map[runKey]*entry
	recent *list.List // of *entry, the last used in front
	closed bool
	wg     sync.WaitGroup // the runs' goroutines
}

type entry struct {
	run   *run
	place *list.Element
	users int // requests that use it
}

func newCache(limit int, logger *slog.Logger) *cache {
	return &cache{limit: limit, logger: logger, runs: map[runKey]*entry{}, recent: list.New()}
}

// serve gives a turn to its run, and starts or replays it where needed. A
// problem is returned in place of an answer.
func (c *cache) serve(ctx context.Context, fn orchestratorFunc, t *turn) (*wire.Answer, *problem) {
	for {
		e, fresh := c.checkout(fn, t)
		if e == nil {
			return nil, newProblem(http.StatusServiceUnavailable, "closing", "the worker is shutting down")
		}
		var rep report
		var err error
		if fresh {
			rep, err = e.run.await(ctx)
		} else if err = e.run.own(ctx); err != nil {
			c.leave(e)
			return nil, abandoned()
		} else {
			rep, err = e.run.resume(ctx, t)
		}
		switch {
		case errors.Is(err, errAbandoned):
			// The code runs on; the turn's next delivery finds where it got to.
			c.checkin(e)
			return nil, abandoned()
		case err != nil, rep.evicted, rep.misfit && !fresh:
			c.drop(e)
			continue
		}
		answer := e.run.answer(&rep, t.CancelRequested)
		if rep.lasting() {
			e.run.idle <- rep
			c.checkin(e)
		} else {
			c.drop(e)
		}
		return answer, rep.problem
	}
}

func abandoned() *problem {
	return newProblem(http.StatusServiceUnavailable, "abandoned", "the request ended before the orchestrator came to wait")
}

// checkout finds the run of a turn, or starts it, owned by the caller. It
// returns nil when the cache is closed.
func (c *cache) checkout(fn orchestratorFunc, t *turn) (e *entry, fresh bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, false
	}
	key := runKey{t.Task.ID, t.Execution.Run}
	if e = c.runs[key]; e != nil {
		e.users++
		return e, false
	}
	logger := c.logger.With(logExecution, t.Execution.ID, logTask, t.Task.ID, logFunction, t.Execution.Function)
	e = &entry{run: newRun(key, fn, logger), users: 1}
	e.place = c.recent.PushFront(e)
	e.run.owner <- struct{}{}
	c.runs[key] = e
	c.wg.Go(func() { e.run.main(t) })
	return e, true
}

// checkin ends a request's use of a run that it owns.
func (c *cache) checkin(e *entry) {
	<-e.run.owner
	c.leave(e)
}

// leave ends a request's use of a run that it does not own, and gives up runs
// beyond the limit.
func (c *cache) leave(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.users--
	if c.runs[e.run.key] == e {
		c.recent.MoveToFront(e.place)
	}
	for place := c.recent.Back(); place != nil && len(c.runs) > c.limit; {
		victim := place.Value.(*entry)
		place = place.Prev()
		if victim.users == 0 {
			c.remove(victim)
		}
	}
}

// drop ends a request's use of a run that it owns, and the run.
func (c *cache) drop(e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.users--
	c.remove(e)
	<-e.run.owner
}

func (c *cache) remove(e *entry) {
	e.run.close()
	if c.runs[e.run.key] == e {
		delete(c.runs, e.run.key)
		c.recent.Remove(e.place)
	}
}

// close gives up every run and waits until their goroutines have ended.
func (c *cache) close() {
	c.mu.Lock()
	c.closed = true
	for _, e := range c.runs {
		e.run.close()
	}
	c.mu.Unlock()
	c.wg.Wait()
}

var (
	errAbandoned = errors.New("durable: the request ended first")
	errUnfit     = errors.New("durable: the run cannot serve the turn")
)

// own makes the caller the run's owner. The code may still run, for a request
// that was abandoned.
func (r *run) own(ctx context.Context) error {
	select {
	case r.owner <- struct{}{}:
		return nil
	case <-ctx.Done():
		return errAbandoned
	}
}

// await, called by the owner, waits for the code to stop.
func (r *run) await(ctx context.Context) (report, error) {
	select {
	case rep := <-r.idle:
		return rep, nil
	case <-ctx.Done():
		return report{}, errAbandoned
	}
}

// resume, called by the owner, gives the run its next turn. Beside errAbandoned it
// returns errUnfit when the run was given up or the turn does not extend it.
func (r *run) resume(ctx context.Context, t *turn) (report, error) {
	var rep report
	select {
	case rep = <-r.idle:
	case <-r.closed:
		return report{}, errUnfit
	case <-ctx.Done():
		return report{}, errAbandoned
	}
	if r.isClosed() || !rep.lasting() || !r.extends(t) {
		return report{}, errUnfit
	}
	if !r.ended {
		r.turns <- t
		return r.await(ctx)
	}
	r.begin(t)
	rep.misfit = r.unmet > 0
	return rep, nil
}

// answer is what the owner of a run sends for its report: what is commanded and
// not stored yet, and where the code stands. If the turn told of a cancellation, it
// names what the code commanded without knowing of it: that is to be cancelled,
// so that the code learns of it there, and does not go on as if nothing had happened.
func (r *run) answer(rep *report, cancelRequested bool) *wire.Answer {
	a := &wire.Answer{Commands: make([]wire.Command, 0, len(r.pending)), Await: rep.await, Outcome: rep.outcome}
	for _, s := range r.pending {
		a.Commands = append(a.Commands, *s.command)
		if cancelRequested && s.unaware && awaited(s.op) {
			a.Unaware = append(a.Unaware, s.key)
		}
	}
	return a
}
