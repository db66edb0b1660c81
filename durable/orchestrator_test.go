package durable_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/wire"
)

// orchestrate makes a worker with one orchestrator, "flow".
func orchestrate[Out any](t *testing.T, fn func(ctx *durable.Context, in int) (Out, error), opts ...durable.WorkerOption) *durable.Worker {
	t.Helper()
	w := durable.NewWorker(append([]durable.WorkerOption{durable.Logger(discard)}, opts...)...)
	t.Cleanup(w.Close)
	durable.Orchestrator(w, "flow", fn)
	return w
}

func mustStep(t *testing.T, s *service, w *durable.Worker) wire.Answer {
	t.Helper()
	a, err := s.step(w)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func wantJSON(t *testing.T, got any, want string) {
	t.Helper()
	if g := string(asJSON(got)); g != want {
		t.Fatalf("got  %s\nwant %s", g, want)
	}
}

func TestCallIsCommandedOnceAndItsResultReturned(t *testing.T) {
	t.Parallel()
	begun := 0
	w := orchestrate(t, func(ctx *durable.Context, in int) (int, error) {
		begun++
		a, err := durable.Call[int](ctx, "double", in, durable.Timeout(time.Minute), durable.Priority(0), durable.Queue("eu"))
		if err != nil {
			return 0, err
		}
		return durable.Call[int](ctx, "double", a, durable.Key("again"))
	})
	s := newService("flow", 1)
	wantJSON(t, mustStep(t, s, w), `{"commands":[{"key":"double#0","op":"call","name":"double","input":1,"options":{"timeout":"1m","queue":"eu","priority":0}}],"await":"double#0","outcome":null}`)
	s.complete("double#0", 2)
	wantJSON(t, mustStep(t, s, w), `{"commands":[{"key":"again","op":"call","name":"double","input":2}],"await":"again","outcome":null}`)
	s.complete("again", 4)
	wantJSON(t, mustStep(t, s, w), `{"commands":[],"await":null,"outcome":{"completed":4}}`)
	if begun != 1 {
		t.Fatalf("the code began %d times", begun)
	}
}

func TestEveryCommandHasTheFormOfTheProtocol(t *testing.T) {
	t.Parallel()
	w := orchestrate(t, func(ctx *durable.Context, _ int) (any, error) {
		durable.StartMap[int](ctx, "resize", []int{1, 2}, durable.MaxInFlight(50))
		durable.StartMapCollect[int](ctx, "resize", []int{3})
		nap := ctx.Timer(3 * time.Hour)
		ok := durable.NextSignal[bool](ctx, "approval", 48*time.Hour)
		never := durable.NextSignal[bool](ctx, "approval", durable.NoTimeout)
		durable.Cancel(ctx, nap, never)
		durable.Dispatch(ctx, "refund", nil, durable.MaxDuration(time.Hour), durable.Tags("a"), durable.Delay(time.Second))
		durable.Version(ctx, "fraud-check", 2)
		ctx.Count("progress", 1)
		ctx.SetState("phase", "shipping")
		_, err := durable.Local(ctx, "price", func() (float64, error) { return 9.5, nil })
		return nil, errors.Join(err, durable.All(ctx, ok, ctx.Timer(time.Second)))
	})
	a := mustStep(t, newService("flow", 1), w)
	want := []string{
		`{"key":"resize#0","op":"map","name":"resize","inputs":[1,2],"max_in_flight":50,"on_error":"fail"}`,
		`{"key":"resize#1","op":"map","name":"resize","inputs":[3],"on_error":"collect"}`,
		`{"key":"sleep#0","op":"sleep","duration":"3h"}`,
		`{"key":"approval#0","op":"wait_signal","name":"approval","timeout":"2d"}`,
		`{"key":"approval#1","op":"wait_signal","name":"approval"}`,
		`{"key":"cancel#0","op":"cancel","targets":["sleep#0","approval#1"]}`,
		`{"key":"refund#0","op":"dispatch","name":"refund","input":null,"options":{"delay":"1s","max_duration":"1h","tags":["a"]}}`,
		`{"key":"version:fraud-check","op":"version","name":"fraud-check","value":2}`,
		`{"key":"counter:progress#0","op":"counter","name":"progress","add":1}`,
		`{"key":"state:phase#0","op":"state","name":"phase","value":"shipping"}`,
		`{"key":"price#0","op":"local","name":"price","value":9.5}`,
		`{"key":"sleep#1","op":"sleep","duration":"1s"}`,
	}
	wantJSON(t, a.Commands, "["+strings.Join(want, ",")+"]")
	wantJSON(t, a.Await, `{"all":["approval#0","sleep#1"]}`)
}

func TestRaceHasTheSameWinnerInAReplay(t *testing.T) {
	t.Parallel()
	race := func(ctx *durable.Context, _ int) (int, error) {
		a, b := durable.Start[int](ctx, "a", 0), durable.Start[int](ctx, "b", 0)
		first := durable.Any(ctx, a, b)
		return first, ctx.Sleep(time.Second)
	}
	s := newService("flow", 1)
	mustStep(t, s, orchestrate(t, race))
	s.complete("b#0", 1)
	mustStep(t, s, orchestrate(t, race))
	s.complete("a#0", 1)
	s.complete("sleep#0", nil)
	wantJSON(t, mustStep(t, s, orchestrate(t, race)).Outcome, `{"completed":1}`)
}

func TestFanInOverManyCallsIsOneTurn(t *testing.T) {
	t.Parallel()
	w := orchestrate(t, func(ctx *durable.Context, n int) (int, error) {
		calls := make([]*durable.Future[int], n)
		for i := range calls {
			calls[i] = durable.Start[int](ctx, "one", i)
		}
		values, err := durable.Gather(ctx, calls)
		sum := 0
		for _, v := range values {
			sum += v
		}
		return sum, err
	})
	s := newService("flow", 1000)
	mustStep(t, s, w)
	for _, key := range s.open() {
		s.complete(key, 1)
	}
	wantJSON(t, mustStep(t, s, w), `{"commands":[],"await":null,"outcome":{"completed":1000}}`)
}

func TestFailedStepIsAStepError(t *testing.T) {
	t.Parallel()
	w := orchestrate(t, func(ctx *durable.Context, _ int) (int, error) {
		_, err := durable.Call[int](ctx, "charge", 1)
		var step *durable.StepError
		if !errors.As(err, &step) || step.Step != "charge#0" || step.Type != "card_declined" || errors.Is(err, durable.ErrTimeout) {
			t.Errorf("got %#v", err)
		}
		return 0, err
	})
	s := newService("flow", 1)
	mustStep(t, s, w)
	s.settle("charge#0", nil, &wire.Error{Type: "card_declined", Message: "no funds", Details: asJSON(7)})
	wantJSON(t, mustStep(t, s, w).Outcome,
		`{"failed":{"error":{"type":"card_declined","message":"step charge#0 failed: card_declined: no funds","details":7},"retryable":false}}`)
}

func TestErrorsOfOrchestratorsBecomeOutcomes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"plain":     {errors.New("no"), `{"failed":{"error":{"type":"error","message":"no"},"retryable":false}}`},
		"typed":     {durable.Errorf("sold_out", "none of %d", 3), `{"failed":{"error":{"type":"sold_out","message":"none of 3"},"retryable":false}}`},
		"retryable": {durable.Retryable(errors.New("later"), 0), `{"failed":{"error":{"type":"error","message":"later"},"retryable":true}}`},
		"details":   {durable.WithDetails(durable.Terminal(errors.New("no")), []int{1}), `{"failed":{"error":{"type":"error","message":"no","details":[1]},"retryable":false}}`},
		"continue":  {durable.ContinueAsNew(5), `{"continue_as_new":{"input":5}}`},
	} {
		w := orchestrate(t, func(*durable.Context, int) (int, error) { return 0, c.err })
		t.Run(name, func(t *testing.T) { wantJSON(t, mustStep(t, newService("flow", 1), w).Outcome, c.want) })
	}
}

