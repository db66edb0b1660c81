package durable_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/stent-dev/stent/durable"
)

type Order struct {
	ID    string   `json:"id"`
	Items []string `json:"items"`
}

// An order is charged, its items are packed at the same time, and it is shipped
// a day later.
func ExampleOrchestrator() {
	w := durable.NewWorker()
	defer w.Close()

	durable.Activity(w, "charge", func(_ context.Context, o Order) (string, error) {
		return "receipt of " + o.ID, nil
	}, durable.Retry(durable.RetryPolicy{MaxAttempts: 5}))

	durable.Activity(w, "pack", func(_ context.Context, item string) (string, error) {
		return "boxed " + item, nil
	})

	durable.Orchestrator(w, "order", func(ctx *durable.Context, o Order) ([]string, error) {
		receipt, err := durable.Call[string](ctx, "charge", o)
		if err != nil {
			return nil, err
		}
		boxes, err := durable.Map[string](ctx, "pack", o.Items)
		if err != nil {
			return nil, err
		}
		if err := ctx.Sleep(24 * time.Hour); err != nil {
			return nil, err
		}
		return append(boxes, receipt), nil
	})

	fmt.Println(play(w, "order", Order{ID: "ORD-001", Items: []string{"book", "pen"}}))
	// Output: {"completed":["boxed book","boxed pen","receipt of ORD-001"]}
}

// The first of two that answers wins; the other is cancelled.
func ExampleFirstSuccess() {
	w := durable.NewWorker()
	defer w.Close()

	durable.Activity(w, "quote", func(_ context.Context, carrier string) (string, error) {
		if carrier == "slow" {
			return "", durable.Terminal(durable.Errorf("no_capacity", "%s has no truck", carrier))
		}
		return "quote of " + carrier, nil
	})
	durable.Orchestrator(w, "ship", func(ctx *durable.Context, carriers []string) (string, error) {
		quotes := make([]*durable.Future[string], len(carriers))
		for i, carrier := range carriers {
			quotes[i] = durable.Start[string](ctx, "quote", carrier)
		}
		first, err := durable.FirstSuccess(ctx, durable.Each(quotes)...)
		if err != nil {
			return "", err
		}
		return quotes[first].Get()
	})

	fmt.Println(play(w, "ship", []string{"slow", "quick"}))
	// Output: {"completed":"quote of quick"}
}

// A failed step undoes those before it.
func ExampleStepError() {
	w := durable.NewWorker()
	defer w.Close()

	durable.Activity(w, "book", func(context.Context, string) (string, error) { return "b-1", nil })
	durable.Activity(w, "unbook", func(context.Context, string) (string, error) { return "", nil })
	durable.Activity(w, "charge", func(context.Context, string) (string, error) {
		return "", durable.Terminal(durable.Errorf("card_declined", "no funds"))
	})
	durable.Orchestrator(w, "trip", func(ctx *durable.Context, card string) (string, error) {
		booking, err := durable.Call[string](ctx, "book", "Paris")
		if err != nil {
			return "", err
		}
		_, err = durable.Call[string](ctx, "charge", card)
		var failed *durable.StepError
		if errors.As(err, &failed) && failed.Type == "card_declined" {
			_, undo := durable.Call[string](ctx, "unbook", booking)
			return "not booked: " + failed.Message, undo
		}
		return booking, err
	})

	fmt.Println(play(w, "trip", "card"))
	// Output: {"completed":"not booked: no funds"}
}

// An approval is waited for, but not for ever.
func ExampleWaitSignal() {
	w := durable.NewWorker()
	defer w.Close()

	durable.Orchestrator(w, "approve", func(ctx *durable.Context, _ string) (string, error) {
		by, err := durable.WaitSignal[string](ctx, "approval", 48*time.Hour)
		switch {
		case errors.Is(err, durable.ErrTimeout):
			return "nobody approved", nil
		case err != nil:
			return "", err
		}
		return "approved by " + by, nil
	})

	s := newService("approve", "ORD-001")
	if _, err := s.step(w); err != nil {
		fmt.Println(err)
	}
	s.fail("approval#0", "timeout", "no signal in 48h")
	a, err := s.step(w)
	fmt.Printf("%s %v\n", a.Outcome.Completed, err)
	// Output: "nobody approved" <nil>
}

// A client dispatches an execution and waits for its result.
func ExampleClient() {
	stent := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(rw, `{"id": "0190", "state": "completed", "result": {"receipt": "r-1"}}`)
	}))
	defer stent.Close()

	ctx := context.Background()
	c := durable.NewClient(stent.URL, durable.HTTPClient(stent.Client()))
	e, err := c.Dispatch(ctx, "order", Order{ID: "ORD-001"}, durable.IdempotencyKey("ORD-001"))
	if err != nil {
		fmt.Println(err)
		return
	}
	if e, err = c.Wait(ctx, e.ID); err != nil {
		fmt.Println(err)
		return
	}
	result, err := durable.Result[struct{ Receipt string }](e)
	fmt.Println(result.Receipt, err)
	// Output: r-1 <nil>
}
