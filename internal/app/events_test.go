package app_test

import (
	"bufio"
	"context"
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