func TestSignalThatDoesNotComeInTimeIsErrTimeout(t *testing.T) {
	t.Parallel()
	w := orchestrate(t, func(ctx *durable.Context, _ int) (bool, error) {
		_, err := durable.WaitSignal[string](ctx, "approval", time.Hour)
		return errors.Is(err, durable.ErrTimeout) && !errors.Is(err, durable.ErrCancelled), nil
	})
	s := newService("flow", 1)
	mustStep(t, s, w)
	s.fail("approval#0", "timeout", "")
	wantJSON(t, mustStep(t, s, w).Outcome, `{"completed":true}`)
}

func TestMapCollectTellsEachItem(t *testing.T) {
	t.Parallel()
	w := orchestrate(t, func(ctx *durable.Context, _ int) (string, error) {
		items, err := durable.MapCollect[int](ctx, "resize", []int{1, 2})
		if err != nil || items[0].Value != 10 || items[0].Err != nil {
			t.Errorf("got %+v, %v", items, err)
		}
		return items[1].Err.Error(), nil
	})
	s := newService("flow", 1)
	mustStep(t, s, w)
	s.settle("resize#0", []byte(`[{"status":"completed","value":10},{"status":"failed","error":{"type":"bad","message":"broken"}}]`), nil)
	wantJSON(t, mustStep(t, s, w).Outcome, `{"completed":"step resize#0[1] failed: bad: broken"}`)
}

