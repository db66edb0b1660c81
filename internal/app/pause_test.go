package app_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
)

// deliveries counts how often each task was delivered.
type deliveries struct {
	mu    sync.Mutex
	count map[string]int
}

func (d *deliveries) note(ctx context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count[durable.Info(ctx).ExecutionID+" "+durable.Info(ctx).TaskID]++
}

func (d *deliveries) total() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.count)
}

func TestPausedExecutionKeepsItsTimeButDeliversNothing(t *testing.T) {
	t.Parallel()
	for _, b := range []backend{onSQLite, onPostgres} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b, patient)
			client := durable.NewClient(c.url)
			tokens, ran := make(chan [2]string, 1), &deliveries{count: map[string]int{}}
			worker := quietWorker()
			durable.Activity(worker, "later", func(ctx context.Context, _ int) (int, error) {
				tokens <- [2]string{durable.Info(ctx).TaskID, durable.TaskToken(ctx)}
				return 0, durable.Async
			}, durable.Timeout(time.Hour))
			durable.Activity(worker, "after", func(ctx context.Context, n int) (int, error) { ran.note(ctx); return n, nil })
			durable.Orchestrator(worker, "waits", func(ctx *durable.Context, n int) (int, error) {
				later := durable.Start[int](ctx, "later", n)
				signalled, err := durable.WaitSignal[int](ctx, "go", time.Hour)
				if err != nil {
					return 0, err
				}
				if err := ctx.Sleep(300 * time.Millisecond); err != nil {
					return 0, err
				}
				reported, err := later.Get()
				if err != nil {
					return 0, err
				}
				return durable.Call[int](ctx, "after", signalled+reported)
			})
			c.serve(worker)
			id := c.dispatch("waits", "1")
			task := <-tokens
			c.must(http.StatusOK, "POST", "/v1/executions/"+id+"/pause", "")
			if err := client.Complete(t.Context(), task[0], task[1], 40); err != nil {
				t.Fatal(err)
			}
			if _, err := client.Signal(t.Context(), id, "go", 2); err != nil {
				t.Fatal(err)
			}
			x, err := client.Get(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			for _, step := range x.Progress {
				if step.Status != "completed" {
					t.Errorf("%s is %s", step.Step, step.Status)
				}
			}
			c.must(http.StatusOK, "POST", "/v1/executions/"+id+"/resume", "")
			if got := c.completed(id); got != "42" {
				t.Fatalf("result %s", got)
			}

			timed := c.must(http.StatusCreated, "POST", "/v1/executions", `{"function": "after", "delay": "200ms", "max_duration": "300ms"}`).field(t, "id")
			c.must(http.StatusOK, "POST", fmt.Sprintf("/v1/executions/%s/pause", timed), "")
			eventually(t, "the deadline of a paused execution", func() bool {
				return c.must(http.StatusOK, "GET", fmt.Sprintf("/v1/executions/%s", timed), "").field(t, "state") == "timed_out"
			})
			if ran.total() != 1 {
				t.Errorf("%d deliveries of what comes after, want one", ran.total())
			}
		})
	}
}

// Every step of every execution is delivered once, however it is paused and resumed meanwhile.
func TestPauseAndResumeRaceWithCompletions(t *testing.T) {
	t.Parallel()
	c := start(t, onPostgres, patient)
	c.api()
	apis := []*cluster{c.at(0), c.at(1)}
	ran := &deliveries{count: map[string]int{}}
	worker := quietWorker()
	durable.Activity(worker, "item", func(ctx context.Context, n int) (int, error) { ran.note(ctx); return n, nil })
	durable.Orchestrator(worker, "many", func(ctx *durable.Context, n int) (int, error) {
		if _, err := durable.Map[int](ctx, "item", make([]int, n), durable.MaxInFlight(3)); err != nil {
			return 0, err
		}
		if err := ctx.Sleep(time.Millisecond); err != nil {
			return 0, err
		}
		return durable.Call[int](ctx, "item", n)
	})
	c.serve(worker)
	const items = 6
	for round := range rounds {
		id := c.dispatch("many", fmt.Sprint(items))
		var racers sync.WaitGroup
		for i, api := range apis {
			racers.Go(func() {
				for range 3 {
					for _, what := range [2]string{"pause", "resume"} {
						// 409 once it has ended.
						if a := api.do("POST", "/v1/executions/"+id+"/"+what, ""); a.status != http.StatusOK && a.status != http.StatusConflict {
							t.Errorf("round %d, API %d: %s: %d %s", round, i, what, a.status, a.body)
						}
					}
				}
			})
		}
		racers.Wait()
		c.do("POST", "/v1/executions/"+id+"/resume", "")
		if got := c.completed(id); got != fmt.Sprint(items) {
			t.Fatalf("round %d: result %s", round, got)
		}
	}
	if want := rounds * (items + 1); ran.total() != want {
		t.Errorf("%d tasks were delivered, want %d", ran.total(), want)
	}
	for task, n := range ran.count {
		if n != 1 {
			t.Errorf("task %s was delivered %d times", task, n)
		}
	}
}

// A thousand tasks of a paused execution cost the others nothing, and each is
// delivered once when it is resumed.
func TestThousandPausedTasksAreDeliveredOnceWhenResumed(t *testing.T) {
	t.Parallel()
	for _, b := range []backend{onSQLite, onPostgres} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b, patient)
			ran := &deliveries{count: map[string]int{}}
			worker := quietWorker()
			durable.Activity(worker, "item", func(ctx context.Context, n int) (int, error) { ran.note(ctx); return n, nil })
			durable.Orchestrator(worker, "thousand", func(ctx *durable.Context, _ int) (int, error) {
				// The delay leaves time to pause between the turn and the first item.
				done, err := durable.Map[int](ctx, "item", make([]int, 1_000), durable.Delay(10*time.Second))
				return len(done), err
			})
			c.serve(worker)
			id := c.dispatch("thousand", "1")
			eventually(t, "the map", func() bool {
				progress, _ := c.must(http.StatusOK, "GET", "/v1/executions/"+id, "").field(t, "progress").([]any)
				return len(progress) == 1
			})
			c.must(http.StatusOK, "POST", "/v1/executions/"+id+"/pause", "")
			for range 20 {
				c.completed(c.dispatch("item", "1"))
			}
			paused := time.Now()
			eventually(t, "the time at which they would have been due", func() bool { return time.Since(paused) > 10*time.Second })
			if ran.total() != 20 {
				t.Fatalf("%d deliveries while it was paused, want 20", ran.total())
			}
			c.must(http.StatusOK, "POST", "/v1/executions/"+id+"/resume", "")
			if got := c.completed(id); got != "1000" {
				t.Fatalf("result %s", got)
			}
			if ran.total() != 1_020 {
				t.Errorf("%d tasks were delivered, want 1,020", ran.total())
			}
			for task, n := range ran.count {
				if n != 1 {
					t.Errorf("task %s was delivered %d times", task, n)
				}
			}
		})
	}
}
