package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
)

// workshop serves functions from this process that can be mended, and counts how
// often each of their steps was delivered.
type workshop struct {
	*cluster
	client *durable.Client
	worker *durable.Worker
	mended atomic.Bool

	mu    sync.Mutex
	runs  map[int]int             // deliveries by input
	tasks map[int]map[string]bool // and the tasks that they were of
}

// openWorkshop has the activity "step", of which the input broken fails until it is mended.
func openWorkshop(t *testing.T, c *cluster, broken int, options ...durable.FunctionOption) *workshop {
	t.Helper()
	w := &workshop{cluster: c, client: durable.NewClient(c.url), worker: quietWorker(), runs: map[int]int{}, tasks: map[int]map[string]bool{}}
	durable.Activity(w.worker, "step", func(ctx context.Context, n int) (int, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.runs[n]++
		if w.tasks[n] == nil {
			w.tasks[n] = map[string]bool{}
		}
		w.tasks[n][durable.Info(ctx).TaskID] = true
		if n == broken && !w.mended.Load() {
			return 0, durable.Errorf("broken", "step %d is broken", n)
		}
		return n, nil
	}, options...)
	return w
}

// few lets a step have two attempts, the second at once.
var few = durable.Retry(durable.RetryPolicy{MaxAttempts: 2, InitialDelay: time.Millisecond})

// ended waits until an execution has ended as it should.
func (w *workshop) ended(id string, want durable.State) *durable.Execution {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	x, err := w.client.Wait(ctx, id)
	if err != nil || x.State != want {
		w.t.Fatalf("the execution is %+v (%v), want %s", x, err, want)
	}
	return x
}

// dead gives the dead letters by their functions.
func (w *workshop) dead(f durable.DeadLetterFilter) map[string]*durable.DeadLetter {
	w.t.Helper()
	letters := map[string]*durable.DeadLetter{}
	for d, err := range w.client.DeadLetters(w.t.Context(), f) {
		if err != nil {
			w.t.Fatal(err)
		}
		letters[d.Function] = d
	}
	return letters
}

func (w *workshop) replay(task string, o durable.ReplayOptions) {
	w.t.Helper()
	if err := w.client.Replay(w.t.Context(), task, o); err != nil {
		w.t.Fatal(err)
	}
}

// ran checks how often each input was delivered.
func (w *workshop) ran(want map[int]int) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !maps.Equal(w.runs, want) {
		w.t.Errorf("deliveries by step: %v, want %v", w.runs, want)
	}
}

// fiveSteps is an orchestrator of five steps in turn, which says when it has failed.
func fiveSteps(ctx *durable.Context, _ int) (int, error) {
	sum := 0
	for i := range 5 {
		n, err := durable.Call[int](ctx, "step", i)
		if err != nil {
			ctx.SetState("failed_at", i)
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

func code(err error) string {
	var refused *durable.APIError
	if errors.As(err, &refused) {
		return refused.Code
	}
	return fmt.Sprint(err)
}

func onBoth(t *testing.T, test func(t *testing.T, c *cluster), env ...string) {
	t.Helper()
	t.Parallel()
	for _, b := range []backend{onSQLite, onPostgres} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			test(t, start(t, b, append([]string{patient}, env...)...))
		})
	}
}

func TestReplayedStepLetsItsExecutionGoOn(t *testing.T) {
	onBoth(t, func(t *testing.T, c *cluster) {
		w := openWorkshop(t, c, 3, few)
		durable.Orchestrator(w.worker, "five", fiveSteps)
		c.serve(w.worker)
		id := c.dispatch("five", "0")
		w.ended(id, durable.StateFailed)
		letters := w.dead(durable.DeadLetterFilter{})
		if len(letters) != 2 || letters["five"].Kind != durable.KindOrchestrator || letters["step"].Error.Type != "broken" {
			t.Fatalf("the dead letters are %v", letters)
		}
		shown, err := w.client.DeadLetter(t.Context(), letters["step"].TaskID)
		if err != nil || string(shown.Input) != "3" || len(shown.Attempts) != 2 || shown.Attempts[1].Error.Type != "broken" ||
			shown.StepKey != "step#3" || shown.ExecutionID != id || shown.Attempt != 2 {
			t.Fatalf("the dead letter is %+v, %v", shown, err)
		}
		if input, err := w.client.DeadLetter(t.Context(), letters["five"].TaskID); err != nil || string(input.Input) != "0" {
			t.Fatalf("the orchestrator's is %+v, %v", input, err)
		}
		w.mended.Store(true)
		w.replay(shown.TaskID, durable.ReplayOptions{})
		x := w.ended(id, durable.StateCompleted)
		if string(x.Result) != "10" || x.Error != nil {
			t.Errorf("result %s, %v", x.Result, x.Error)
		}
		w.ran(map[int]int{0: 1, 1: 1, 2: 1, 3: 3, 4: 1})
		if len(w.tasks[3]) != 1 {
			t.Errorf("step 3 had the tasks %v", w.tasks[3])
		}
		if left := w.dead(durable.DeadLetterFilter{}); len(left) > 0 {
			t.Errorf("left are %v", left)
		}
		if err := w.client.Replay(t.Context(), shown.TaskID, durable.ReplayOptions{}); code(err) != "not_found" {
			t.Errorf("once more: %v", err)
		}
	})
}

