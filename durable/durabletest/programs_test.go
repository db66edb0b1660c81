package durabletest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stent-dev/stent/durable"
)

// delivered is an asynchronous attempt on its way to whoever reports for it.
type delivered struct{ task, token string }

// programs gives a worker with orchestrators that use all that the SDK has. Where
// steps run at the same time, delays say in which order they settle.
func programs(reports chan<- delivered) *durable.Worker {
	w := newWorker(durable.CacheSize(0)) // each turn is replayed from the start
	quick := durable.Retry(durable.RetryPolicy{MaxAttempts: 3, InitialDelay: 10 * time.Millisecond})
	durable.Activity(w, "echo", func(_ context.Context, v any) (any, error) { return v, nil })
	durable.Activity(w, "flaky", func(ctx context.Context, n int) (int, error) {
		if attempt := durable.Info(ctx).Attempt; attempt <= n {
			return 0, durable.Errorf("flaky", "attempt %d of %d fails", attempt, n+1)
		}
		return n, nil
	}, quick)
	durable.Activity(w, "poor", func(_ context.Context, v int) (int, error) {
		return 0, durable.Terminal(durable.WithDetails(durable.Errorf("poor", "no money for %d", v), map[string]int{"lacks": v}))
	}, quick)
	durable.Activity(w, "panics", func(context.Context, int) (int, error) { panic("boom") }, quick)
	durable.Activity(w, "odd", func(_ context.Context, n int) (int, error) {
		if n%2 == 0 {
			return 0, durable.Terminal(durable.Errorf("even", "%d is even", n))
		}
		return n * n, nil
	})
	durable.Activity(w, "async", func(ctx context.Context, _ int) (int, error) {
		reports <- delivered{durable.Info(ctx).TaskID, durable.TaskToken(ctx)}
		return 0, durable.Async
	}, durable.Timeout(time.Minute))
	durable.Activity(w, "counts", func(ctx context.Context, n int) (int, error) {
		durable.AddCounter(ctx, "counted", int64(n))
		if err := durable.SetState(ctx, "last", n); err != nil {
			return 0, err
		}
		return durable.Info(ctx).Attempt, nil
	})
	var runs sync.Map // how often the function ran for an input
	durable.Activity(w, "shared", func(_ context.Context, in [2]string) (int, error) {
		n, _ := runs.LoadOrStore(in, new(atomic.Int64))
		if n := n.(*atomic.Int64).Add(1); in[1] != "bad" || n > 1 {
			return int(n), nil
		}
		return 0, durable.Terminal(durable.Errorf("bad", "the first run fails"))
	}, durable.Idempotent("/0", "/1"))
	ill := once()
	durable.Activity(w, "heals", func(ctx context.Context, n int) (int, error) {
		if ill(durable.Info(ctx).ExecutionID) {
			return 0, durable.Terminal(durable.Errorf("ill", "it fails"))
		}
		return n, nil
	})
	durable.Activity(w, "serial", func(_ context.Context, execution string) (int64, error) {
		n, _ := runs.LoadOrStore(execution, new(atomic.Int64))
		return n.(*atomic.Int64).Add(1), nil
	})
	steps(w)
	shares(w)
	joins(w)
	lives(w)
	return w
}

// program registers an orchestrator that takes a number.
func program[Out any](w *durable.Worker, name string, fn func(ctx *durable.Context, n int) (Out, error)) {
	durable.Orchestrator(w, name, fn)
}

