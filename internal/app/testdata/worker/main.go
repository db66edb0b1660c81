// Command worker is the worker of the end-to-end tests: a process that can be
// killed. It prints a line for each activity that begins and ends, and for each
// turn that begins, so that a test sees what ran, and how often.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/stent-dev/stent/durable"
)

func main() {
	w := durable.NewWorker()
	durable.Activity(w, "step", func(ctx context.Context, n int) (int, error) {
		info := durable.Info(ctx)
		fmt.Printf("begin step %d task %s attempt %d\n", n, info.TaskID, info.Attempt)
		time.Sleep(pause("STEP_PAUSE"))
		fmt.Printf("end step %d task %s\n", n, info.TaskID)
		return n + 1, nil
	})
	durable.Orchestrator(w, "five", func(ctx *durable.Context, n int) (int, error) {
		for range 5 {
			fmt.Printf("turn before step %d\n", n)
			time.Sleep(pause("TURN_PAUSE"))
			var err error
			if n, err = durable.Call[int](ctx, "step", n); err != nil {
				return 0, err
			}
		}
		return n, nil
	})
	durable.Orchestrator(w, "fan-out", func(ctx *durable.Context, n int) ([]int, error) {
		inputs := make([]int, n)
		for i := range inputs {
			inputs[i] = i
		}
		mapped, err := durable.Map[int](ctx, "echo", inputs)
		if err != nil {
			return nil, err
		}
		futures := make([]*durable.Future[int], n)
		for i := range futures {
			futures[i] = durable.Start[int](ctx, "echo", i)
		}
		called, err := durable.Gather(ctx, futures)
		return append(mapped, called...), err
	})
	durable.Orchestrator(w, "nap", func(ctx *durable.Context, seconds int) (int, error) {
		return seconds, ctx.Sleep(time.Duration(seconds) * time.Second)
	})
	durable.Activity(w, "echo", func(_ context.Context, n int) (int, error) { return n, nil })
	if err := http.ListenAndServe(os.Args[1], w); err != nil { //nolint:gosec // a test's worker on loopback
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func pause(name string) time.Duration {
	d, _ := time.ParseDuration(os.Getenv(name)) // unset: none
	return d
}
