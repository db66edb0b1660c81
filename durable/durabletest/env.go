package durabletest

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/workflow"
)

// TB is what an Env needs of a test: a *testing.T, *testing.B or *testing.F.
type TB interface {
	Helper()
	Cleanup(func())
	Logf(format string, args ...any)
	// Fatalf ends the test; it must not return.
	Fatalf(format string, args ...any)
}

// Env is a Stent in memory, with a clock that stands still until the test moves
// it. It belongs to the test's goroutine: its methods and those of what it gives
// must not be called from another.
type Env struct {
	t         TB
	store     *store
	functions *registry
	client    *durable.Client
	now       time.Time
	ids       uint64
	calls     []*Call
	attempt   *attempt // the delivery that is under way
	running   bool
}

// Option sets up an Env.
type Option func(*Env)

// StartTime sets the time at which the clock stands at first: midnight of the
// first of January 2000, UTC, without it, as in testing/synctest.
func StartTime(t time.Time) Option {
	return func(e *Env) { e.now = t.UTC().Truncate(time.Microsecond) }
}

// New makes an Env with the functions of a worker: a *durable.Worker, or a handler
// that wraps one. It ends with the test, and closes the worker then if that has a
// method Close. The worker must have been made without durable.Secret, as nothing
// is signed.
func New(t TB, worker http.Handler, opts ...Option) *Env {
	t.Helper()
	e := &Env{
		t: t, store: newStore(), functions: newRegistry(),
		now: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	for _, o := range opts {
		o(e)
	}
	e.client = durable.NewClient("http://stent.test", durable.HTTPClient(&http.Client{Transport: inProcess{e.api()}}))
	e.adopt(worker)
	return e
}

// adopt registers a worker's functions and sees to its end.
func (e *Env) adopt(worker http.Handler) []*function {
	e.t.Helper()
	if w, ok := worker.(interface{ Close() }); ok {
		e.t.Cleanup(w.Close)
	}
	return e.register(worker)
}

// Deploy replaces the worker, as a deployment of new code does: functions of the
// same name and version are its own from now on, older versions stay with the
// worker that has them, and orchestrators that are blocked try again at once.
func (e *Env) Deploy(worker http.Handler) {
	e.t.Helper()
	names := map[string]bool{}
	for _, f := range e.adopt(worker) {
		names[f.Name] = true
	}
	e.store.hasten(names, e.now)
	e.settle()
}

// Client is a client of this Env, for code that takes one. Its requests are
// answered in process; what waits for an execution moves the clock, as
// Execution.Wait does. Only the methods about executions and their tasks work.
func (e *Env) Client() *durable.Client { return e.client }

// Now is the time of the test's clock, in UTC.
func (e *Env) Now() time.Time { return e.now }

// Advance moves the clock by d. On the way everything that becomes due runs at
// its time, in order, and what follows from it.
func (e *Env) Advance(d time.Duration) {
	e.t.Helper()
	if d < 0 {
		e.fatalf("Advance(%v): time does not go backwards", d)
	}
	e.outside("Advance")
	end := e.now.Add(d)
	e.runUntil(end, func() bool { return false })
	e.now = end
}

// outside fails when it is used by code that the Env itself is running.
func (e *Env) outside(what string) {
	e.t.Helper()
	if e.running {
		e.fatalf("%s inside an activity: the clock is the test's to move; durabletest.Takes says how long an attempt takes", what)
	}
}

// fatalf ends the test.
func (e *Env) fatalf(format string, args ...any) {
	e.t.Helper()
	e.t.Fatalf("durabletest: %s", fmt.Sprintf(format, args...))
	panic("durabletest: Fatalf returned")
}

// commit decides one event and stores what it changes, and what follows for those
// who wait for results.
func (e *Env) commit(event workflow.Event) workflow.Verdict {
	e.t.Helper()
	verdict := e.decide(event)
	e.wake()
	return verdict
}

func (e *Env) decide(event workflow.Event) workflow.Verdict {
	events := []workflow.Event{event}
	change, verdicts := workflow.Decide(e.store.load(workflow.NeedOf(events), e.now), events, workflow.Env{
		NewID: e.newID, Functions: e.functions, Limits: workflow.DefaultLimits(),
		Random: func() float64 { return 0.5 }, // retries come exactly when their policy says
	})
	e.store.save(change)
	return verdicts[0]
}

// newID counts, so that a test has the same ids each time.
func (e *Env) newID() (id workflow.ID) {
	e.ids++
	binary.BigEndian.PutUint64(id[8:], e.ids)
	id[6], id[8] = 0x70, 0x80 // the form of a UUIDv7
	return id
}
