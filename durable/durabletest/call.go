package durabletest

import (
	"context"
	"encoding/json"
	"time"
)

// Call is one attempt of an activity, real or a stub. After the attempt has
// returned durable.Async, the test reports for it by Complete, Fail and Heartbeat.
type Call struct {
	Function    string
	Input       json.RawMessage
	Attempt     int       // 1, 2, …
	At          time.Time // of the test's clock
	ExecutionID string
	Step        string // the step's key, such as "charge#0"; of an item of a map "resize#0[3]"
	TaskID      string
	Token       string // as durable.TaskToken gives it

	env *Env
}

// Complete reports the result of an asynchronous attempt. A report that the service
// would refuse fails the test.
func (c *Call) Complete(result any) {
	c.env.t.Helper()
	c.env.must("Complete", c.env.client.Complete(context.Background(), c.TaskID, c.Token, result))
}

// Fail reports the failure of an asynchronous attempt: it is retried by its policy
// unless cause is durable.Terminal.
func (c *Call) Fail(cause error) {
	c.env.t.Helper()
	c.env.must("Fail", c.env.client.Fail(context.Background(), c.TaskID, c.Token, cause))
}

// Heartbeat keeps an asynchronous attempt alive, and tells whether it is still wanted.
func (c *Call) Heartbeat(details any) (wanted bool) {
	c.env.t.Helper()
	status, err := c.env.client.Heartbeat(context.Background(), c.TaskID, c.Token, details)
	c.env.must("Heartbeat", err)
	return !status.Cancel
}

// must fails the test when an operation was refused.
func (e *Env) must(what string, err error) {
	e.t.Helper()
	if err != nil {
		e.fatalf("%s: %v", what, err)
	}
}

// Calls gives the attempts of a function in all executions, in order.
func (e *Env) Calls(function string) []*Call { return e.callsOf(function, "") }

func (e *Env) callsOf(function, execution string) (found []*Call) {
	for _, c := range e.calls {
		if c.Function == function && (execution == "" || c.ExecutionID == execution) {
			found = append(found, c)
		}
	}
	return found
}

// Inputs gives what calls were called with. Inputs that do not decode fail the test.
func Inputs[T any](calls []*Call) []T {
	inputs := make([]T, len(calls))
	for i, c := range calls {
		if err := json.Unmarshal(c.Input, &inputs[i]); err != nil {
			c.env.t.Helper()
			c.env.fatalf("the input of %s, attempt %d: %v", c.Step, c.Attempt, err)
		}
	}
	return inputs
}
