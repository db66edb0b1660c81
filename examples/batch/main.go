// Command batch works through many items with an activity that must not run more
// than so many times at once, because what it calls could not bear it.
//
//	go run ./examples/batch -stent http://127.0.0.1:8233
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/examples/internal/example"
)

type batch struct {
	Items int `json:"items"`
	Cap   int `json:"cap"` // items in flight at the same time
}

// process is one step, whatever the number of items: Map keeps them in flight, in
// the database, and gives the results in order.
func process(ctx *durable.Context, in batch) (int, error) {
	items := make([]int, in.Items)
	for i := range items {
		items[i] = i
	}
	prices, err := durable.Map[int](ctx, "price", items, durable.MaxInFlight(in.Cap))
	if err != nil {
		return 0, err
	}
	total := 0
	for _, p := range prices {
		total += p
	}
	return total, nil
}

// gauge measures how many attempts run at the same time.
type gauge struct{ now, most atomic.Int64 }

func (g *gauge) enter() {
	n := g.now.Add(1)
	for most := g.most.Load(); n > most && !g.most.CompareAndSwap(most, n); most = g.most.Load() {
	}
}

func (g *gauge) leave() { g.now.Add(-1) }

func newWorker(g *gauge) *durable.Worker {
	w := durable.NewWorker()
	durable.Orchestrator(w, "batch", process)
	durable.Activity(w, "price", func(ctx context.Context, item int) (int, error) {
		g.enter()
		defer g.leave()
		select {
		case <-time.After(5 * time.Millisecond): // a request to the service that could not bear more
			return item % 10, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	})
	return w
}

func main() {
	in := batch{Cap: 50}
	flag.IntVar(&in.Items, "items", 10_000, "how many items")
	var g gauge
	example.Main(newWorker(&g), func(ctx context.Context, client *durable.Client, out io.Writer) error {
		return work(ctx, client, out, in, &g)
	})
}

func work(ctx context.Context, client *durable.Client, out io.Writer, in batch, g *gauge) error {
	began := time.Now()
	x, err := client.Dispatch(ctx, "batch", in)
	if err != nil {
		return err
	}
	if x, err = client.Wait(ctx, x.ID); err != nil {
		return err
	}
	total, err := durable.Result[int](x)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d items, total %d, in %s; at most %d at once\n", in.Items, total, time.Since(began).Round(time.Millisecond), g.most.Load())
	return nil
}
