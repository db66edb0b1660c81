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

func TestSignalsAreTakenInTheOrderOfTheirArrival(t *testing.T) {
	t.Parallel()
	env := durabletest.New(t, orchestrate(func(ctx *durable.Context, _ int) (got []int, err error) {
		if err := ctx.Sleep(time.Hour); err != nil {
			return nil, err
		}
		for range 3 {
			n, err := durable.WaitSignal[int](ctx, "n", time.Hour)
			if err != nil && !errors.Is(err, durable.ErrTimeout) {
				return nil, err
			}
			got = append(got, n)
		}
		return got, nil
	}))
	x := env.Dispatch("main", 0)
	if x.Signal("n", 1) {
		t.Fatal("the signal was delivered before anybody waits")
	}
	env.Advance(time.Hour)
	if !x.Signal("n", 2) {
		t.Fatal("the signal was not delivered to who waits")
	}
	x.Wait()
	wantResult(t, x, []int{1, 2, 0})
	wantFailure(t, "Signal: stent: 409 already_terminal", func(tb durabletest.TB) {
		x := durabletest.New(tb, orchestrate(func(*durable.Context, int) (int, error) { return 0, nil })).Dispatch("main", 0)
		x.Signal("n", 1)
	})
}

func TestGracefulCancelLetsTheOrchestratorCompensate(t *testing.T) {
	t.Parallel()
	saga := orchestrate(func(ctx *durable.Context, _ int) (int, error) {
		if _, err := durable.Call[int](ctx, "book", 1); err != nil {
			return 0, err
		}
		if err := ctx.Sleep(time.Hour); errors.Is(err, durable.ErrCancelled) && ctx.CancelRequested() {
			return durable.Call[int](ctx, "unbook", 1)
		}
		return 0, nil
	})
	env := durabletest.New(t, saga)
	env.Answer("book", 1)
	env.Answer("unbook", durabletest.After(10*time.Second, 1))
	x := env.Dispatch("main", 0)
	x.Cancel(durable.Graceful)
	wantState(t, x, durable.StateCancelling)
	x.Wait()
	wantState(t, x, durable.StateCancelled)
	if n := len(x.Calls("unbook")); n != 1 {
		t.Fatalf("%d compensations, want 1", n)
	}
	x = env.Dispatch("main", 0)
	x.Cancel(durable.Force)
	wantState(t, x, durable.StateCancelled)
	if n := len(x.Calls("unbook")); n != 0 {
		t.Fatalf("%d compensations after a forced cancel", n)
	}
}

func TestAnswerOfACancelledStepDoesNotCount(t *testing.T) {
	t.Parallel()
	env := durabletest.New(t, orchestrate(func(ctx *durable.Context, _ int) (bool, error) {
		slow := durable.Start[int](ctx, "slow", 1)
		if err := ctx.Sleep(time.Second); err != nil {
			return false, err
		}
		slow.Cancel()
		_, err := slow.Get()
		return errors.Is(err, durable.ErrCancelled), ctx.Sleep(time.Minute)
	}))
	env.Answer("slow", durabletest.After(10*time.Second, 1))
	x := env.Dispatch("main", 0)
	x.Wait()
	wantResult(t, x, true)
}

func TestSubWorkflowsDispatchesAndRuns(t *testing.T) {
	t.Parallel()
	w := orchestrate(func(ctx *durable.Context, n int) (int, error) {
		ctx.Count("runs", 1)
		ctx.SetState("last", n)
		child, err := durable.Call[int](ctx, "double", n)
		switch {
		case err != nil:
			return 0, err
		case child < 10:
			return 0, durable.ContinueAsNew(child)
		}
		_, err = durable.Dispatch(ctx, "double", child, durable.Delay(time.Hour)).Get()
		return child, err
	})
	durable.Orchestrator(w, "double", func(ctx *durable.Context, n int) (int, error) { return 2 * n, ctx.Sleep(time.Minute) })
	env := durabletest.New(t, w)
	x := env.Dispatch("main", 1)
	shown := x.Wait()
	wantResult(t, x, 16)
	if shown.Counters["runs"] != 4 || string(shown.CustomState["last"]) != "8" {
		t.Fatalf("counters %v, state %s", shown.Counters, shown.CustomState)
	}
	all := env.Executions()
	if len(all) != 2 {
		t.Fatalf("%d executions, want 2", len(all))
	}
	all[1].Wait()
	wantResult(t, all[1], 32)
}

