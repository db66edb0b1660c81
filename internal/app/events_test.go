package app_test

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
)

func TestEventsTellAllThatHappensThroughAnyProcess(t *testing.T) {
	t.Parallel()
	for _, b := range backends {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b, patient)
			if b != onSQLite {
				c.api() // that dispatches nothing
			}
			gate := make(chan struct{})
			worker := quietWorker()
			durable.Activity(worker, "gated", func(ctx context.Context, n int) (int, error) {
				select {
				case <-gate:
				case <-ctx.Done():
				}
				return n + 1, nil
			}, durable.Timeout(time.Minute))
			durable.Orchestrator(worker, "two", func(ctx *durable.Context, n int) (int, error) {
				n, err := durable.Call[int](ctx, "gated", n)
				if err != nil {
					return 0, err
				}
				return durable.Call[int](ctx, "gated", n)
			})
			c.serve(worker)
			e, err := durable.NewClient(c.url).Dispatch(t.Context(), "two", 1)
			if err != nil {
				t.Fatal(err)
			}
			client := durable.NewClient(c.at(1).url)
			var last string
			for event, err := range client.Events(t.Context(), e.ID) {
				if err != nil {
					t.Fatal(err)
				}
				if last = event.ID; event.Task != nil && event.Task.StepKey == "gated#0" && event.Task.State == "running" {
					break // and come back
				}
			}
			close(gate)
			states := map[string]string{}
			var execution durable.State
			for event, err := range client.Events(t.Context(), e.ID, durable.After(last)) {
				if err != nil {
					t.Fatal(err)
				}
				if event.Task != nil {
					states[event.Task.StepKey] = event.Task.State
				} else {
					execution = event.Execution.State
				}
			}
			for _, step := range []string{"root", "gated#0", "gated#1"} {
				if states[step] != "completed" {
					t.Errorf("the last told of %s is %q", step, states[step])
				}
			}
			if execution != durable.StateCompleted {
				t.Errorf("the last told of the execution is %q", execution)
			}
		})
	}
}

func TestHintsAtAnyChangeComeToEveryProcess(t *testing.T) {
	t.Parallel()
	for _, b := range []backend{onSQLite, onPostgres} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b, patient)
			if b != onSQLite {
				c.api()
			}
			worker := quietWorker()
			durable.Activity(worker, "echo", func(_ context.Context, n int) (int, error) { return n, nil })
			c.serve(worker)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.at(1).url+"/v1/events", nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = response.Body.Close() }()
			told := make(chan string, 100)
			go func() {
				defer close(told)
				for lines := bufio.NewScanner(response.Body); lines.Scan(); {
					if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
						told <- data
					}
				}
			}()
			client, seen := durable.NewClient(c.url), map[string]bool{}
			for again := time.NewTicker(time.Second); ; { // what is on its way while the stream begins may be lost
				e, err := client.Dispatch(ctx, "echo", 1)
				if err != nil {
					t.Fatal(err)
				}
				seen[`{"executions":["`+e.ID+`"]}`] = true
				select {
				case data := <-told:
					if seen[data] || strings.Contains(data, e.ID) {
						return
					}
				case <-again.C:
				case <-ctx.Done():
					t.Fatal(ctx.Err())
				}
			}
		})
	}
}

func TestEventsTellWhichStepsARestartLeftBehind(t *testing.T) {
	t.Parallel()
	for _, b := range backends {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b, patient)
			worker := quietWorker()
			durable.Activity(worker, "add", func(_ context.Context, n int) (int, error) { return n + 1, nil })
			durable.Orchestrator(worker, "adder", func(ctx *durable.Context, n int) (int, error) {
				if _, err := durable.Call[int](ctx, "add", n); err != nil {
					return 0, err
				}
				return durable.WaitSignal[int](ctx, "sum", time.Hour)
			})
			c.serve(worker)
			client := durable.NewClient(c.url)
			e, err := client.Dispatch(t.Context(), "adder", 1)
			if err != nil {
				t.Fatal(err)
			}
			tasks := map[string]*durable.TaskInfo{} // as they were last told
			waits := map[string]bool{}
			for event, err := range client.Events(t.Context(), e.ID) {
				if err != nil {
					t.Fatal(err)
				}
				if event.Task == nil {
					continue
				}
				tasks[event.Task.ID] = event.Task
				if event.Task.Kind != "signal" || event.Task.State != "waiting" || waits[event.Task.ID] {
					continue
				}
				if waits[event.Task.ID] = true; len(waits) == 1 {
					err = client.RestartFrom(t.Context(), e.ID, "sum#0")
				} else {
					_, err = client.Signal(t.Context(), e.ID, "sum", 3)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			count := map[string]int{}
			for _, task := range tasks {
				if task.StepKey == "root" {
					count[fmt.Sprintf("%s run %d %s", task.StepKey, task.Run, task.State)]++
				} else {
					count[fmt.Sprintf("%s of run %d %s", task.StepKey, *task.ParentRun, task.State)]++
				}
			}
			want := map[string]int{
				"root run 1 completed": 1, "add#0 of run 1 completed": 1, // is kept
				"sum#0 of run 0 cancelled": 1, "sum#0 of run 1 completed": 1,
			}
			if !maps.Equal(count, want) {
				t.Errorf("told were %v", count)
			}
		})
	}
}
