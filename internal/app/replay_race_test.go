package app_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
)

// arena is two API services and two schedulers, and functions whose first attempt in
// each execution fails for good.
type arena struct {
	*workshop
	apis []*cluster
	ran  *deliveries
}

func newArena(t *testing.T) *arena {
	t.Helper()
	c := start(t, onPostgres, patient)
	c.api()
	a := &arena{
		workshop: &workshop{cluster: c, client: durable.NewClient(c.url), worker: quietWorker()},
		apis:     []*cluster{c.at(0), c.at(1)}, ran: &deliveries{count: map[string]int{}},
	}
	durable.Activity(a.worker, "second", func(ctx context.Context, n int) (int, error) {
		a.ran.note(ctx)
		if a.ran.of(durable.Info(ctx).ExecutionID) == 1 {
			return 0, durable.Terminal(durable.Errorf("first", "the first attempt of each execution fails"))
		}
		return n, nil
	})
	durable.Orchestrator(a.worker, "pair", func(ctx *durable.Context, n int) (int, error) {
		return durable.Call[int](ctx, "second", n)
	})
	durable.Orchestrator(a.worker, "patient", func(ctx *durable.Context, n int) (int, error) {
		second := durable.Start[int](ctx, "second", n)
		if _, err := durable.WaitSignal[int](ctx, "go", time.Hour); err != nil {
			return 0, err
		}
		return second.Get()
	})
	c.serve(a.worker)
	return a
}

// tasksOf counts the deliveries of each of an execution's tasks.
func (d *deliveries) tasksOf(execution string) map[string]int {
	d.mu.Lock()
	defer d.mu.Unlock()
	counts := map[string]int{}
	for of, n := range d.count {
		if id, task, _ := strings.Cut(of, " "); id == execution {
			counts[task] = n
		}
	}
	return counts
}

func (d *deliveries) of(execution string) (n int) {
	for _, count := range d.tasksOf(execution) {
		n += count
	}
	return n
}

// letters dispatches an execution for each round and gives the dead letters of the
// function "second", by execution.
func (a *arena) letters(function string) map[string]string {
	a.t.Helper()
	ids := a.batch(function, "5", rounds)
	letters := map[string]string{}
	eventually(a.t, "a dead letter in each execution", func() bool {
		for d, err := range a.client.DeadLetters(a.t.Context(), durable.DeadLetterFilter{Functions: []string{"second"}}) {
			if err != nil {
				a.t.Fatal(err)
			}
			letters[d.ExecutionID] = d.TaskID
		}
		return len(letters) == len(ids)
	})
	if function != "patient" {
		for _, id := range ids {
			a.ended(id, durable.StateFailed)
		}
	}
	return letters
}

// contest sends two requests at the same moment, each to an API service of its own.
func (a *arena) contest(first, second [3]string) (one, other int) {
	var both sync.WaitGroup
	ready := make(chan struct{})
	both.Go(func() { <-ready; one = a.apis[0].do(first[0], first[1], first[2]).status })
	both.Go(func() { <-ready; other = a.apis[1].do(second[0], second[1], second[2]).status })
	close(ready)
	both.Wait()
	return one, other
}

func replayOf(task string) [3]string {
	return [3]string{"POST", "/v1/dead-letters/" + task + "/replay", ""}
}

func won(status int) bool { return status == http.StatusOK || status == http.StatusNoContent }

func lost(status int) bool { return status == http.StatusNotFound || status == http.StatusConflict }

func TestOfTwoReplaysAtTheSameTimeOneRunsTheStep(t *testing.T) {
	t.Parallel()
	a := newArena(t)
	letters := a.letters("pair")
	for id, task := range letters {
		one, other := a.contest(replayOf(task), replayOf(task))
		if won(one) == won(other) || lost(one) == lost(other) {
			t.Errorf("the replays were answered %d and %d", one, other)
		}
		a.ended(id, durable.StateCompleted)
	}
	for id := range letters {
		if n := a.ran.of(id); n != 2 {
			t.Errorf("the step of %s ran %d times, want twice: it failed, and was replayed", id, n)
		}
	}
}

func TestReplayRacesWithCancel(t *testing.T) {
	t.Parallel()
	a := newArena(t)
	replayed := 0
	for id, task := range a.letters("patient") {
		cancel := [3]string{"POST", "/v1/executions/" + id + "/cancel", `{"mode": "force"}`}
		one, other := a.contest(replayOf(task), cancel)
		if !won(other) || !won(one) && one != http.StatusConflict {
			t.Errorf("the replay was answered %d, the cancellation %d", one, other)
		}
		a.ended(id, durable.StateCancelled)
		letter := a.do("GET", "/v1/dead-letters/"+task, "").status
		if won(one) == won(letter) {
			t.Errorf("the replay was answered %d, and then the dead letter %d", one, letter)
		}
		if n := a.ran.of(id); n > 2 || !won(one) && n != 1 {
			t.Errorf("the replay was answered %d, and the step ran %d times", one, n)
		}
		if won(one) {
			replayed++
		}
	}
	t.Logf("%d of %d replays came first", replayed, rounds)
}

func TestReplayRacesWithDiscard(t *testing.T) {
	t.Parallel()
	a := newArena(t)
	letters, replayed := a.letters("pair"), map[string]bool{}
	for id, task := range letters {
		one, other := a.contest(replayOf(task), [3]string{"DELETE", "/v1/dead-letters/" + task, ""})
		if won(one) == won(other) || lost(one) == lost(other) {
			t.Errorf("the replay was answered %d, the discard %d", one, other)
		}
		replayed[id] = won(one)
	}
	for id := range letters {
		want, runs := durable.StateFailed, 1
		if replayed[id] {
			want, runs = durable.StateCompleted, 2
		}
		a.ended(id, want)
		if n := a.ran.of(id); n != runs {
			t.Errorf("replayed: %v, and the step ran %d times", replayed[id], n)
		}
	}
}

func TestReplayRacesWithRestart(t *testing.T) {
	t.Parallel()
	a := newArena(t)
	letters := a.letters("pair")
	for id, task := range letters {
		one, other := a.contest(replayOf(task), [3]string{"POST", "/v1/executions/" + id + "/restart", ""})
		if !won(other) || !won(one) && !lost(one) {
			t.Errorf("the replay was answered %d, the restart %d", one, other)
		}
	}
	for id, task := range letters {
		if got := a.completed(id); got != "5" {
			t.Errorf("result %s", got)
		}
		if status := a.do("GET", "/v1/dead-letters/"+task, "").status; status != http.StatusNotFound {
			t.Errorf("the dead letter is still there: %d", status)
		}
		for run, n := range a.ran.tasksOf(id) {
			if most := map[bool]int{true: 2, false: 1}[run == task]; n > most {
				t.Errorf("task %s ran %d times, want at most %d", run, n, most)
			}
		}
	}
}