func TestReplayedOrchestratorRepeatsNoStep(t *testing.T) {
	onBoth(t, func(t *testing.T, c *cluster) {
		w := openWorkshop(t, c, -1, few)
		durable.Orchestrator(w.worker, "strict", func(ctx *durable.Context, _ int) (int, error) {
			n, err := durable.Call[int](ctx, "step", 7)
			if err == nil && !w.mended.Load() {
				err = durable.Errorf("bug", "it does not like %d", n)
			}
			return n, err
		})
		c.serve(w.worker)
		id := c.dispatch("strict", "0")
		w.ended(id, durable.StateFailed)
		w.mended.Store(true)
		w.replay(w.dead(durable.DeadLetterFilter{Kinds: []durable.Kind{durable.KindOrchestrator}})["strict"].TaskID, durable.ReplayOptions{})
		w.ended(id, durable.StateCompleted)
		w.ran(map[int]int{7: 1})
	})
}

func TestReplayedItemOfASubWorkflowOpensAllThatFailedWithIt(t *testing.T) {
	onBoth(t, func(t *testing.T, c *cluster) {
		w := openWorkshop(t, c, 3, few)
		durable.Orchestrator(w.worker, "sub", func(ctx *durable.Context, n int) (int, error) {
			all, err := durable.Map[int](ctx, "step", []int{0, 1, 2, 3, 4, 5}, durable.MaxInFlight(1))
			return len(all), err
		})
		durable.Orchestrator(w.worker, "outer", func(ctx *durable.Context, n int) (int, error) {
			beside := durable.Start[int](ctx, "step", 100)
			nap := ctx.Timer(time.Hour)
			got, err := durable.Call[int](ctx, "sub", n)
			if err != nil {
				return 0, err
			}
			nap.Cancel()
			more, err := beside.Get()
			return got + more, err
		})
		c.serve(w.worker)
		id := c.dispatch("outer", "0")
		w.ended(id, durable.StateFailed)
		letters := w.dead(durable.DeadLetterFilter{})
		if len(letters) != 3 {
			t.Fatalf("the dead letters are %v", letters)
		}
		w.mended.Store(true)
		w.replay(letters["step"].TaskID, durable.ReplayOptions{})
		if x := w.ended(id, durable.StateCompleted); string(x.Result) != "106" {
			t.Errorf("result %s", x.Result)
		}
		w.ran(map[int]int{0: 1, 1: 1, 2: 1, 3: 3, 4: 1, 5: 1, 100: 1})
		if left := w.dead(durable.DeadLetterFilter{}); len(left) > 0 {
			t.Errorf("left are %v", left)
		}
	})
}

func TestReplayGoesThroughAnotherQueueAndKeepsOrResetsRetries(t *testing.T) {
	onBoth(t, func(t *testing.T, c *cluster) {
		w := openWorkshop(t, c, 3, durable.Retry(durable.RetryPolicy{MaxAttempts: 3, InitialDelay: time.Millisecond}))
		c.serve(w.worker)
		id := c.dispatch("step", "3")
		w.ended(id, durable.StateFailed)
		task := w.dead(durable.DeadLetterFilter{})["step"].TaskID
		for i, test := range []struct {
			options  durable.ReplayOptions
			attempts int
			queue    string
		}{
			{durable.ReplayOptions{KeepRetries: true, Queue: "eu"}, 4, "eu"}, {durable.ReplayOptions{}, 7, "eu"}, {durable.ReplayOptions{Queue: "default"}, 10, "default"},
		} {
			w.replay(task, test.options)
			w.ended(id, durable.StateFailed)
			w.ran(map[int]int{3: test.attempts})
			d := w.dead(durable.DeadLetterFilter{Queues: []string{test.queue}})["step"]
			if d == nil || d.TaskID != task || d.Attempt != test.attempts {
				t.Errorf("after replay %d the dead letter is %+v", i, d)
			}
		}
		w.mended.Store(true)
		w.replay(task, durable.ReplayOptions{KeepRetries: true})
		w.ended(id, durable.StateCompleted)
	})
}

