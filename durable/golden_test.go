package durable_test

import (
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/wire"
)

var record = flag.Bool("record", false, "record the histories of testdata anew")

// recording is a file of testdata: what a service sent, and what was answered.
type recording struct {
	Turns []recordedTurn `json:"turns"`
}

type recordedTurn struct {
	Turn   wire.Turn   `json:"turn"`
	Answer wire.Answer `json:"answer"`
}

// The functions whose histories are recorded. A change that breaks their replay
// would break users' executions that are under way.
func recordedFunctions(w *durable.Worker) {
	durable.Orchestrator(w, "order", func(ctx *durable.Context, id string) (map[string]any, error) {
		charge, err := durable.Call[string](ctx, "charge", id, durable.Timeout(time.Minute))
		if err != nil {
			return nil, err
		}
		ctx.SetState("phase", "packing")
		boxes, err := durable.Map[int](ctx, "pack", []string{"a", "b", "c"}, durable.MaxInFlight(2))
		if err != nil {
			return nil, err
		}
		ctx.Count("packed", int64(len(boxes)))
		ok, err := durable.WaitSignal[bool](ctx, "approval", 48*time.Hour)
		if err != nil && !errors.Is(err, durable.ErrTimeout) {
			return nil, err
		}
		approvedAt := ctx.Now()
		if err := ctx.Sleep(90 * time.Minute); err != nil {
			return nil, err
		}
		return map[string]any{"charge": charge, "boxes": boxes, "ok": ok, "at": approvedAt, "label": ctx.NewID()}, nil
	})
	durable.Orchestrator(w, "race", func(ctx *durable.Context, _ string) (int, error) {
		carriers := []*durable.Future[int]{durable.Start[int](ctx, "ups", 1), durable.Start[int](ctx, "dhl", 1)}
		i, err := durable.FirstSuccess(ctx, durable.Each(carriers)...)
		if err != nil {
			return -1, err
		}
		carriers[1-i].Cancel()
		if durable.Version(ctx, "insure", 1) >= 1 {
			_, err = durable.Call[int](ctx, "insure", i)
		}
		return i, err
	})
	durable.Orchestrator(w, "saga", func(ctx *durable.Context, _ string) (int, error) {
		booked, err := durable.Call[int](ctx, "book", 1)
		if err != nil {
			return 0, err
		}
		if err := ctx.Sleep(time.Hour); errors.Is(err, durable.ErrCancelled) && ctx.CancelRequested() {
			_, undo := durable.Call[int](ctx, "unbook", booked)
			return 0, errors.Join(err, undo)
		}
		return booked, durable.ContinueAsNew("again")
	})
}

func recordedWorker(t *testing.T, cache int) *durable.Worker {
	w := durable.NewWorker(durable.CacheSize(cache), durable.Logger(discard))
	t.Cleanup(w.Close)
	recordedFunctions(w)
	recordedOperations(w)
	return w
}

// What happens between the turns of each recording.
var recordings = merged(recordedHappenings, map[string][]func(*service){
	"order": {
		nil,
		func(s *service) { s.complete("charge#0", "ch_1") },
		func(s *service) { s.complete("pack#0", []int{1, 2, 3}) },
		func(s *service) { s.complete("approval#0", true) },
		func(s *service) { s.complete("sleep#0", nil) },
	},
	"race": {
		nil,
		func(s *service) { s.fail("ups#0", "unreachable", "no truck") },
		func(s *service) { s.complete("dhl#0", 4) },
		func(s *service) { s.complete("insure#0", 1) },
	},
	"saga": {
		nil,
		func(s *service) { s.complete("book#0", 42) },
		func(s *service) { s.requestCancel() },
		func(s *service) { s.complete("unbook#0", 0) },
	},
	"saga-again": {
		nil,
		func(s *service) { s.complete("book#0", 42) },
		func(s *service) { s.complete("sleep#0", nil) },
	},
})

func merged[K comparable, V any](a, b map[K]V) map[K]V {
	maps.Copy(b, a)
	return b
}

func TestRecordedHistoriesReplay(t *testing.T) {
	t.Parallel()
	for name, happenings := range recordings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join("testdata", name+".json")
			if *record {
				recordHistory(t, file, name, happenings)
			}
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var r recording
			if err := json.Unmarshal(b, &r); err != nil || len(r.Turns) != len(happenings) {
				t.Fatalf("%s: %d turns, %v", file, len(r.Turns), err)
			}
			for _, cache := range []int{0, 10} {
				w := recordedWorker(t, cache)
				for i, turn := range r.Turns {
					rec := post(w, turn.Turn.Execution.Function, asJSON(turn.Turn), nil)
					if got, want := rec.Body.String(), string(asJSON(turn.Answer)); got != want {
						t.Errorf("turn %d, cache of %d\nexpected %s\ncame     %s", i+1, cache, want, got)
					}
				}
			}
		})
	}
}

func recordHistory(t *testing.T, file, name string, happenings []func(*service)) {
	t.Helper()
	function := map[string]string{"saga-again": "saga"}[name]
	if function == "" {
		function = name
	}
	s, w := newService(function, "ORD-001"), recordedWorker(t, 0)
	var r recording
	for _, happen := range happenings {
		if happen != nil {
			happen(s)
		}
		turn := s.request()
		r.Turns = append(r.Turns, recordedTurn{turn, mustStep(t, s, w)})
	}
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
