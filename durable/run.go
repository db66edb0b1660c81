package durable

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stent-dev/stent/internal/wire"
)

// run is one orchestrator function under way, in a goroutine of its own.
//
// One request at a time owns a run, by its place in owner. The owner takes the
// report out of idle, may hand over a turn, and puts the last report back. Fields
// without a remark belong to the function's goroutine while idle is empty because
// the code runs, and to the owner otherwise.
//
// What the code has done so far depends only on the events that were applied to
// it, in their order, and on the recorded results of its immediate steps. So a
// run may go on with any turn whose history begins with what it has seen
// (extends), whatever became of its earlier answers: what they commanded is sent
// again as long as it is not in the history.
type run struct {
	key    runKey
	fn     orchestratorFunc
	logger *slog.Logger

	owner     chan struct{} // capacity 1: filled while a request owns the run
	turns     chan *turn    // capacity 1: hands the parked goroutine its next turn
	idle      chan report   // capacity 1: filled while the code does not run
	closed    chan struct{} // the worker gave the run up
	closeOnce sync.Once
	replaying atomic.Bool // more of the history is to come; the logger reads it

	first   wire.Turn        // what the code was started with, without the history
	turn    *turn            // nil while parked
	steps   map[string]*step // every step that the code commanded, by key
	names   map[string]int   // how many steps were counted for a name
	pending []*step          // commanded, not seen in a history yet
	stored  int              // commanded, and seen in a history
	unmet   int              // steps of the turn's history not commanded yet, without version markers

	applied int    // events applied so far: a prefix of each turn's events
	digest  uint64 // of those
	settled int    // steps settled so far, immediate ones included

	local        string // the Local whose function runs now, "" otherwise
	cancelSeen   bool
	cancelChecks int
	nowAt        int // 1 + the value of applied when now was recorded
	now          time.Time

	final *report // set once the code is to run no further
	ended bool
}

type runKey struct {
	task string
	run  int
}

// report is where a run stands when its code does not run.
type report struct {
	await   *wire.Await
	outcome *wire.Outcome
	problem *problem

	// misfit: the history is not one of this code. A run that was resumed is
	// then replayed from the start before it is believed.
	misfit bool
	// evicted: the run was closed while its code ran.
	evicted bool
}

// lasting tells whether the run can serve further turns. One that failed cannot: the
// replay of its dead letter runs the code anew.
func (p *report) lasting() bool {
	failed := p.outcome != nil && p.outcome.Failed != nil
	return p.problem == nil && !p.misfit && !p.evicted && !failed
}

func newRun(key runKey, fn orchestratorFunc, logger *slog.Logger) *run {
	return &run{
		key: key, fn: fn, logger: logger,
		owner: make(chan struct{}, 1), turns: make(chan *turn, 1), idle: make(chan report, 1), closed: make(chan struct{}),
		steps: map[string]*step{}, names: map[string]int{},
	}
}

// close gives the run up: its goroutine ends at its next durable operation, or
// at once where it is parked. Anyone may call it.
func (r *run) close() { r.closeOnce.Do(func() { close(r.closed) }) }

func (r *run) isClosed() bool {
	select {
	case <-r.closed:
		return true
	default:
		return false
	}
}

// main runs the orchestrator function from its start.
func (r *run) main(t *turn) {
	var out json.RawMessage
	var err error
	returned := false
	defer func() {
		p := recover()
		switch {
		case r.isClosed():
			r.final = &report{evicted: true}
		case r.final != nil: // the code was stopped by abort
		case p != nil:
			r.logger.Error("orchestrator panicked", "panic", p, "stack", string(debug.Stack()))
			r.final = &report{problem: newProblem(http.StatusInternalServerError, TypePanic, fmt.Sprint(p))}
		case returned:
			r.final = r.finish(out, err)
		default:
			r.final = &report{problem: newProblem(http.StatusInternalServerError, TypePanic, "the orchestrator ended its goroutine without returning")}
		}
		r.ended = true
		select {
		case r.idle <- *r.final:
		default: // closed while parked: the last report is still there, and nobody wants it
		}
	}()
	r.first = t.Turn
	r.first.History = nil
	r.begin(t)
	out, err = r.fn(&Context{run: r}, t.Input)
	returned = true
}

// finish makes the report of a function that returned.
func (r *run) finish(out json.RawMessage, err error) *report {
	if r.unmet > 0 {
		return r.skippedSteps("it finished")
	}
	var next *continueAsNew
	switch {
	case errors.As(err, &next):
		input, encErr := encode(next.input)
		if encErr == nil {
			return &report{outcome: &wire.Outcome{ContinueAsNew: &wire.ContinueAsNew{Input: input}}}
		}
		err = Errorf(TypeInvalidOutput, "the input of ContinueAsNew does not encode: %w", encErr)
	case err == nil:
		return &report{outcome: &wire.Outcome{Completed: out}}
	}
	var marked *markedError
	retryable := errors.As(err, &marked) && marked.retryable
	return &report{outcome: &wire.Outcome{Failed: &wire.Failure{Error: wireError(err), Retryable: retryable}}}
}

// park ends the turn: the code waits for a, and nothing in the history settles it.
func (r *run) park(a Awaitable) {
	await := a.await()
	r.turn = nil // a history may be large
	r.idle <- report{await: &await}
	select {
	case t := <-r.turns:
		r.begin(t)
	case <-r.closed:
		runtime.Goexit()
	}
}

// abort ends the code where it is, with a report that is not to be built on.
func (r *run) abort(final *report) {
	r.final = final
	runtime.Goexit()
}

// enter guards each durable operation.
func (r *run) enter(operation string) {
	switch {
	case r.isClosed(), r.final != nil && !r.ended:
		runtime.Goexit()
	case r.ended:
		panic("durable: " + operation + " after the orchestrator returned")
	case r.local != "":
		panic(fmt.Sprintf("durable: %s inside the function of Local %q: do it outside", operation, r.local))
	}
}
