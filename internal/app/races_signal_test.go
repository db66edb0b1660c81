package app_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/stent-dev/stent/durable"
)

// letter is a signal's payload: the n-th of a sender.
type letter struct{ Sender, N int }

// post sends so many letters one after the other from each API, both at the same
// time, with a pause of up to so long before each.
func (r *racing) post(id string, each int, pause time.Duration) {
	r.Helper()
	var group sync.WaitGroup
	for sender, api := range r.apis {
		group.Go(func() {
			for n := range each {
				jitter(pause)
				if _, err := api.Signal(r.Context(), id, "letter", letter{sender, n}); err != nil {
					r.Errorf("sender %d: %v", sender, err)
				}
			}
		})
	}
	group.Wait()
}

// posted tells what is wrong with the letters that were got; "" for nothing.
func posted(got []letter, each int) string {
	next := [2]int{}
	for _, l := range got {
		if l.N != next[l.Sender] {
			return fmt.Sprintf("signals were lost, came twice or out of order: %v", got)
		}
		next[l.Sender]++
	}
	if next != [2]int{each, each} {
		return fmt.Sprintf("signals were lost: %v", got)
	}
	return ""
}

func signalAndWait(r *racing) {
	w := quietWorker()
	durable.Activity(w, "before-wait", func(_ context.Context, n int) (int, error) { return n, nil })
	durable.Orchestrator(w, "begins-to-wait", func(ctx *durable.Context, n int) (int, error) {
		if _, err := durable.Call[int](ctx, "before-wait", n); err != nil {
			return 0, err
		}
		return durable.WaitSignal[int](ctx, "go", time.Hour)
	})
	r.c.serve(w)
	begins := edge{d: 40 * time.Millisecond}
	r.rounds(func(n int) string {
		id := r.dispatch("begins-to-wait", n)
		begins.wait()
		receipt, err := r.apis[1].Signal(r.Context(), id, "go", n)
		if err != nil {
			return err.Error()
		}
		if got := completedAs[int](r, id); got != n {
			return fmt.Sprintf("round %d got %d", n, got)
		}
		begins.was(receipt.Delivery == "buffered")
		return "the signal was " + receipt.Delivery
	}, "the signal was delivered", "the signal was buffered")
}

func signalAndTimeout(r *racing) {
	w := quietWorker()
	durable.Orchestrator(w, "waits-briefly", func(ctx *durable.Context, _ int) ([]int, error) {
		late := 0
		got, err := durable.WaitSignal[int](ctx, "go", 40*time.Millisecond)
		if errors.Is(err, durable.ErrTimeout) {
			late = 1
			got, err = durable.WaitSignal[int](ctx, "go", time.Hour) // it is in the mailbox, or will be
		}
		return []int{late, got}, err
	})
	r.c.serve(w)
	ends := edge{d: 60 * time.Millisecond}
	r.rounds(func(n int) string {
		id := r.dispatch("waits-briefly", n)
		ends.wait()
		if _, err := r.apis[1].Signal(r.Context(), id, "go", n); err != nil {
			return err.Error()
		}
		got := completedAs[[]int](r, id)
		if len(got) != 2 || got[1] != n {
			return fmt.Sprintf("round %d got %v", n, got)
		}
		ends.was(got[0] == 0)
		return []string{"the signal came in time", "the timeout came first"}[got[0]]
	}, "the signal came in time", "the timeout came first")
}

func signalsOfOneName(r *racing) {
	const each = 5
	w := quietWorker()
	durable.Orchestrator(w, "reads", func(ctx *durable.Context, n int) (got []letter, err error) {
		for range n {
			l, err := durable.WaitSignal[letter](ctx, "letter", time.Hour)
			if err != nil {
				return nil, err
			}
			got = append(got, l)
		}
		return got, nil
	})
	r.c.serve(w)
	r.rounds(func(int) string {
		id := r.dispatch("reads", 2*each)
		r.post(id, each, 3*time.Millisecond)
		if wrong := posted(completedAs[[]letter](r, id), each); wrong != "" {
			return wrong
		}
		return "each came once and in its sender's order"
	}, "each came once and in its sender's order")
}

func signalsAndContinuing(r *racing) {
	const each = 3
	type state struct {
		Got  []letter
		Runs int
	}
	w := quietWorker()
	durable.Orchestrator(w, "reads-on", func(ctx *durable.Context, s state) (state, error) {
		l, err := durable.WaitSignal[letter](ctx, "letter", 2*time.Millisecond)
		switch {
		case err == nil:
			s.Got = append(slices.Clone(s.Got), l)
		case !errors.Is(err, durable.ErrTimeout):
			return s, err
		}
		if s.Runs++; len(s.Got) == 2*each {
			return s, nil
		}
		return s, durable.ContinueAsNew(s)
	})
	r.c.serve(w)
	r.rounds(func(int) string {
		id := r.dispatch("reads-on", state{})
		r.post(id, each, 30*time.Millisecond)
		s := completedAs[state](r, id)
		if wrong := posted(s.Got, each); wrong != "" {
			return wrong
		}
		return "each came once and in its sender's order"
	}, "each came once and in its sender's order")
}