func TestManyDeadLettersAreReplayedAtOnceAndOneIsDiscarded(t *testing.T) {
	onBoth(t, func(t *testing.T, c *cluster) {
		w := openWorkshop(t, c, 3, few)
		durable.Orchestrator(w.worker, "five", fiveSteps)
		c.serve(w.worker)
		ids := c.batch("five", "0", 150)
		for _, id := range ids {
			w.ended(id, durable.StateFailed)
		}
		of := map[string]string{}
		for d, err := range w.client.DeadLetters(t.Context(), durable.DeadLetterFilter{Functions: []string{"step"}}) {
			if err != nil {
				t.Fatal(err)
			}
			of[d.ExecutionID] = d.TaskID
		}
		if len(of) != len(ids) {
			t.Fatalf("%d executions have dead letters", len(of))
		}
		for _, err := range []error{w.client.Discard(t.Context(), of[ids[0]]), w.client.Discard(t.Context(), of[ids[0]])} {
			if _, left := of[ids[0]]; left != (err == nil) || err != nil && code(err) != "not_found" {
				t.Errorf("discarding: %v", err)
			}
			delete(of, ids[0])
		}
		w.mended.Store(true)
		for r, want := range map[durable.BulkReplay]durable.BulkReplayed{
			{DryRun: true}:             {Matched: 150}, // one of them an orchestrator's, of the discarded activity
			{DryRun: true, Limit: 149}: {Matched: 149, More: true},
			{DryRun: true, Limit: 40}:  {Matched: 40, More: true},
		} {
			if dry, err := w.client.ReplayAll(t.Context(), r); err != nil || *dry != want {
				t.Errorf("%+v would replay %+v, %v", r, dry, err)
			}
		}
		some, err := w.client.ReplayAll(t.Context(), durable.BulkReplay{Function: "step", Limit: 10})
		if err != nil || *some != (durable.BulkReplayed{Matched: 10, Replayed: 10, More: true}) {
			t.Fatalf("replayed %+v, %v", some, err)
		}
		for left := 140; left > 0; { // a slow machine does not do all of it within the time of one request
			all, err := w.client.ReplayAll(t.Context(), durable.BulkReplay{})
			if err != nil || all.Refused != 0 || all.Replayed == 0 {
				t.Fatalf("replayed %+v, %v, and %d are left", all, err, left)
			}
			left -= all.Replayed
		}
		for _, id := range ids[1:] {
			if x := w.ended(id, durable.StateCompleted); string(x.Result) != "10" {
				t.Errorf("result %s", x.Result)
			}
		}
		w.ran(map[int]int{0: 150, 1: 150, 2: 150, 3: 449, 4: 149})
		// Of the first, only the orchestrator was replayed: it fails again.
		w.ended(ids[0], durable.StateFailed)
	})
}

func TestDeadLettersExpire(t *testing.T) {
	onBoth(t, func(t *testing.T, c *cluster) {
		w := openWorkshop(t, c, 3, few)
		c.serve(w.worker)
		id := c.dispatch("step", "3")
		w.ended(id, durable.StateFailed)
		tasks := c.must(http.StatusOK, "GET", "/v1/executions/"+id+"/tasks", "")
		var list struct{ Items []struct{ ID string } }
		if err := json.Unmarshal(tasks.body, &list); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the expiry", func() bool { return len(w.dead(durable.DeadLetterFilter{})) == 0 })
		if err := w.client.Replay(t.Context(), list.Items[0].ID, durable.ReplayOptions{}); code(err) != "not_found" {
			t.Errorf("a replay after that: %v", err)
		}
	}, "STENT_RETENTION=5s", "STENT_CLEANUP_INTERVAL=50ms")
}

