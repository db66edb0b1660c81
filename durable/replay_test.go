package durable_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/wire"
)

func twoCalls(ctx *durable.Context, _ int) (int, error) {
	a, err := durable.Call[int](ctx, "a", 1)
	if err != nil {
		return 0, err
	}
	b, err := durable.Call[int](ctx, "b", a)
	return a + b, err
}

func TestRedeliveredTurnIsAnsweredAlikeWithoutRunningCodeAgain(t *testing.T) {
	t.Parallel()
	locals := 0
	w := orchestrate(t, func(ctx *durable.Context, _ int) (int, error) {
		v, err := durable.Local(ctx, "l", func() (int, error) { locals++; return locals, nil })
		return v, errors.Join(err, ctx.Sleep(time.Second))
	})
	s := newService("flow", 1)
	first, err := s.try(w)
	if err != nil {
		t.Fatal(err)
	}
	wantJSON(t, mustStep(t, s, w), string(asJSON(first)))
	s.complete("sleep#0", nil)
	last, err := s.try(w)
	if err != nil {
		t.Fatal(err)
	}
	wantJSON(t, mustStep(t, s, w), string(asJSON(last)))
	if locals != 1 {
		t.Fatalf("the local ran %d times", locals)
	}
}

func TestTurnOfAnotherPastIsReplayedFromTheStart(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*service){
		"a step ran again with another result": func(s *service) { s.steps["a#0"].Value = asJSON(5) },
		"a step that failed was run again":     func(s *service) { s.seq++; seq := s.seq; s.steps["a#0"].Seq = &seq },
		"a step is gone":                       func(s *service) { delete(s.steps, "b#0"); s.order = s.order[:1] },
		"the history is an older one":          func(s *service) { st := s.steps["a#0"]; st.Status, st.Seq = "pending", nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := orchestrate(t, twoCalls)
			s := newService("flow", 1)
			mustStep(t, s, w)
			s.complete("a#0", 1)
			mustStep(t, s, w)
			mustStep(t, s, w) // seen with b#0 in the history
			change(s)
			if s.steps["b#0"] != nil {
				s.complete("b#0", 10)
			}
			got, err := s.try(w)
			if err != nil {
				if strings.Contains(err.Error(), "nondeterminism") && s.steps["a#0"].Status == "pending" {
					return // b#0 without a#0 is a history that no code has
				}
				t.Fatal(err)
			}
			want, err := s.try(orchestrate(t, twoCalls))
			if err != nil {
				t.Fatal(err)
			}
			wantJSON(t, got, string(asJSON(want)))
		})
	}
}

func TestOtherKindOfStepForAKnownKeyIsSentForTheServiceToRefuse(t *testing.T) {
	t.Parallel()
	s := newService("flow", 1)
	mustStep(t, s, orchestrate(t, twoCalls))
	s.complete("a#0", 1)
	ran := false
	a := mustStep(t, s, orchestrate(t, func(ctx *durable.Context, _ int) (int, error) {
		return durable.Local(ctx, "a", func() (int, error) { ran = true; return 1, nil })
	}))
	if s.blocked != "a#0: expected call a, came local a" || a.Outcome != nil || a.Await == nil || ran {
		t.Fatalf("blocked %q, ran %v, answer %s", s.blocked, ran, asJSON(a))
	}
	mustStep(t, s, orchestrate(t, twoCalls))
	if s.blocked != "" {
		t.Fatal("the code that fits is still blocked: " + s.blocked)
	}
}

