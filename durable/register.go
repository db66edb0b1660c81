package durable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/stent-dev/stent/internal/wire"
)

type (
	activityFunc     func(ctx context.Context, input []byte) (json.RawMessage, error)
	orchestratorFunc func(ctx *Context, input json.RawMessage) (json.RawMessage, error)
)

// Activity registers a function that does work: it may use the network, clocks
// and whatever else, and is retried when it fails, so it should bear to run more
// than once (Info gives an idempotency key). In and Out are read and written as
// JSON; an input that does not fit In fails for good.
//
// It panics, as http.Handle does, when the name is empty or taken or an option is invalid.
func Activity[In, Out any](w *Worker, name string, fn func(ctx context.Context, in In) (Out, error), opts ...FunctionOption) {
	if fn == nil {
		panic(fmt.Sprintf("durable: activity %q: the function is nil", name))
	}
	w.register("activity", name, opts, &function{activity: func(ctx context.Context, input []byte) (json.RawMessage, error) {
		in, err := decode[In](input)
		if err != nil {
			return nil, Terminal(Errorf(TypeInvalidInput, "the input of %s: %w", name, err))
		}
		out, err := fn(ctx, in)
		if err != nil {
			return nil, err
		}
		b, err := encode(out)
		if err != nil {
			return nil, Terminal(Errorf(TypeInvalidOutput, "the result of %s: %w", name, err))
		}
		return b, nil
	}})
}

// Orchestrator registers a function that decides what to do next, and does it
// through its Context alone: it is replayed from its history, so between two
// steps it must do the same each time. See the package's documentation.
//
// It panics, as http.Handle does, when the name is empty or taken or an option is invalid.
func Orchestrator[In, Out any](w *Worker, name string, fn func(ctx *Context, in In) (Out, error), opts ...FunctionOption) {
	if fn == nil {
		panic(fmt.Sprintf("durable: orchestrator %q: the function is nil", name))
	}
	w.register("orchestrator", name, opts, &function{orchestrator: func(ctx *Context, input json.RawMessage) (json.RawMessage, error) {
		in, err := decode[In](input)
		if err != nil {
			return nil, Errorf(TypeInvalidInput, "the input of %s: %w", name, err)
		}
		out, err := fn(ctx, in)
		if err != nil {
			return nil, err
		}
		b, err := encode(out)
		if err != nil {
			return nil, Errorf(TypeInvalidOutput, "the result of %s: %w", name, err)
		}
		return b, nil
	}})
}

func (w *Worker) register(kind, name string, opts []FunctionOption, fn *function) {
	m, err := describe(kind, name, opts)
	if err != nil {
		panic(fmt.Sprintf("durable: %s %q: %v", kind, name, err))
	}
	fn.manifest = *m
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.functions[name] != nil {
		panic(fmt.Sprintf("durable: %s %q: the name is registered already", kind, name))
	}
	w.functions[name] = fn
	w.names = append(w.names, name)
}

func describe(kind, name string, opts []FunctionOption) (*wire.ManifestFunction, error) {
	m := &wire.ManifestFunction{Name: name, Kind: kind}
	if name == "" {
		return nil, errors.New("the name is empty")
	}
	for _, o := range opts {
		if err := o.onFunction(m); err != nil {
			return nil, err
		}
	}
	if kind == "orchestrator" && m.HeartbeatTimeout != nil {
		return nil, errors.New("HeartbeatTimeout is for activities")
	}
	return m, nil
}