func TestReplayIsRefusedOfWhatNobodyWaitsFor(t *testing.T) {
	onBoth(t, func(t *testing.T, c *cluster) {
		w := openWorkshop(t, c, 3, few)
		durable.Orchestrator(w.worker, "lenient", func(ctx *durable.Context, wait bool) (int, error) {
			if _, err := durable.Call[int](ctx, "step", 3); err != nil && wait {
				return durable.WaitSignal[int](ctx, "go", time.Hour)
			}
			return 1, nil
		})
		c.serve(w.worker)
		completed, cancelled := c.dispatch("lenient", "false"), c.dispatch("lenient", "true")
		w.ended(completed, durable.StateCompleted)
		eventually(t, "both dead letters", func() bool { return len(slices.Collect(w.tasksOf("step"))) == 2 })
		if err := w.client.Cancel(t.Context(), cancelled, durable.Force); err != nil {
			t.Fatal(err)
		}
		for task := range w.tasksOf("step") {
			if err := w.client.Replay(t.Context(), task, durable.ReplayOptions{}); code(err) != "conflict" {
				t.Errorf("got %v", err)
			}
		}
		if done, err := w.client.ReplayAll(t.Context(), durable.BulkReplay{}); err != nil || *done != (durable.BulkReplayed{Matched: 2, Refused: 2}) {
			t.Errorf("all at once: %+v, %v", done, err)
		}
		w.ran(map[int]int{3: 4})
	})
}

// tasksOf gives the tasks of the dead letters of a function.
func (w *workshop) tasksOf(function string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for d, err := range w.client.DeadLetters(w.t.Context(), durable.DeadLetterFilter{Functions: []string{function}}) {
			if err != nil {
				w.t.Fatal(err)
			}
			if !yield(d.TaskID) {
				return
			}
		}
	}
}

func TestRestartRunsFromTheBeginningOrFromAStep(t *testing.T) {
	onBoth(t, func(t *testing.T, c *cluster) {
		w := openWorkshop(t, c, 3, few)
		durable.Orchestrator(w.worker, "five", fiveSteps)
		c.serve(w.worker)
		id := c.dispatch("five", "0")
		w.ended(id, durable.StateFailed)
		w.mended.Store(true)
		restarted := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			if x := w.ended(id, durable.StateCompleted); string(x.Result) != "10" {
				t.Errorf("result %s", x.Result)
			}
		}
		restarted(w.client.RestartFrom(t.Context(), id, "step#3"))
		w.ran(map[int]int{0: 1, 1: 1, 2: 1, 3: 3, 4: 1})
		if left := w.dead(durable.DeadLetterFilter{}); len(left) > 0 {
			t.Errorf("left are %v", left)
		}
		restarted(w.client.RestartFrom(t.Context(), id, "step#4"))
		w.ran(map[int]int{0: 1, 1: 1, 2: 1, 3: 3, 4: 2})
		restarted(w.client.Restart(t.Context(), id))
		w.ran(map[int]int{0: 2, 1: 2, 2: 2, 3: 4, 4: 3})
		if err := w.client.RestartFrom(t.Context(), id, "nap#0"); code(err) != "invalid_request" {
			t.Errorf("from a step that is not there: %v", err)
		}
		if err := w.client.Restart(t.Context(), "00000000-0000-7000-8000-000000000000"); code(err) != "not_found" {
			t.Errorf("of nothing: %v", err)
		}
	})
}

func TestEachEndOfAReplayedExecutionIsCalledBack(t *testing.T) {
	onBoth(t, func(t *testing.T, c *cluster) {
		w := openWorkshop(t, c, 3, few)
		c.serve(w.worker)
		told := newReceiver(t, "")
		x, err := w.client.Dispatch(t.Context(), "step", 3, durable.CallbackURL(told.url))
		if err != nil {
			t.Fatal(err)
		}
		id := x.ID
		states := func() (states []string) {
			for _, call := range told.of(id) {
				states = append(states, answer{body: call.body}.field(t, "state").(string))
			}
			return states
		}
		eventually(t, "the callback of the failure", func() bool { return slices.Equal(states(), []string{"failed"}) })
		w.mended.Store(true)
		for task := range w.tasksOf("step") {
			w.replay(task, durable.ReplayOptions{})
		}
		w.ended(id, durable.StateCompleted)
		eventually(t, "the callback of the end", func() bool { return slices.Equal(states(), []string{"failed", "completed"}) })
	})
}
