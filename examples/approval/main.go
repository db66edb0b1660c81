// Command approval asks people whether an expense may be paid: first whoever leads
// the team; when they do not answer in time, their manager. Nobody's answer is a no.
//
//	go run ./examples/approval -stent http://127.0.0.1:8233
package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/examples/internal/example"
)

type expense struct {
	ID     string        `json:"id"`
	Amount int           `json:"amount"`
	Wait   time.Duration `json:"wait"` // for each of those who are asked
}

type decision struct {
	By       string `json:"by"`
	Approved bool   `json:"approved"`
}

// approve asks one after the other. Any decision counts, whoever it was that was
// asked last: the wait for it goes on while others are asked.
func approve(ctx *durable.Context, in expense) (string, error) {
	answer := durable.NextSignal[decision](ctx, "decision", durable.NoTimeout)
	for _, who := range []string{"lead", "manager"} {
		ctx.SetState("asked", who)
		if _, err := durable.Call[string](ctx, "ask", map[string]any{"who": who, "expense": in}); err != nil {
			return "", err
		}
		timeout := ctx.Timer(in.Wait)
		if durable.Any(ctx, answer, timeout) == 0 {
			timeout.Cancel()
			return settle(ctx, in, answer)
		}
	}
	answer.Cancel()
	return "rejected: nobody answered", nil
}

func settle(ctx *durable.Context, in expense, answer *durable.Future[decision]) (string, error) {
	d, err := answer.Get()
	switch {
	case err != nil:
		return "", err
	case !d.Approved:
		return "rejected by " + d.By, nil
	}
	paid, err := durable.Call[string](ctx, "pay", in)
	return paid + ", approved by " + d.By, err
}

func newWorker() *durable.Worker {
	w := durable.NewWorker()
	durable.Orchestrator(w, "expense", approve)
	durable.Activity(w, "ask", func(_ context.Context, in map[string]any) (string, error) {
		return fmt.Sprint("asked ", in["who"]), nil // by mail or chat
	})
	durable.Activity(w, "pay", func(_ context.Context, in expense) (string, error) {
		return fmt.Sprintf("paid %d for %s", in.Amount, in.ID), nil
	})
	return w
}

func main() { example.Main(newWorker(), work) }

// work asks for three expenses: one is approved, one escalates first, and to one
// nobody answers.
func work(ctx context.Context, client *durable.Client, out io.Writer) error {
	for _, e := range []struct {
		expense
		answers string // the one who answers; "" for nobody
	}{
		{expense{"E-1", 120, time.Hour}, "lead"},
		{expense{"E-2", 4000, 500 * time.Millisecond}, "manager"},
		{expense{"E-3", 9, 100 * time.Millisecond}, ""},
	} {
		x, err := client.Dispatch(ctx, "expense", e.expense)
		if err != nil {
			return err
		}
		if e.answers != "" {
			if err := answer(ctx, client, x.ID, e.answers); err != nil {
				return err
			}
		}
		if x, err = client.Wait(ctx, x.ID); err != nil {
			return err
		}
		result, err := durable.Result[string](x)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, e.ID, result)
	}
	return nil
}

// answer approves as soon as who has been asked.
func answer(ctx context.Context, client *durable.Client, id, who string) error {
	for {
		x, err := client.Get(ctx, id)
		if err != nil {
			return err
		}
		if string(x.CustomState["asked"]) == fmt.Sprintf("%q", who) {
			_, err := client.Signal(ctx, id, "decision", decision{By: who, Approved: true})
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}
