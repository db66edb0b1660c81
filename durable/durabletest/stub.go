package durabletest

import (
	"context"
	"errors"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/workflow"
)

// Stub runs fn in place of a function: of an activity, or of an orchestrator, which
// is then called like an activity. It may be one that the worker does not serve,
// because another one does. fn runs as an activity of a real worker does, so
// durable.Info, TaskToken, Async and Terminal mean in it what they mean there.
//
// The function keeps what it was registered with (its retry policy, its timeouts)
// unless opts say otherwise. A later Stub or Answer of the same name replaces this one.
func Stub[In, Out any](env *Env, name string, fn func(ctx context.Context, in In) (Out, error), opts ...durable.FunctionOption) {
	env.t.Helper()
	worker := durable.NewWorker()
	durable.Activity(worker, name, func(ctx context.Context, in In) (Out, error) {
		out, err := fn(ctx, in)
		if errors.Is(err, NoAnswer) {
			Takes(ctx, forever)
		}
		return out, err
	}, opts...)
	stub := env.manifest(worker)[0]
	if registered := env.functions.current[name]; registered != nil && len(opts) == 0 {
		f := *registered.Function
		f.Kind = workflow.KindActivity
		if registered.Kind == workflow.KindOrchestrator {
			f.Timeout = stub.Timeout // and not that of a turn
		}
		stub.Function = &f
	}
	env.functions.stubs[name] = stub
}

// Answer makes a function answer what is given, in place of its code: each attempt
// the next one, and all that follow the last one. An error fails the attempt, as
// it would if an activity returned it (see durable.Terminal, durable.Errorf and
// durable.Throttled); After delays an answer, NoAnswer lets the attempt time out.
// Everything else is a result.
//
//	env.Answer("charge", errors.New("down"), durabletest.NoAnswer, Receipt{ID: "r-1"})
func (e *Env) Answer(name string, answers ...any) {
	e.t.Helper()
	if len(answers) == 0 {
		e.fatalf("Answer(%q) without an answer", name)
	}
	given := 0
	Stub(e, name, func(ctx context.Context, _ any) (any, error) {
		answer := answers[min(given, len(answers)-1)]
		given++
		for {
			later, ok := answer.(delayed)
			if !ok {
				break
			}
			Takes(ctx, later.by)
			answer = later.answer
		}
		if err, ok := answer.(error); ok {
			return nil, err
		}
		return answer, nil
	})
}

// NoAnswer is an answer that never comes: the attempt fails with the type timeout
// when its time is up, and is retried by its policy.
var NoAnswer error = noAnswer{}

type noAnswer struct{}

func (noAnswer) Error() string { return "durabletest: no answer" }

// forever is longer than any attempt.
const forever = time.Duration(1<<63 - 1)

type delayed struct {
	by     time.Duration
	answer any
}

// After is an answer, for Env.Answer, that takes d of the test's clock to come.
func After(d time.Duration, answer any) any { return delayed{d, answer} }

// Takes makes the attempt of an activity, whose context ctx is, take d longer on the
// test's clock: its answer counts only then, and not at all if it is cancelled
// meanwhile. Without it an attempt takes no time. One that takes longer than its
// timeout fails with that. It panics when ctx is not that of an activity in an Env.
func Takes(ctx context.Context, d time.Duration) {
	a, ok := ctx.Value(attemptKey{}).(*attempt)
	if !ok || a == nil {
		panic("durabletest: Takes wants the context of an activity that an Env runs")
	}
	if d > forever-a.takes {
		d = forever - a.takes
	}
	a.takes += max(d, 0)
}
