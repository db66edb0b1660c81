// Command saga books a trip: a flight, a hotel and a car, held until the customer
// confirms. When one of them cannot be had, nobody confirms in time, or the trip is
// cancelled, what was booked is cancelled again, the last first.
//
//	go run ./examples/saga -stent http://127.0.0.1:8233
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/examples/internal/example"
)

type trip struct {
	ID   string `json:"id"`
	City string `json:"city"`
}

// booking is asked for under a reference of our own, so that it can be cancelled
// even when it is not known whether it was made.
type booking struct {
	What      string `json:"what"`
	City      string `json:"city"`
	Reference string `json:"reference"`
}

// book is the saga: what undoes a step is noted before the step is taken.
func book(ctx *durable.Context, in trip) (string, error) {
	var made []booking
	for _, what := range []string{"flight", "hotel", "car"} {
		b := booking{What: what, City: in.City, Reference: in.ID + "-" + what}
		_, err := durable.Call[string](ctx, "reserve", b)
		if err == nil || errors.Is(err, durable.ErrCancelled) { // cancelled on its way, it may have been made
			made = append(made, b)
		}
		if err != nil {
			return "", undo(ctx, made, err)
		}
	}
	ctx.SetState("held", made)
	if _, err := durable.WaitSignal[string](ctx, "confirm", 15*time.Minute); err != nil {
		return "", undo(ctx, made, err)
	}
	return "booked a trip to " + in.City, nil
}

// undo cancels bookings, the last first, and gives the reason for it, joined with
// whatever could not be undone.
func undo(ctx *durable.Context, made []booking, reason error) error {
	errs := []error{reason}
	for _, b := range slices.Backward(made) {
		_, err := durable.Call[string](ctx, "release", b)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// reserve stands for the systems of airlines, hotels and car rentals.
func reserve(_ context.Context, b booking) (string, error) {
	if b.What == "car" && b.City == "Venice" {
		return "", durable.Terminal(durable.Errorf("sold_out", "there are no cars in %s", b.City))
	}
	return b.Reference, nil
}

// release does nothing when there is no such booking.
func release(_ context.Context, b booking) (string, error) { return "released " + b.Reference, nil }

func newWorker() *durable.Worker {
	w := durable.NewWorker()
	durable.Orchestrator(w, "trip", book)
	durable.Activity(w, "reserve", reserve)
	// What has to be undone is tried for long.
	durable.Activity(w, "release", release, durable.Retry(durable.RetryPolicy{MaxAttempts: 100, MaxDelay: time.Hour}))
	return w
}

func main() { example.Main(newWorker(), work) }

// work books a trip, one that fails, and one that is cancelled while it is held.
func work(ctx context.Context, client *durable.Client, out io.Writer) error {
	for _, t := range []struct {
		trip
		then func(id string) error
	}{
		{trip{"T-1", "Paris"}, func(id string) error {
			_, err := client.Signal(ctx, id, "confirm", "yes")
			return err
		}},
		{trip{"T-2", "Venice"}, func(string) error { return nil }},
		{trip{"T-3", "Oslo"}, func(id string) error { return client.Cancel(ctx, id, durable.Graceful) }},
	} {
		x, err := client.Dispatch(ctx, "trip", t.trip)
		if err != nil {
			return err
		}
		if x, err = held(ctx, client, x); err != nil {
			return err
		}
		if err := t.then(x.ID); err != nil {
			return err
		}
		if x, err = client.Wait(ctx, x.ID); err != nil {
			return err
		}
		fmt.Fprintln(out, t.ID, x.State, released(x))
	}
	return nil
}

// held waits until a trip is held or has ended.
func held(ctx context.Context, client *durable.Client, x *durable.Execution) (_ *durable.Execution, err error) {
	for x.CustomState["held"] == nil && !x.State.Terminal() && err == nil {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		x, err = client.Get(ctx, x.ID)
	}
	return x, err
}

// released counts what was undone.
func released(x *durable.Execution) string {
	n := 0
	for _, step := range x.Progress {
		if step.Status == "completed" && strings.HasPrefix(step.Step, "release#") {
			n++
		}
	}
	return fmt.Sprintf("(%d released)", n)
}
