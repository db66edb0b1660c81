package main

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/durable/durabletest"
	"github.com/stent-dev/stent/examples/internal/example"
	"github.com/stent-dev/stent/internal/apptest"
)

func TestNeverMoreThanTheCapRunAtOnce(t *testing.T) {
	t.Parallel()
	in := batch{Items: 500, Cap: 10}
	var g gauge
	var out strings.Builder
	err := example.Run(t.Context(), apptest.Dev(t), newWorker(&g), &out, func(ctx context.Context, client *durable.Client, out io.Writer) error {
		return work(ctx, client, out, in, &g)
	})
	if err != nil || !strings.HasPrefix(out.String(), "500 items, total 2250, ") {
		t.Fatalf("%q, %v", out.String(), err)
	}
	if most := g.most.Load(); most > int64(in.Cap) || most < 2 {
		t.Fatalf("%d ran at once, want at most %d, and more than one", most, in.Cap)
	}
}

func TestItemsAreReleasedAsOthersEnd(t *testing.T) {
	t.Parallel()
	env := durabletest.New(t, newWorker(&gauge{}))
	durabletest.Stub(env, "price", func(ctx context.Context, item int) (int, error) {
		durabletest.Takes(ctx, time.Second)
		return item, nil
	})
	x := env.Dispatch("batch", batch{Items: 2_000, Cap: 50})
	for rounds := 1; rounds <= 40; rounds++ {
		if began := len(x.Calls("price")); began != 50*rounds {
			t.Fatalf("%d began in %d s, want %d", began, rounds, 50*rounds)
		}
		env.Advance(time.Second)
	}
	if got, err := durabletest.Result[int](x); err != nil || got != 2_000*1_999/2 {
		t.Fatalf("%d, %v", got, err)
	}
}
