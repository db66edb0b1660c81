package durable_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/wire"
)

// More functions whose histories are recorded: together with those of
// recordedFunctions they use every operation.
func recordedOperations(w *durable.Worker) {
	durable.Orchestrator(w, "calls", func(ctx *durable.Context, id string) (string, error) {
		first := durable.Start[int](ctx, "work", id,
			durable.Key("first"), durable.Timeout(time.Minute), durable.HeartbeatTimeout(10*time.Second), durable.Queue("eu"),
			durable.Priority(5), durable.Delay(time.Second), durable.IdempotencyKey("k"), durable.ConcurrencyKey("tenant"),
			durable.Retry(durable.RetryPolicy{MaxAttempts: 7, InitialDelay: 2 * time.Second, BackoffFactor: 1.5, RetryFor: []string{"busy"}}))
		all := durable.StartMap[int](ctx, "work", []string{"a", "b"}, durable.MaxInFlight(1), durable.Queue("eu"))
		some := durable.StartMapCollect[int](ctx, "work", []int{1, 2})
		child := durable.Dispatch(ctx, "other", id, durable.MaxDuration(time.Hour), durable.Tags("x", "y"), durable.Delay(time.Minute))
		err := durable.All(ctx, first, all, some, child)
		items, _ := some.Get()
		name, _ := child.Get()
		return fmt.Sprint(items, name), err
	})
	durable.Orchestrator(w, "joins", func(ctx *durable.Context, _ string) (string, error) {
		a, b, c := durable.Start[int](ctx, "a", 1), durable.Start[int](ctx, "b", 2), durable.Start[int](ctx, "c", 3)
		timer, signal := ctx.Timer(time.Hour), durable.NextSignal[string](ctx, "go", durable.NoTimeout)
		first := durable.Any(ctx, durable.AllOf(a, b), durable.FirstSuccessOf(b, signal), timer)
		failure := durable.AllOrFailure(ctx, durable.AllOrFailureOf(a, c), durable.AnyOf(timer, signal))
		durable.Cancel(ctx, timer, signal)
		_, cancelled := timer.Get()
		return fmt.Sprint(first, failure, errors.Is(cancelled, durable.ErrCancelled)), nil
	})
	durable.Orchestrator(w, "records", func(ctx *durable.Context, _ string) (string, error) {
		good, err := durable.Local(ctx, "good", func() (int, error) { return 1, nil })
		_, failure := durable.Local(ctx, "bad", func() (int, error) {
			return 0, durable.WithDetails(durable.Errorf("local", "no"), "why")
		})
		ctx.Count("n", 2)
		ctx.SetState("phase", "one")
		phase, ok, _ := durable.GetState[string](ctx, "phase")
		_, none, _ := durable.GetState[string](ctx, "none")
		before := ctx.Counter("n")
		_, missed := durable.WaitSignal[string](ctx, "now or never", -1)
		version := durable.Version(ctx, "change", 2)
		return fmt.Sprint(good, err, failure, phase, ok, none, before, missed, version, ctx.Counter("n"), ctx.Rand().IntN(100), ctx.Now().Unix()),
			durable.Retryable(durable.Errorf("sad", "it ends so"), 0)
	})
	durable.Orchestrator(w, "asks", func(ctx *durable.Context, _ string) (bool, error) {
		if _, err := durable.Call[int](ctx, "work", 1); err != nil {
			return ctx.CancelRequested(), nil
		}
		asked := ctx.CancelRequested() // where no step tells it: recorded
		_, err := durable.Call[int](ctx, "undo", 1)
		return asked, err
	})
}

var recordedHappenings = map[string][]func(*service){
	"calls": {
		nil,
		func(s *service) {
			s.complete("work#1", []map[string]any{
				{"status": "completed", "value": 1}, {"status": "failed", "error": wire.Error{Type: "bad", Message: "two"}},
			})
			s.fail("work#0", "map_item", "item 1 of the map: no")
			s.complete("first", 7)
		},
	},
	"joins": {
		nil,
		func(s *service) { s.fail("b#0", "bad", "b fails") },
		func(s *service) { s.complete("a#0", 1) },
		func(s *service) { s.fail("c#0", "bad", "c fails") },
	},
	"records": {
		nil,
		func(s *service) { s.fail("now or never#0", "timeout", "no signal now or never came in time") },
	},
	"asks": {
		nil,
		func(s *service) { s.complete("work#0", 1); s.requestCancel() },
		func(s *service) { s.complete("undo#0", 1) },
	},
}

// The recordings leave out nothing that the protocol has.
func TestRecordingsHaveEveryOperation(t *testing.T) {
	t.Parallel()
	missing := map[string]bool{"completed": true, "failed": true, "continue_as_new": true, "cancelled step": true, "cancel requested": true}
	for _, op := range []string{
		wire.OpCall, wire.OpMap, wire.OpSleep, wire.OpWaitSignal, wire.OpLocal, wire.OpCancel, wire.OpDispatch, wire.OpVersion,
		wire.OpCounter, wire.OpState, "any", "all", "all_or_failure", "first_success", "key",
	} {
		missing[op] = true
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) != len(recordings) {
		t.Fatalf("%d files of %d recordings, %v", len(files), len(recordings), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var r recording
		if err := json.Unmarshal(b, &r); err != nil {
			t.Fatal(err)
		}
		for i := range r.Turns {
			strike(missing, &r.Turns[i])
		}
	}
	for what := range missing {
		t.Errorf("no recording has %s", what)
	}
}

// strike takes off a list what a turn and its answer have.
func strike(missing map[string]bool, r *recordedTurn) {
	for _, c := range r.Answer.Commands {
		delete(missing, c.Op)
	}
	for _, s := range r.Turn.History {
		delete(missing, s.Status+" step")
	}
	if r.Turn.CancelRequested {
		delete(missing, "cancel requested")
	}
	if r.Answer.Await != nil {
		strikeAwait(missing, *r.Answer.Await)
	}
	switch o := r.Answer.Outcome; {
	case o == nil:
	case o.Failed != nil:
		delete(missing, "failed")
	case o.ContinueAsNew != nil:
		delete(missing, "continue_as_new")
	default:
		delete(missing, "completed")
	}
}

func strikeAwait(missing map[string]bool, a wire.Await) {
	for mode, of := range map[string][]wire.Await{"any": a.Any, "all": a.All, "all_or_failure": a.AllOrFailure, "first_success": a.FirstSuccess} {
		if of != nil {
			delete(missing, mode)
		}
		for _, member := range of {
			strikeAwait(missing, member)
		}
	}
	if a.Key != "" {
		delete(missing, "key")
	}
}