func TestDispatchGivesTheExecutionID(t *testing.T) {
	t.Parallel()
	w := orchestrate(t, func(ctx *durable.Context, _ int) (string, error) {
		return durable.Dispatch(ctx, "refund", 1).Get()
	})
	s := newService("flow", 1)
	mustStep(t, s, w)
	wantJSON(t, mustStep(t, s, w).Outcome, `{"completed":"exec-of-refund#0"}`)
}

func TestCancelledExecutionCompensates(t *testing.T) {
	t.Parallel()
	flow := func(ctx *durable.Context, _ int) (int, error) {
		_, err := durable.Call[int](ctx, "ship", 1)
		if errors.Is(err, durable.ErrCancelled) && ctx.CancelRequested() {
			_, undo := durable.Call[int](ctx, "refund", 1)
			return 0, errors.Join(err, undo)
		}
		return 0, err
	}
	w := orchestrate(t, flow)
	s := newService("flow", 1)
	mustStep(t, s, w)
	s.requestCancel()
	wantJSON(t, mustStep(t, s, w).Commands, `[{"key":"refund#0","op":"call","name":"refund","input":1}]`)
	s.complete("refund#0", 1)
	if out := mustStep(t, s, orchestrate(t, flow)).Outcome; out == nil || out.Failed == nil || out.Failed.Error.Type != durable.TypeCancelled {
		t.Fatalf("outcome %s", asJSON(out))
	}
}

func TestCancelRequestThatNoStepTellsIsRecorded(t *testing.T) {
	t.Parallel()
	flow := func(ctx *durable.Context, _ int) (bool, error) {
		before := ctx.CancelRequested()
		if _, err := durable.Call[int](ctx, "a", 1); err != nil {
			return before, err
		}
		seen := ctx.CancelRequested()
		return seen && !before, ctx.Sleep(time.Second)
	}
	s := newService("flow", 1)
	mustStep(t, s, orchestrate(t, flow))
	s.complete("a#0", 1)
	s.turn.CancelRequested = true
	a := mustStep(t, s, orchestrate(t, flow))
	wantJSON(t, a.Commands[0], `{"key":"cancel_requested#1","op":"local","name":"cancel_requested","value":true}`)
	s.complete("sleep#0", nil)
	wantJSON(t, mustStep(t, s, orchestrate(t, flow)).Outcome, `{"completed":true}`)
}

func TestCodeThatDoesNotAskLearnsOfACancelAtItsNextStep(t *testing.T) {
	t.Parallel()
	flow := func(ctx *durable.Context, _ int) (int, error) {
		aside := durable.Start[int](ctx, "aside", 1)
		if _, err := durable.Call[int](ctx, "a", 1); err != nil {
			return 0, err
		}
		if _, err := durable.Call[int](ctx, "charge", 1); !errors.Is(err, durable.ErrCancelled) {
			return 0, err
		}
		if _, err := durable.Call[int](ctx, "undo", 1); err != nil {
			return 0, err
		}
		return aside.Get()
	}
	s := newService("flow", 1)
	mustStep(t, s, orchestrate(t, flow))
	s.complete("a#0", 1)
	s.requestCancel() // before the turn that tells the code of a#0
	if a := mustStep(t, s, orchestrate(t, flow)); !slices.Equal(a.Unaware, []string{"charge#0"}) {
		t.Fatalf("of %s, the code was unaware in %v", asJSON(a.Commands), a.Unaware)
	}
	s.cancel("charge#0")
	if a := mustStep(t, s, orchestrate(t, flow)); len(a.Commands) != 1 || a.Commands[0].Key != "undo#0" || a.Unaware != nil {
		t.Fatalf("compensation is %s, unaware in %v", asJSON(a.Commands), a.Unaware)
	}
}

func TestTimeStandsStillBetweenWaitsAndIsReplayed(t *testing.T) {
	t.Parallel()
	flow := func(ctx *durable.Context, _ int) ([]time.Time, error) {
		a, b := ctx.Now(), ctx.Now()
		err := ctx.Sleep(time.Hour)
		return []time.Time{a, b, ctx.Now()}, err
	}
	s := newService("flow", 1)
	mustStep(t, s, orchestrate(t, flow))
	s.complete("sleep#0", nil)
	wantJSON(t, mustStep(t, s, orchestrate(t, flow)), `{"commands":[{"key":"now#1","op":"local","name":"now","value":"2026-01-02T03:05:05.000006Z"}],"await":null,`+
		`"outcome":{"completed":["2026-01-02T03:04:05.000006Z","2026-01-02T03:04:05.000006Z","2026-01-02T03:05:05.000006Z"]}}`)
}