func TestMapCollectsOrFails(t *testing.T) {
	t.Parallel()
	w := orchestrate(func(ctx *durable.Context, n int) (failed []int, err error) {
		items, err := durable.MapCollect[int](ctx, "odd", []int{0, 1, 2, 3})
		for i, item := range items {
			if item.Err != nil {
				failed = append(failed, i)
			}
		}
		if err == nil && n > 0 {
			_, err = durable.Map[int](ctx, "odd", []int{1, 2})
		}
		return failed, err
	})
	env := durabletest.New(t, w)
	durabletest.Stub(env, "odd", func(_ context.Context, n int) (int, error) {
		if n%2 == 0 {
			return 0, durable.Terminal(errors.New("even"))
		}
		return n, nil
	})
	wantResult(t, env.Dispatch("main", 0), []int{0, 2})
	x := env.Dispatch("main", 1)
	wantState(t, x, durable.StateFailed)
	if got := x.Get().Error; got.Type != "map_item" {
		t.Fatalf("the error is %v", got)
	}
}

// Mismatches do not end an execution: it goes on by itself, within five minutes.
func TestBlockedExecutionGoesOnByItself(t *testing.T) {
	t.Parallel()
	wrong, turns := true, 0
	w := orchestrate(func(ctx *durable.Context, _ int) (string, error) {
		turns++
		name := "right"
		if wrong && turns > 1 {
			name = "wrong"
		}
		if _, err := durable.Call[int](ctx, name, 0, durable.Key("step")); err != nil {
			return "", err
		}
		return "well", nil
	})
	env := durabletest.New(t, w)
	env.Answer("right", 0)
	env.Answer("wrong", 0)
	x := env.Dispatch("main", 0)
	wantState(t, x, durable.StateBlocked)
	env.Advance(30 * time.Minute)
	if turns > 8 { // the first two, and one every five minutes
		t.Fatalf("%d turns were delivered in half an hour", turns)
	}
	wrong = false
	env.Advance(5 * time.Minute)
	wantResult(t, x, "well")
}

func TestOlderExecutionsStayWithTheVersionThatTheyBeganWith(t *testing.T) {
	t.Parallel()
	version := func(v string) *durable.Worker {
		w := newWorker()
		durable.Orchestrator(w, "main", func(ctx *durable.Context, _ int) (string, error) {
			return v, ctx.Sleep(time.Hour)
		}, durable.FunctionVersion(v))
		return w
	}
	env := durabletest.New(t, version("1"))
	first := env.Dispatch("main", 0)
	env.Deploy(version("2"))
	second := env.Dispatch("main", 0)
	env.Advance(time.Hour)
	wantResult(t, first, "1")
	wantResult(t, second, "2")
}

func TestHistoryListsTheStepsAsTheyStand(t *testing.T) {
	t.Parallel()
	env := durabletest.New(t, orchestrate(func(ctx *durable.Context, _ int) (int, error) {
		timer := ctx.Timer(time.Hour)
		_, err := durable.Call[int](ctx, "work", 1)
		if err == nil {
			_, err = timer.Get()
		}
		return 0, err
	}))
	env.Answer("work", 7)
	var got []string
	for _, s := range env.Dispatch("main", 0).History() {
		got = append(got, s.Key+" "+s.Op+" "+s.Status+" "+string(s.Value))
	}
	if want := []string{"sleep#0 sleep waiting ", "work#0 call completed 7"}; !slices.Equal(got, want) {
		t.Fatalf("the history is %q", got)
	}
}