func steps(w *durable.Worker) {
	program(w, "sequence", func(ctx *durable.Context, n int) (values []any, err error) {
		for _, v := range []any{n, "text", nil, false, []int{}, map[string]any{"b": 1.5, "a": "<&>"}} {
			got, err := durable.Call[any](ctx, "echo", v)
			if err != nil {
				return nil, err
			}
			values = append(values, got)
		}
		return values, nil
	})
	program(w, "retried", func(ctx *durable.Context, n int) (int, error) { return durable.Call[int](ctx, "flaky", n) })
	program(w, "failing", func(ctx *durable.Context, n int) (int, error) {
		_, err := durable.Call[int](ctx, "panics", n)
		_, second := durable.Call[int](ctx, "poor", n)
		ctx.SetState("first", fmt.Sprint(err))
		return 0, second
	})
	program(w, "recorded", func(ctx *durable.Context, n int) (string, error) {
		ctx.Count("a", 2)
		ctx.Count("a", int64(n))
		ctx.SetState("phase", []int{n})
		value, err := durable.Local(ctx, "good", func() (int, error) { return n, nil })
		_, failure := durable.Local(ctx, "bad", func() (int, error) { return 0, durable.Errorf("local", "no") })
		version := durable.Version(ctx, "change", 3)
		if _, err := durable.Call[int](ctx, "echo", 1); err != nil {
			return "", err
		}
		phase, ok, _ := durable.GetState[[]int](ctx, "phase")
		return fmt.Sprint(value, err, failure, version, ctx.Counter("a"), phase, ok), nil
	})
	program(w, "maps", func(ctx *durable.Context, n int) ([]any, error) {
		inputs := make([]int, n)
		for i := range inputs {
			inputs[i] = i
		}
		squares, err := durable.Map[int](ctx, "echo", inputs, durable.MaxInFlight(2))
		if err != nil {
			return nil, err
		}
		collected, err := durable.MapCollect[int](ctx, "odd", inputs)
		if err != nil {
			return nil, err
		}
		none, err := durable.Map[int](ctx, "echo", []int{})
		if err != nil {
			return nil, err
		}
		_, failure := durable.Map[int](ctx, "odd", []int{1, 3, 4, 5}, durable.MaxInFlight(1))
		return []any{squares, fmt.Sprint(collected), none, fmt.Sprint(failure)}, nil
	})
}

func shares(w *durable.Worker) {
	program(w, "counted", func(ctx *durable.Context, n int) (string, error) {
		a, err := durable.Call[int](ctx, "counts", n)
		b, second := durable.Call[int](ctx, "counts", n+1)
		return fmt.Sprint(a, err, b, second, ctx.Counter("counted")), nil
	})
	program(w, "sharing", func(ctx *durable.Context, _ int) (string, error) {
		key := func(what string) [2]string { return [2]string{ctx.ExecutionID(), what} }
		same, err := durable.Map[int](ctx, "shared", [][2]string{key("good"), key("good"), key("good")})
		again, second := durable.Call[int](ctx, "shared", key("good"))
		delayed, third := durable.Start[int](ctx, "shared", key("good"), durable.Delay(tick)).Get()
		bad, fails := durable.MapCollect[int](ctx, "shared", [][2]string{key("bad"), key("bad"), key("bad")}, durable.MaxInFlight(1))
		return fmt.Sprint(same, err, again, second, delayed, third, bad, fails), nil
	})
	program(w, "keyed", func(ctx *durable.Context, n int) (string, error) {
		key := durable.IdempotencyKey(ctx.ExecutionID())
		a := durable.Start[int](ctx, "counts", n, key)
		b := durable.Start[int](ctx, "counts", n+1, key)
		if err := durable.All(ctx, a, b); err != nil {
			return "", err
		}
		one, err := a.Get()
		two, second := b.Get()
		return fmt.Sprint(one, err, two, second, ctx.Counter("counted")), nil
	})
}

const (
	tick  = 100 * time.Millisecond
	later = 10 * tick // so late that what starts now has ended by then
)

func joins(w *durable.Worker) {
	program(w, "race", func(ctx *durable.Context, n int) (string, error) {
		late := durable.Start[int](ctx, "echo", 1, durable.Delay(later))
		early := durable.Start[int](ctx, "echo", 2)
		never := durable.NextSignal[int](ctx, "never", durable.NoTimeout)
		first := durable.Any(ctx, late, early, never)
		second := durable.Any(ctx, durable.AllOf(late, early), never)
		never.Cancel()
		_, err := never.Get()
		return fmt.Sprint(first, second, errors.Is(err, durable.ErrCancelled)), nil
	})
	program(w, "first success", func(ctx *durable.Context, n int) (string, error) {
		a, b := durable.Start[int](ctx, "poor", 1), durable.Start[int](ctx, "echo", 2, durable.Delay(later))
		i, err := durable.FirstSuccess(ctx, a, b)
		_, none := durable.FirstSuccess(ctx, durable.Start[int](ctx, "poor", 3), durable.Start[int](ctx, "poor", 4, durable.Delay(later)))
		return fmt.Sprint(i, err, none), nil
	})
	program(w, "all or failure", func(ctx *durable.Context, n int) (string, error) {
		slow, bad := ctx.Timer(time.Hour), durable.Start[int](ctx, "poor", 1)
		err := durable.AllOrFailure(ctx, slow, bad)
		durable.Cancel(ctx, slow)
		_, cancelled := slow.Get()
		return fmt.Sprint(err, cancelled), nil
	})
	program(w, "signals", func(ctx *durable.Context, n int) (got []string, err error) {
		for _, timeout := range []time.Duration{time.Hour, time.Hour, tick} {
			v, err := durable.WaitSignal[string](ctx, "go", timeout)
			switch {
			case errors.Is(err, durable.ErrTimeout):
				v = err.Error()
			case err != nil:
				return nil, err
			}
			got = append(got, v)
		}
		return got, ctx.Sleep(time.Millisecond)
	})
	program(w, "reported", func(ctx *durable.Context, n int) (string, error) {
		v, err := durable.Call[int](ctx, "async", n)
		_, failure := durable.Call[int](ctx, "async", n)
		return fmt.Sprint(v, err, failure), nil
	})
}