func TestRandomnessDependsOnExecutionAndRunOnly(t *testing.T) {
	t.Parallel()
	draw := func(change func(*service)) string {
		w := orchestrate(t, func(ctx *durable.Context, _ int) (string, error) { return ctx.NewID(), nil })
		s := newService("flow", 1)
		change(s)
		return string(mustStep(t, s, w).Outcome.Completed)
	}
	first := draw(func(*service) {})
	if again := draw(func(*service) {}); again != first {
		t.Fatalf("%s, then %s", first, again)
	}
	if len(first) != 38 || first[15] != '4' || !strings.ContainsRune("89ab", rune(first[20])) {
		t.Fatalf("%s is no random UUID", first)
	}
	if draw(func(s *service) { s.turn.Execution.Run = 1 }) == first || draw(func(s *service) { s.turn.Execution.Seed = "x" }) == first {
		t.Fatal("another run or execution drew the same")
	}
}

func TestStateAndCountersAreReadAsTheyAreAndReplayedAsTheyWere(t *testing.T) {
	t.Parallel()
	flow := func(ctx *durable.Context, _ int) ([]any, error) {
		_, before, _ := durable.GetState[string](ctx, "phase")
		ctx.SetState("phase", "packing")
		ctx.Count("n", 2)
		ctx.Count("n", 3)
		phase, ok, err := durable.GetState[string](ctx, "phase")
		seen := []any{before, phase, ok, ctx.Counter("n")}
		return seen, errors.Join(err, ctx.Sleep(time.Second))
	}
	s := newService("flow", 1)
	s.turn.Counters["n"] = 10
	mustStep(t, s, orchestrate(t, flow))
	s.turn.Counters["n"] = 99
	s.turn.CustomState["phase"] = asJSON("other")
	s.complete("sleep#0", nil)
	wantJSON(t, mustStep(t, s, orchestrate(t, flow)).Outcome, `{"completed":[false,"packing",true,15]}`)
}

func TestLocalErrorIsTheSameInAReplay(t *testing.T) {
	t.Parallel()
	ran := 0
	flow := func(ctx *durable.Context, _ int) (string, error) {
		_, err := durable.Local(ctx, "read", func() (int, error) {
			ran++
			return 0, durable.Errorf("missing", "no file")
		})
		return err.Error(), ctx.Sleep(time.Second)
	}
	s := newService("flow", 1)
	mustStep(t, s, orchestrate(t, flow))
	s.complete("sleep#0", nil)
	wantJSON(t, mustStep(t, s, orchestrate(t, flow)).Outcome, `{"completed":"step read#0 failed: missing: no file"}`)
	if ran != 1 {
		t.Fatalf("it ran %d times", ran)
	}
}

func TestVersionMarksAChangeForExecutionsThatComeThereAfterIt(t *testing.T) {
	t.Parallel()
	before := func(ctx *durable.Context, _ int) (int, error) {
		if _, err := durable.Call[int](ctx, "old", 1); err != nil {
			return 0, err
		}
		return durable.Call[int](ctx, "end", 0)
	}
	after := func(ctx *durable.Context, _ int) (int, error) {
		name := "old"
		if durable.Version(ctx, "change", 1) >= 1 {
			name = "new"
		}
		if _, err := durable.Call[int](ctx, name, 1); err != nil {
			return 0, err
		}
		return durable.Call[int](ctx, "end", durable.Version(ctx, "change", 1))
	}
	begun := newService("flow", 1)
	mustStep(t, begun, orchestrate(t, before))
	begun.complete("old#0", 1)
	wantJSON(t, mustStep(t, begun, orchestrate(t, after)).Commands,
		`[{"key":"version:change","op":"version","name":"change","value":0},{"key":"end#0","op":"call","name":"end","input":0}]`)

	fresh := newService("flow", 1)
	mustStep(t, fresh, orchestrate(t, after))
	fresh.complete("new#0", 1)
	mustStep(t, fresh, orchestrate(t, after))
	fresh.complete("end#0", 9)
	wantJSON(t, mustStep(t, fresh, orchestrate(t, after)).Outcome, `{"completed":9}`)
	// The marker and the old way can be deleted.
	fresh.outcome = nil
	wantJSON(t, mustStep(t, fresh, orchestrate(t, func(ctx *durable.Context, _ int) (int, error) {
		if _, err := durable.Call[int](ctx, "new", 1); err != nil {
			return 0, err
		}
		return durable.Call[int](ctx, "end", 1)
	})).Outcome, `{"completed":9}`)
}
