package durabletest_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/durable/durabletest"
)

// orchestrate gives a worker with one orchestrator named "main".
func orchestrate[Out any](fn func(*durable.Context, int) (Out, error)) *durable.Worker {
	w := newWorker(durable.CacheSize(0)) // shows that replays agree
	durable.Orchestrator(w, "main", fn)
	return w
}

// recorder is a test that is expected to fail.
type recorder struct {
	testing.TB
	failure string
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.failure = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// failure gives the message by which a test fails.
func failure(t *testing.T, test func(durabletest.TB)) string {
	t.Helper()
	r := &recorder{TB: t}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		test(r)
	}()
	<-ended
	return r.failure
}

func wantFailure(t *testing.T, want string, test func(durabletest.TB)) {
	t.Helper()
	if got := failure(t, test); !strings.Contains(got, want) {
		t.Errorf("the test failed with %q, want %q", got, want)
	}
}

func wantState(t *testing.T, x *durabletest.Execution, want durable.State) {
	t.Helper()
	if got := x.State(); got != want {
		t.Fatalf("the execution is %s, want %s: %v", got, want, x.Get().Error)
	}
}

func wantResult[T any](t *testing.T, x *durabletest.Execution, want T) {
	t.Helper()
	got, err := durabletest.Result[T](x)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("the result is %v, %v, want %v", got, err, want)
	}
}

func TestClockStandsStillUntilTheTestMovesIt(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	env := durabletest.New(t, orchestrate(func(ctx *durable.Context, n int) (time.Time, error) {
		err := ctx.Sleep(time.Duration(n) * time.Hour)
		return ctx.Now(), err
	}), durabletest.StartTime(began))
	late, early := env.Dispatch("main", 48), env.Dispatch("main", 1)
	env.Advance(time.Hour - time.Microsecond)
	wantState(t, early, durable.StateRunning)
	env.Advance(time.Microsecond)
	wantResult(t, early, began.Add(time.Hour))
	env.Advance(1000 * time.Hour)
	wantResult(t, late, began.Add(48*time.Hour)) // it ran at its time, and not when Advance came to its end
	if want := began.Add(1001 * time.Hour); !env.Now().Equal(want) {
		t.Fatalf("the clock stands at %s, want %s", env.Now(), want)
	}
}

func TestDelayedExecutionStartsAtItsTime(t *testing.T) {
	t.Parallel()
	env := durabletest.New(t, orchestrate(func(ctx *durable.Context, _ int) (time.Time, error) { return ctx.Now(), nil }))
	began := env.Now()
	delayed := env.Dispatch("main", 0, durable.Delay(time.Hour))
	at := env.Dispatch("main", 0, durable.StartAt(began.Add(2*time.Hour)))
	wantState(t, delayed, durable.StatePending)
	at.Wait()
	wantResult(t, delayed, began.Add(time.Hour))
	wantResult(t, at, began.Add(2*time.Hour))
}

func TestExecutionThatTakesTooLongTimesOut(t *testing.T) {
	t.Parallel()
	env := durabletest.New(t, orchestrate(func(ctx *durable.Context, _ int) (int, error) { return 0, ctx.Sleep(2 * time.Hour) }))
	x := env.Dispatch("main", 0, durable.MaxDuration(time.Hour), durable.Delay(time.Hour))
	x.Wait()
	wantState(t, x, durable.StateTimedOut)
	if want := x.Get().CreatedAt.Add(2 * time.Hour); !env.Now().Equal(want) {
		t.Fatalf("it timed out at %s, want %s", env.Now(), want)
	}
}

func TestUnregisteredFunctionFailsTheTest(t *testing.T) {
	t.Parallel()
	w := orchestrate(func(ctx *durable.Context, _ int) (int, error) { return durable.Call[int](ctx, "chrage", 1) })
	durable.Activity(w, "charge", func(context.Context, int) (int, error) { return 0, nil })
	wantFailure(t, `main, in step chrage#0, calls "chrage", which the worker does not serve and no Stub stands in for; there is charge, main`,
		func(t durabletest.TB) { durabletest.New(t, w).Dispatch("main", 0) })
	wantFailure(t, `the test calls "mian"`, func(t durabletest.TB) { durabletest.New(t, newWorker()).Dispatch("mian", 0) })
}

