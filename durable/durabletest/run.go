package durabletest

import (
	"errors"
	"time"

	"github.com/stent-dev/stent/internal/workflow"
)

// maxHappenings is how much may happen without time passing before a test is
// taken to run for ever.
const maxHappenings = 500_000

// settle runs what is due now, and what follows from it, until nothing is. What is
// called by code that is run from here is left to the run that is under way.
func (e *Env) settle() {
	e.t.Helper()
	if !e.running {
		e.runUntil(e.now, func() bool { return false })
	}
}

// runUntil runs what becomes due until then, unless done says before that it is
// enough. more tells whether anything is still to come.
func (e *Env) runUntil(end time.Time, done func() bool) (more bool) {
	e.t.Helper()
	e.running = true
	defer func() { e.running = false }()
	for count := 0; ; count++ {
		next, ok := e.store.next()
		switch {
		case done() || !ok || next.at.After(end):
			return ok
		case next.at.After(e.now):
			e.now, count = next.at, 0
		case count > maxHappenings:
			e.fatalf("%d deliveries, and the time is still %s: does an orchestrator loop without waiting for anything?",
				count, e.now.Format(time.RFC3339Nano))
		}
		e.store.take()
		e.happen(next)
	}
}

// happen does one thing of the agenda.
func (e *Env) happen(next entry) {
	e.t.Helper()
	if next.answer != nil {
		e.report(next.answer)
		return
	}
	t := e.store.tasks[next.task]
	f := e.functions.find(t.Name, t.Version)
	kind := t.Kind
	if f != nil {
		kind = f.Kind
	} else if t.State == workflow.TaskPending {
		e.unregistered("a task", t.Name)
	}
	lease, elapsed := e.store.lease(t, kind, e.now)
	switch {
	case elapsed:
		e.report(workflow.Elapsed{Lease: lease})
		return
	case !e.decides(t, f, lease):
		return
	}
	t = e.store.tasks[t.ID]
	if t.Kind == workflow.KindOrchestrator {
		e.report(e.turn(t, f, lease))
		return
	}
	e.activity(t, f, lease)
}

// report stores what became of a lease. One that was taken away meanwhile, by a
// cancellation or a timeout, does not count.
func (e *Env) report(event workflow.Event) {
	e.t.Helper()
	if err := e.commit(event).Err; err != nil && !errors.Is(err, workflow.ErrLeaseLost) {
		e.fatalf("storing %T: %v", event, err)
	}
}

func (e *Env) unregistered(who, name string) {
	e.t.Helper()
	e.fatalf("%s calls %q, which the worker does not serve and no Stub stands in for; there is %s", who, name, e.functions.names())
}