func TestHistoryThatTheCodeSkipsIsAnError(t *testing.T) {
	t.Parallel()
	for name, flow := range map[string]func(ctx *durable.Context, _ int) (int, error){
		`came without it: it finished`: func(*durable.Context, int) (int, error) { return 1, nil },
		`came without it: it waits for \"pay#0\"; new in the code: \"pay#0\" (call pay)`: func(ctx *durable.Context, _ int) (int, error) {
			return durable.Call[int](ctx, "pay", 1)
		},
	} {
		s := newService("flow", 1)
		mustStep(t, s, orchestrate(t, twoCalls))
		_, err := s.try(orchestrate(t, flow))
		for _, want := range []string{"answered 500", `"type":"nondeterminism"`, `expected step \"a#0\" (call a)`, name} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("want %q in %v", want, err)
			}
		}
	}
}

func TestCachedRunThatDoesNotFitIsReplayedBeforeItIsBelieved(t *testing.T) {
	t.Parallel()
	flow := func(ctx *durable.Context, _ int) (bool, error) {
		_, err := durable.Call[int](ctx, "a", 1)
		seen := ctx.CancelRequested()
		return seen, errors.Join(err, ctx.Sleep(time.Second))
	}
	w, other := orchestrate(t, flow), orchestrate(t, flow)
	s := newService("flow", 1)
	mustStep(t, s, w)
	s.complete("a#0", 1)
	if _, err := s.try(w); err != nil { // the answer is lost
		t.Fatal(err)
	}
	s.turn.CancelRequested = true
	mustStep(t, s, other) // it records the request
	s.complete("sleep#0", nil)
	wantJSON(t, mustStep(t, s, w).Outcome, `{"completed":true}`)
}