func TestWaitFailsWhenTimeAloneDoesNotHelp(t *testing.T) {
	t.Parallel()
	signal := orchestrate(func(ctx *durable.Context, _ int) (int, error) {
		return durable.WaitSignal[int](ctx, "go", durable.NoTimeout)
	})
	wantFailure(t, `main waits for what only the test can bring: the signal "go" (step go#0)`,
		func(t durabletest.TB) { durabletest.New(t, signal).Dispatch("main", 0).Wait() })

	async := orchestrate(func(ctx *durable.Context, _ int) (int, error) {
		if _, err := durable.Call[int](ctx, "work", 1); err != nil {
			return 0, err
		}
		panic("boom")
	})
	wantFailure(t, "main is blocked: panic: boom", func(t durabletest.TB) {
		env := durabletest.New(t, async)
		env.Answer("work", 1)
		env.Dispatch("main", 0).Wait()
	})

	endless := orchestrate(func(ctx *durable.Context, n int) (int, error) {
		if err := ctx.Sleep(24 * time.Hour); err != nil {
			return 0, err
		}
		return 0, durable.ContinueAsNew(n + 1)
	})
	wantFailure(t, "main has not ended after 3660 days",
		func(t durabletest.TB) { durabletest.New(t, endless).Dispatch("main", 0).Wait() })
}

func TestClockIsNotMovedByActivities(t *testing.T) {
	t.Parallel()
	wantFailure(t, "Advance inside an activity", func(t durabletest.TB) {
		env := durabletest.New(t, newWorker())
		durabletest.Stub(env, "work", func(context.Context, int) (int, error) { env.Advance(1); return 0, nil })
		env.Dispatch("work", 0)
	})
}

func TestSameTestGivesTheSameHistory(t *testing.T) {
	t.Parallel()
	run := func() (string, []durabletest.Step) {
		env := durabletest.New(t, orchestrate(func(ctx *durable.Context, _ int) (string, error) {
			a, b := durable.Start[int](ctx, "a", 1), durable.Start[int](ctx, "b", 2)
			i := durable.Any(ctx, a, b)
			return fmt.Sprint(ctx.NewID(), i, ctx.Now()), durable.All(ctx, a, b)
		}))
		env.Answer("a", errors.New("flaky"), 1)
		env.Answer("b", 2)
		x := env.Dispatch("main", 0)
		x.Wait()
		return string(x.Get().Result), x.History()
	}
	result, history := run()
	for range 5 {
		if again, same := run(); again != result || !reflect.DeepEqual(same, history) {
			t.Fatalf("the first run gave %s %v, a later one %s %v", result, history, again, same)
		}
	}
}

func TestEnvWorksInABubble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := orchestrate(func(ctx *durable.Context, _ int) (int, error) { return durable.Call[int](ctx, "slow", 1) })
		durable.Activity(w, "slow", func(_ context.Context, n int) (int, error) {
			<-time.After(time.Hour) // of the bubble
			return n, nil
		})
		wantResult(t, durabletest.New(t, w).Dispatch("main", 0), 1)
	})
}

func TestCodeUnderTestMayUseAClient(t *testing.T) {
	t.Parallel()
	w := orchestrate(func(ctx *durable.Context, _ int) (string, error) {
		return durable.WaitSignal[string](ctx, "go", time.Hour)
	})
	env := durabletest.New(t, w)
	durabletest.Stub(env, "signaller", func(ctx context.Context, id string) (durable.State, error) {
		if _, err := env.Client().Signal(ctx, id, "go", "on"); err != nil {
			return "", err
		}
		x, err := env.Client().Get(ctx, id)
		return x.State, err
	})
	x := env.Dispatch("main", 0)
	wantResult(t, env.Dispatch("signaller", x.ID()), durable.StateRunning)
	wantResult(t, x, "on")

	got, err := env.Client().Wait(t.Context(), env.Dispatch("main", 0).ID())
	if err != nil || got.State != durable.StateFailed {
		t.Fatalf("%+v, %v", got, err)
	}
	var refused *durable.APIError
	if _, err := env.Client().Signal(t.Context(), x.ID(), "go", 1); !errors.As(err, &refused) || refused.Code != "already_terminal" {
		t.Fatalf("a signal to an ended execution: %v", err)
	}
	first := env.Dispatch("main", 1, durable.IdempotencyKey("k"))
	if again := env.Dispatch("main", 1, durable.IdempotencyKey("k")); again.ID() != first.ID() {
		t.Fatal("one key made two executions")
	}
	wantFailure(t, "idempotency_key_reused", func(tb durabletest.TB) {
		env := durabletest.New(tb, w)
		env.Dispatch("main", 1, durable.IdempotencyKey("k"))
		env.Dispatch("main", 2, durable.IdempotencyKey("k"))
	})
}
