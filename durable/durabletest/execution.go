package durabletest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/workflow"
)

// Execution is an execution of an Env.
type Execution struct {
	env *Env
	id  workflow.ID
}

// Dispatch starts an execution of a function and runs what can run without time
// passing. A dispatch that the service would refuse fails the test.
func (e *Env) Dispatch(function string, in any, opts ...durable.SubmitOption) *Execution {
	e.t.Helper()
	if e.functions.find(function, nil) == nil {
		e.unregistered("the test", function)
	}
	x, err := e.client.Dispatch(context.Background(), function, in, opts...)
	e.must("Dispatch", err)
	return e.Execution(x.ID)
}

// Execution finds an execution by its id, such as one that an orchestrator dispatched.
func (e *Env) Execution(id string) *Execution {
	e.t.Helper()
	parsed, err := workflow.ParseID(id)
	if err != nil || e.store.executions[parsed] == nil {
		e.fatalf("there is no execution %q", id)
	}
	return &Execution{e, parsed}
}

// Executions gives all executions in the order in which they were started.
func (e *Env) Executions() []*Execution {
	all := make([]*Execution, len(e.store.started))
	for i, id := range e.store.started {
		all[i] = &Execution{e, id}
	}
	return all
}

// ID is the execution's id.
func (x *Execution) ID() string { return x.id.String() }

// State is where the execution stands.
func (x *Execution) State() durable.State { return durable.State(x.env.store.executions[x.id].State) }

// Get gives the execution as durable.Client.Get does: with its progress, its
// counters, its custom state, its result and its error.
func (x *Execution) Get() *durable.Execution { return x.env.view(x.id) }

// Result decodes the result of an execution that has completed. The errors of
// others are those of durable.Result.
func Result[T any](x *Execution) (T, error) { return durable.Result[T](x.Get()) }

// Signal sends a signal and tells whether a wait took it; otherwise it is kept for
// one. An execution that has ended refuses it, which fails the test.
func (x *Execution) Signal(name string, payload any) (delivered bool) {
	x.env.t.Helper()
	receipt, err := x.env.client.Signal(context.Background(), x.ID(), name, payload)
	x.env.must("Signal", err)
	return receipt.Delivery == "delivered"
}

// Cancel cancels the execution. One that has ended refuses it, which fails the test.
func (x *Execution) Cancel(mode durable.CancelMode) {
	x.env.t.Helper()
	x.env.must("Cancel", x.env.client.Cancel(context.Background(), x.ID(), mode))
}

// Calls gives the attempts of a function in this execution, its sub-workflows
// included, in order.
func (x *Execution) Calls(function string) []*Call { return x.env.callsOf(function, x.ID()) }

// Wait moves the clock, from one time at which something is due to the next, until
// the execution has ended, and gives it. It fails the test when that cannot happen
// by itself: when the execution is blocked, or waits for a signal or a report only.
func (x *Execution) Wait() *durable.Execution {
	x.env.t.Helper()
	x.env.outside("Wait")
	x.env.wait(x.id)
	return x.Get()
}

// maxWait is how far Wait moves the clock.
const maxWait = 3660 * 24 * time.Hour

func (e *Env) wait(id workflow.ID) {
	e.t.Helper()
	stopped := func() bool {
		state := e.store.executions[id].State
		return state.Terminal() || state == workflow.ExecutionBlocked
	}
	more := e.runUntil(e.now.Add(maxWait), stopped)
	e.settle()
	x := e.store.executions[id]
	switch {
	case x.State.Terminal():
	case x.State == workflow.ExecutionBlocked:
		e.fatalf("%s is blocked: %v", x.Function, x.Error)
	case x.Paused:
		e.fatalf("%s is paused", x.Function)
	case more:
		e.fatalf("%s has not ended after %d days of the test's clock", x.Function, maxWait/(24*time.Hour))
	default:
		e.fatalf("%s waits for what only the test can bring: %s", x.Function, e.waitsFor(id))
	}
}

// waitsFor lists what an execution waits for that is not time.
func (e *Env) waitsFor(id workflow.ID) string {
	var found []string
	for _, task := range e.store.of[id] {
		t := e.store.tasks[task]
		switch {
		case t.State.Settled():
		case t.WaitingFor != "":
			found = append(found, fmt.Sprintf("the signal %q (step %s)", t.WaitingFor, t.Key))
		case t.State == workflow.TaskRunning:
			found = append(found, fmt.Sprintf("the report of %s (step %s)", t.Name, e.store.stepName(t)))
		}
	}
	return strings.Join(found, ", ")
}

// Step is one step of an orchestrator, as its next turn would show it.
type Step struct {
	Key    string // such as "charge#0"
	Op     string // call, map, sleep, wait_signal, local, version, counter, state, cancel or dispatch
	Name   string
	Status string // pending, running, waiting, completed, failed or cancelled
	Seq    int64  // the order in which the steps settled, from 1; 0: it has not
	Value  json.RawMessage
	Error  *durable.ExecutionError
}

// History gives the steps of the execution's own orchestrator, of its newest run, in
// the order in which they were commanded.
func (x *Execution) History() []Step {
	root := x.env.store.tasks[x.env.store.executions[x.id].RootTask]
	var steps []Step
	for _, t := range x.env.store.journal(root).Steps {
		s := Step{Key: t.Key, Op: string(t.Op), Name: t.Name, Status: string(t.State), Seq: t.Seq, Value: t.Result}
		if t.Error != nil && t.State.Settled() {
			s.Error = &durable.ExecutionError{ExecutionID: x.ID(), Type: t.Error.Type, Message: t.Error.Message, Details: t.Error.Details}
		}
		steps = append(steps, s)
	}
	return steps
}
