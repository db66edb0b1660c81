package durabletest_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/durable/durabletest"
)

// calling gives a worker whose orchestrator calls "work" with a policy of its own.
func calling(opts ...durable.CallOption) *durable.Worker {
	w := orchestrate(func(ctx *durable.Context, n int) (string, error) {
		return durable.Call[string](ctx, "work", n, opts...)
	})
	durable.Activity(w, "work", func(context.Context, int) (string, error) { return "done", nil },
		durable.Retry(durable.RetryPolicy{MaxAttempts: 4, InitialDelay: time.Second, BackoffFactor: 3, RetryFor: []string{"error", "timeout"}}))
	return w
}

// starts gives when the attempts of "work" began, since the first.
func starts(x *durabletest.Execution) (after []time.Duration) {
	calls := x.Calls("work")
	for _, c := range calls {
		after = append(after, c.At.Sub(calls[0].At))
	}
	return after
}

func wantStarts(t *testing.T, x *durabletest.Execution, want ...time.Duration) {
	t.Helper()
	if got := starts(x); !slices.Equal(got, want) {
		t.Fatalf("the attempts began after %v, want %v", got, want)
	}
}

func TestWorkersOwnActivitiesRunUnlessTheyAreStubbed(t *testing.T) {
	t.Parallel()
	env := durabletest.New(t, calling())
	wantResult(t, env.Dispatch("main", 1), "done")
	env.Answer("work", "stubbed")
	wantResult(t, env.Dispatch("main", 1), "stubbed")
}

func TestRetriesFollowThePolicyOnTheTestsClock(t *testing.T) {
	t.Parallel()
	env := durabletest.New(t, calling())
	env.Answer("work", errors.New("down"))
	x := env.Dispatch("main", 1)
	x.Wait()
	wantState(t, x, durable.StateFailed)
	wantStarts(t, x, 0, time.Second, 4*time.Second, 13*time.Second)
	if got := x.Get().Retries; got != 3 {
		t.Fatalf("%d retries, want 3", got)
	}

	env.Answer("work", durable.Errorf("typo", "not in RetryFor"))
	x = env.Dispatch("main", 1)
	wantState(t, x, durable.StateFailed)
	env.Answer("work", durable.Terminal(errors.New("never")))
	wantState(t, env.Dispatch("main", 1), durable.StateFailed)

	env.Answer("work", durable.Retryable(errors.New("later"), time.Minute), "done")
	x = env.Dispatch("main", 1)
	x.Wait()
	wantStarts(t, x, 0, time.Minute)
}

func TestThrottledAttemptIsNotCounted(t *testing.T) {
	t.Parallel()
	env := durabletest.New(t, calling())
	throttled := durable.Throttled(time.Minute)
	env.Answer("work", throttled, throttled, throttled, throttled, throttled, "done")
	x := env.Dispatch("main", 1)
	x.Wait()
	wantResult(t, x, "done")
	if c := x.Calls("work"); len(c) != 6 || c[5].Attempt != 1 {
		t.Fatalf("%d deliveries, the last is attempt %d", len(c), c[len(c)-1].Attempt)
	}
}

func TestAttemptWithoutAnAnswerTimesOut(t *testing.T) {
	t.Parallel()
	env := durabletest.New(t, calling(durable.Timeout(10*time.Second)))
	env.Answer("work", durabletest.NoAnswer, durabletest.After(time.Minute, "late"), durabletest.After(9*time.Second, "done"))
	x := env.Dispatch("main", 1)
	env.Advance(10*time.Second - 1)
	if detail := x.Get().Progress[0]; detail.Status != "running" {
		t.Fatalf("the step is %s", detail.Status)
	}
	x.Wait()
	wantResult(t, x, "done")
	wantStarts(t, x, 0, 11*time.Second, 24*time.Second)
}

func TestStubMaySayItsOwnPolicy(t *testing.T) {
	t.Parallel()
	env := durabletest.New(t, calling())
	durabletest.Stub(env, "work", func(context.Context, int) (string, error) { return "", errors.New("no") },
		durable.Retry(durable.RetryPolicy{MaxAttempts: 1}))
	x := env.Dispatch("main", 1)
	wantState(t, x, durable.StateFailed)
	wantStarts(t, x, 0)
}

func TestStubStandsInForASubWorkflow(t *testing.T) {
	t.Parallel()
	w := orchestrate(func(ctx *durable.Context, _ int) (int, error) { return durable.Call[int](ctx, "child", 20) })
	durable.Orchestrator(w, "child", func(ctx *durable.Context, n int) (int, error) { return n, ctx.Sleep(time.Hour) })
	env := durabletest.New(t, w)
	durabletest.Stub(env, "child", func(_ context.Context, n int) (int, error) { return n + 1, nil })
	wantResult(t, env.Dispatch("main", 0), 21)
}

func TestAsynchronousAttemptNeedsAReportInTime(t *testing.T) {
	t.Parallel()
	env := durabletest.New(t, calling(durable.Timeout(time.Hour), durable.HeartbeatTimeout(time.Minute)))
	durabletest.Stub(env, "work", func(ctx context.Context, _ int) (string, error) {
		durable.TaskToken(ctx)
		return "", durable.Async
	})
	x := env.Dispatch("main", 1)
	first := x.Calls("work")[0]
	for range 3 {
		env.Advance(59 * time.Second)
		if !first.Heartbeat("half") {
			t.Fatal("the attempt is not wanted")
		}
	}
	if detail := string(x.Get().Progress[0].Detail); detail != `"half"` {
		t.Fatalf("the step shows %s", detail)
	}
	env.Advance(time.Minute) // it is silent, and fails; the stub has no RetryFor
	if err := x.Get().Error; x.State() != durable.StateRunning {
		t.Fatalf("%s: %v", x.State(), err)
	}
	env.Advance(time.Second)
	calls := x.Calls("work")
	if len(calls) != 2 {
		t.Fatalf("%d attempts, want 2", len(calls))
	}
	calls[1].Fail(errors.New("worse"))
	env.Advance(3 * time.Second)
	x.Calls("work")[2].Complete("done")
	wantResult(t, x, "done")
}

func TestReportOfAnAttemptThatWasLostFailsTheTest(t *testing.T) {
	t.Parallel()
	wantFailure(t, "Complete: stent: 409 lease_lost", func(tb durabletest.TB) {
		env := durabletest.New(tb, calling(durable.Timeout(time.Minute)))
		durabletest.Stub(env, "work", func(ctx context.Context, _ int) (string, error) {
			durable.TaskToken(ctx)
			return "", durable.Async
		})
		x := env.Dispatch("main", 1)
		env.Advance(2 * time.Minute)
		x.Calls("work")[0].Complete("late")
	})
}

func TestMapKeepsNoMoreInFlightThanAsked(t *testing.T) {
	t.Parallel()
	env := durabletest.New(t, orchestrate(func(ctx *durable.Context, n int) ([]int, error) {
		return durable.Map[int](ctx, "work", make([]int, n), durable.MaxInFlight(3))
	}))
	durabletest.Stub(env, "work", func(ctx context.Context, n int) (int, error) {
		durabletest.Takes(ctx, time.Second)
		return n, nil
	})
	x := env.Dispatch("main", 8)
	for _, want := range []int{3, 6, 8} {
		if got := len(x.Calls("work")); got != want {
			t.Fatalf("%d attempts began, want %d", got, want)
		}
		env.Advance(time.Second)
	}
	wantResult(t, x, make([]int, 8))
	if last := x.Calls("work")[7].Step; last != "work#0[7]" {
		t.Fatalf("the last is %s", last)
	}
}