func TestPanicIsAProblemAndTheNextTurnReplays(t *testing.T) {
	t.Parallel()
	var calm atomic.Bool
	w := orchestrate(t, func(ctx *durable.Context, _ int) (int, error) {
		v, err := durable.Call[int](ctx, "a", 1)
		if !calm.Load() {
			panic("not today")
		}
		return v, err
	})
	s := newService("flow", 1)
	mustStep(t, s, w)
	s.complete("a#0", 1)
	rec := s.deliver(w)
	var p struct{ Type, Detail string }
	if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil || rec.Code != 500 || p.Type != "panic" || p.Detail != "not today" ||
		rec.Header().Get("Content-Type") != "application/problem+json" {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	calm.Store(true)
	wantJSON(t, mustStep(t, s, w).Outcome, `{"completed":1}`)
}

func TestMisuseOfAnOrchestratorIsNamed(t *testing.T) {
	t.Parallel()
	var leaked *durable.Future[int]
	for want, flow := range map[string]func(ctx *durable.Context, _ int) (int, error){
		`inside the function of Local \"l\"`: func(ctx *durable.Context, _ int) (int, error) {
			return durable.Local(ctx, "l", func() (int, error) { return durable.Call[int](ctx, "a", 1) })
		},
		`the key \"k\" is used for two steps`: func(ctx *durable.Context, _ int) (int, error) {
			durable.Start[int](ctx, "a", 1, durable.Key("k"))
			return durable.Call[int](ctx, "b", 1, durable.Key("k"))
		},
		"Any of nothing": func(ctx *durable.Context, _ int) (int, error) { return durable.Any(ctx), nil },
		"does not encode as JSON": func(ctx *durable.Context, _ int) (int, error) {
			return durable.Call[int](ctx, "a", func() {})
		},
		"MaxInFlight: 0 is less than 1": func(ctx *durable.Context, _ int) (int, error) {
			_, err := durable.Map[int](ctx, "a", []int{1}, durable.MaxInFlight(0))
			return 0, err
		},
		"ended its goroutine": func(*durable.Context, int) (int, error) { exit(); return 0, nil },
	} {
		if _, err := newService("flow", 1).try(orchestrate(t, flow)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q in %v", want, err)
		}
	}
	w := orchestrate(t, func(ctx *durable.Context, _ int) (int, error) {
		leaked = durable.Start[int](ctx, "a", 1)
		return 0, nil
	})
	mustStep(t, newService("flow", 1), w)
	if _, err := newService("flow", 1).try(orchestrate(t, func(*durable.Context, int) (int, error) { return leaked.Get() })); err == nil ||
		!strings.Contains(err.Error(), "after the orchestrator returned") {
		t.Errorf("a leaked future: %v", err)
	}
}

func TestEvictionRunsDeferredFunctionsAndNoSteps(t *testing.T) {
	t.Parallel()
	var evicted, compensated atomic.Int32
	flow := func(ctx *durable.Context, _ int) (int, error) {
		defer func() {
			if ctx.Evicted() {
				evicted.Add(1)
			}
		}()
		defer func() {
			_, _ = durable.Call[int](ctx, "undo", 1)
			compensated.Add(1)
		}()
		return 1, ctx.Sleep(time.Second)
	}
	w := orchestrate(t, flow, durable.CacheSize(1))
	one, two := newService("flow", 1), newService("flow", 1)
	two.turn.Task.ID = "task-2"
	mustStep(t, one, w)
	mustStep(t, two, w) // takes the only place
	one.complete("sleep#0", nil)
	wantJSON(t, mustStep(t, one, w).Commands, `[{"key":"undo#0","op":"call","name":"undo","input":1}]`)
	w.Close()
	if evicted.Load() != 3 || compensated.Load() != 0 {
		t.Fatalf("%d evicted, %d compensated", evicted.Load(), compensated.Load())
	}
	if rec := one.deliver(w); rec.Code != http.StatusServiceUnavailable {
		t.Fatalf("a closed worker answered %d", rec.Code)
	}
}

func TestRequestThatEndsEarlyLeavesTheCodeRunningForTheNext(t *testing.T) {
	t.Parallel()
	begun, release := make(chan struct{}), make(chan struct{})
	runs := 0
	w := orchestrate(t, func(ctx *durable.Context, _ int) (int, error) {
		return durable.Local(ctx, "slow", func() (int, error) {
			runs++
			close(begun)
			<-release
			return 7, nil
		})
	})
	s := newService("flow", 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", bytes.NewReader(asJSON(s.request())))
	req.Header.Set(wire.HeaderFunction, "flow")
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, req)
	if rec.Code != http.StatusServiceUnavailable {
		t.Fatalf("answered %d", rec.Code)
	}
	close(release)
	wantJSON(t, mustStep(t, s, w).Outcome, `{"completed":7}`)
	if runs != 1 {
		t.Fatalf("the local ran %d times", runs)
	}
}

func TestTurnsOfManyTasksAndTwoAtOnceOfOneAreServed(t *testing.T) {
	t.Parallel()
	w := orchestrate(t, twoCalls, durable.CacheSize(3))
	done := make(chan error)
	const workers = 8
	for i := range workers {
		go func() {
			var err error
			defer func() { done <- err }()
			for round := range 20 {
				s := newService("flow", 1)
				s.turn.Task.ID = "task-" + string(rune('a'+i/4)) + string(rune('a'+round)) // each shared by four
				for s.outcome == nil && err == nil {
					if _, err = s.step(w); err == nil && len(s.open()) > 0 {
						s.complete(s.open()[0], 1)
					}
				}
			}
		}()
	}
	for range workers {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestLoggerKeepsSilentWhileReplaying(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, nil))
	flow := func(ctx *durable.Context, _ int) (int, error) {
		ctx.Logger().With("n", 1).Info("first")
		_, err := durable.Call[int](ctx, "a", 1)
		ctx.Logger().WithGroup("g").Info("second")
		return 1, err
	}
	s := newService("flow", 1)
	mustStep(t, s, orchestrate(t, flow, durable.Logger(logger)))
	s.complete("a#0", 1)
	mustStep(t, s, orchestrate(t, flow, durable.Logger(logger)))
	text := out.String()
	if strings.Count(text, "msg=first") != 1 || strings.Count(text, "msg=second") != 1 || !strings.Contains(text, "execution_id=exec-1") {
		t.Fatal(text)
	}
}
