package durable

import (
	"encoding/json"
	"fmt"

	"github.com/stent-dev/stent/internal/wire"
)

// Call runs a function, an activity or an orchestrator (a sub-workflow), and
// waits for its result. A failure that no retry mends is a *StepError.
func Call[Out any](ctx *Context, name string, in any, opts ...CallOption) (Out, error) {
	return Start[Out](ctx, name, in, opts...).Get()
}

// Start runs a function like Call, but returns at once: several started
// functions run at the same time.
func Start[Out any](ctx *Context, name string, in any, opts ...CallOption) *Future[Out] {
	r := ctx.run
	r.enter("Start")
	c := &wire.Command{Op: wire.OpCall, Name: name, Input: stepInput(name, in)}
	for _, o := range opts {
		mustApply(name, o.onCall(c))
	}
	return newFuture[Out](r.commandNamed(c))
}

// Dispatch starts an execution of its own, exactly once, and returns a future of
// its id. The new execution goes on by itself: it is neither waited for nor
// cancelled with this one.
func Dispatch(ctx *Context, function string, in any, opts ...DispatchOption) *Future[string] {
	r := ctx.run
	r.enter("Dispatch")
	c := &wire.Command{Op: wire.OpDispatch, Name: function, Input: stepInput(function, in)}
	for _, o := range opts {
		mustApply(function, o.onDispatch(c))
	}
	return &Future[string]{r.commandNamed(c), func(b json.RawMessage) (string, error) {
		v, err := decode[struct {
			ExecutionID string `json:"execution_id"`
		}](b)
		return v.ExecutionID, err
	}}
}

// Map calls an activity once for each input and returns the results in the
// order of the inputs, 100,000 at most. It is one step, so it costs less than as
// many Calls. The first failure fails the Map and cancels the rest.
func Map[Out, In any](ctx *Context, name string, inputs []In, opts ...MapOption) ([]Out, error) {
	return StartMap[Out](ctx, name, inputs, opts...).Get()
}

// StartMap is Map that returns at once.
func StartMap[Out, In any](ctx *Context, name string, inputs []In, opts ...MapOption) *Future[[]Out] {
	return newFuture[[]Out](commandMap(ctx, "fail", name, inputs, opts))
}

// Item is what became of one input of MapCollect.
type Item[T any] struct {
	Value T
	Err   error // nil, or a *StepError
}

// MapCollect is Map that goes on past failures: each item has its own value or
// error. The error returned beside them is that of the whole step, when it was cancelled.
func MapCollect[Out, In any](ctx *Context, name string, inputs []In, opts ...MapOption) ([]Item[Out], error) {
	return StartMapCollect[Out](ctx, name, inputs, opts...).Get()
}

// StartMapCollect is MapCollect that returns at once.
func StartMapCollect[Out, In any](ctx *Context, name string, inputs []In, opts ...MapOption) *Future[[]Item[Out]] {
	s := commandMap(ctx, "collect", name, inputs, opts)
	return &Future[[]Item[Out]]{s, func(b json.RawMessage) ([]Item[Out], error) { return decodeItems[Out](s.key, b) }}
}

func commandMap[In any](ctx *Context, onError, name string, inputs []In, opts []MapOption) *step {
	r := ctx.run
	r.enter("Map")
	c := &wire.Command{Op: wire.OpMap, Name: name, OnError: onError, Inputs: make([]json.RawMessage, len(inputs))}
	for i, in := range inputs {
		c.Inputs[i] = stepInput(name, in)
	}
	for _, o := range opts {
		mustApply(name, o.onMap(c))
	}
	return r.commandNamed(c)
}

func decodeItems[Out any](key string, b json.RawMessage) ([]Item[Out], error) {
	recorded, err := decode[[]struct {
		Status string          `json:"status"`
		Value  json.RawMessage `json:"value"`
		Error  *wire.Error     `json:"error"`
	}](b)
	if err != nil {
		return nil, err
	}
	items := make([]Item[Out], len(recorded))
	for i, it := range recorded {
		itemKey := fmt.Sprintf("%s[%d]", key, i)
		if it.Status != wire.StatusCompleted {
			items[i].Err = newStepError(itemKey, wire.OpMap, it.Status, it.Error)
			continue
		}
		if items[i].Value, err = decode[Out](it.Value); err != nil {
			return nil, fmt.Errorf("item %d: %w", i, err)
		}
	}
	return items, nil
}

// commandNamed commands a step that is counted by its name, unless an option gave it a key.
func (r *run) commandNamed(c *wire.Command) *step {
	if c.Name == "" {
		panic("durable: " + c.Op + " without a name")
	}
	if c.Key == "" {
		c.Key = r.nextKey(c.Name)
	}
	return r.command(c)
}

func stepInput(name string, in any) json.RawMessage {
	b, err := encode(in)
	if err != nil {
		panic(fmt.Sprintf("durable: the input of %q does not encode as JSON: %v", name, err))
	}
	return b
}

func mustApply(name string, err error) {
	if err != nil {
		panic(fmt.Sprintf("durable: %q: %v", name, err))
	}
}