func lives(w *durable.Worker) {
	program(w, "parent", func(ctx *durable.Context, n int) (string, error) {
		a, err := durable.Call[string](ctx, "race", n)
		if err != nil {
			return "", err
		}
		_, failure := durable.Call[int](ctx, "failing", n)
		id, err := durable.Dispatch(ctx, "retried", n, durable.Tags("child")).Get()
		return fmt.Sprint(a, failure, len(id)), err
	})
	program(w, "again", func(ctx *durable.Context, n int) (int, error) {
		ctx.Count("runs", 1)
		if _, err := durable.WaitSignal[int](ctx, "go", tick); err != nil && !errors.Is(err, durable.ErrTimeout) {
			return 0, err
		}
		if n < 3 {
			ctx.Timer(time.Hour) // is left behind
			return 0, durable.ContinueAsNew(n + 1)
		}
		return ctx.Run(), nil
	})
	program(w, "saga", func(ctx *durable.Context, n int) (int, error) {
		if _, err := durable.Call[int](ctx, "echo", n); err != nil {
			return 0, err
		}
		if err := ctx.Sleep(time.Hour); errors.Is(err, durable.ErrCancelled) && ctx.CancelRequested() {
			return durable.Call[int](ctx, "flaky", 1)
		}
		return 0, nil
	})
	program(w, "parent of saga", func(ctx *durable.Context, n int) (string, error) {
		_, err := durable.Call[int](ctx, "saga", n)
		_, undo := durable.Call[int](ctx, "echo", 2)
		return fmt.Sprint(err, undo), nil
	})
	program(w, "paused", func(ctx *durable.Context, n int) (string, error) {
		a, err := durable.WaitSignal[int](ctx, "go", time.Hour)
		_, second := durable.WaitSignal[int](ctx, "go", tick)
		return fmt.Sprint(a, err, errors.Is(second, durable.ErrTimeout)), nil
	})
	program(w, "ward", func(ctx *durable.Context, n int) (int, error) { return durable.Call[int](ctx, "heals", n) })
	program(w, "replayed", func(ctx *durable.Context, n int) (string, error) {
		before, err := durable.Call[int](ctx, "echo", 1)
		if err != nil {
			return "", err
		}
		late := ctx.Timer(later)
		healed, err := durable.Call[int](ctx, "ward", 2)
		if err != nil {
			return "", err
		}
		_, err = late.Get()
		return fmt.Sprint(before, healed, err), nil
	})
	program(w, "restarted", func(ctx *durable.Context, n int) (string, error) {
		got := make([]int64, n+1)
		for i := range got {
			var err error
			if got[i], err = durable.Call[int64](ctx, "serial", ctx.ExecutionID()); err != nil {
				return "", err
			}
		}
		return fmt.Sprint(got), nil
	})
	program(w, "endless", func(ctx *durable.Context, _ int) (int, error) { return 0, ctx.Sleep(time.Hour) })
	first := once()
	program(w, "nondeterministic", func(ctx *durable.Context, n int) (int, error) {
		name := "echo"
		if !first(ctx.ExecutionID()) {
			name = "odd"
		}
		_, err := durable.Call[int](ctx, name, n, durable.Key("step"))
		return 0, err
	})
	panicked := once()
	program(w, "panicking", func(ctx *durable.Context, n int) (int, error) {
		if panicked(ctx.ExecutionID()) {
			panic("boom")
		}
		return durable.Call[int](ctx, "echo", n)
	})
}

// once tells what it is asked for the first time.
func once() func(string) bool {
	var mu sync.Mutex
	seen := map[string]bool{}
	return func(id string) bool {
		mu.Lock()
		defer mu.Unlock()
		first := !seen[id]
		seen[id] = true
		return first
	}
}
