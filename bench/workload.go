package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stent-dev/stent/durable"
)

// workload is one function that is dispatched again and again.
type workload struct {
	name, function string
	steps          int // activities that one execution runs
	inFlight       int
	want           string // the result, as JSON
}

const wide = 1000

func workloads(inFlight int) []workload {
	return []workload{
		{"five steps, alone", "five", 5, 1, "5"},
		{"five steps, saturated", "five", 5, inFlight, "5"},
		{"single activity, alone", "increment", 1, 1, "1"},
		{"single activity, saturated", "increment", 1, inFlight, "1"},
		{"map over 1,000", "map", wide, 1, fmt.Sprint(wide)},
		{"1,000 calls", "calls", wide, 1, fmt.Sprint(wide)},
	}
}

// newWorker serves the workloads' functions.
func newWorker() *durable.Worker {
	w := durable.NewWorker()
	durable.Activity(w, "increment", func(_ context.Context, n int) (int, error) { return n + 1, nil })
	durable.Orchestrator(w, "five", func(ctx *durable.Context, n int) (int, error) {
		for range 5 {
			var err error
			if n, err = durable.Call[int](ctx, "increment", n); err != nil {
				return 0, err
			}
		}
		return n, nil
	})
	durable.Orchestrator(w, "map", func(ctx *durable.Context, _ int) (int, error) {
		results, err := durable.Map[int](ctx, "increment", make([]int, wide))
		return sum(results), err
	})
	durable.Orchestrator(w, "calls", func(ctx *durable.Context, _ int) (int, error) {
		futures := make([]*durable.Future[int], wide)
		for i := range futures {
			futures[i] = durable.Start[int](ctx, "increment", 0)
		}
		results, err := durable.Gather(ctx, futures)
		return sum(results), err
	})
	return w
}

func sum(of []int) (total int) {
	for _, n := range of {
		total += n
	}
	return total
}

// result is what one workload came to.
type result struct {
	perSecond float64
	latencies []time.Duration // sorted
}

func (r *result) percentile(p int) time.Duration {
	if len(r.latencies) == 0 {
		return 0
	}
	return r.latencies[min(len(r.latencies)*p/100, len(r.latencies)-1)]
}

// measure dispatches and waits from as many clients as may be in flight, for a while.
func measure(ctx context.Context, client *durable.Client, w workload, duration time.Duration) (*result, error) {
	var mu sync.Mutex
	r := &result{}
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range w.inFlight {
		group.Go(func() error {
			for time.Since(began) < duration {
				started := time.Now()
				if err := once(ctx, client, w); err != nil {
					return err
				}
				took := time.Since(started)
				mu.Lock()
				r.latencies = append(r.latencies, took)
				mu.Unlock()
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	r.perSecond = float64(len(r.latencies)) / time.Since(began).Seconds()
	slices.Sort(r.latencies)
	return r, nil
}

func once(ctx context.Context, client *durable.Client, w workload) error {
	e, err := client.Dispatch(ctx, w.function, 0, durable.WaitUpTo(time.Minute))
	if err != nil {
		return err
	}
	if e.State != durable.StateCompleted || string(e.Result) != w.want {
		return fmt.Errorf("execution %s is %s with %s, want completed with %s", e.ID, e.State, e.Result, w.want)
	}
	return nil
}
