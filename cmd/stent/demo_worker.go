package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/stent-dev/stent/durable"
)

// The demo's example: an order that is charged, packed, approved and shipped.
type (
	order struct {
		ID    string   `json:"id"`
		Items []string `json:"items"`
	}
	charge struct {
		ID     string `json:"id"`
		Amount int    `json:"amount"`
	}
	approval struct {
		By string `json:"by"`
	}
	receipt struct {
		Order    string   `json:"order"`
		Charge   charge   `json:"charge"`
		Parcels  []string `json:"parcels"`
		Approved string   `json:"approved_by"`
		Tracking string   `json:"tracking"`
	}
)

// orderWorkflow reads like ordinary Go, and goes on where it was after a crash.
func orderWorkflow(ctx *durable.Context, in order) (receipt, error) {
	out := receipt{Order: in.ID}
	var err error
	if out.Charge, err = durable.Call[charge](ctx, "charge", in); err != nil {
		return out, fmt.Errorf("charging: %w", err)
	}
	if out.Parcels, err = durable.Map[string](ctx, "pack", in.Items); err != nil {
		return out, fmt.Errorf("packing: %w", err)
	}
	if err := ctx.Sleep(time.Second); err != nil { // let the glue dry
		return out, err
	}
	approved, err := durable.WaitSignal[approval](ctx, "approval", time.Hour)
	if err != nil {
		return out, fmt.Errorf("waiting for approval: %w", err)
	}
	out.Approved = approved.By
	out.Tracking, err = durable.Call[string](ctx, "ship", out.Parcels)
	return out, err
}

// demoWorker serves the example. Its payment provider fails the first time.
func demoWorker() *durable.Worker {
	w := durable.NewWorker(durable.Logger(slog.New(slog.DiscardHandler)))
	var tries atomic.Int64
	durable.Orchestrator(w, "order", orderWorkflow)
	durable.Activity(w, "charge", func(_ context.Context, in order) (charge, error) {
		if tries.Add(1) == 1 {
			return charge{}, errors.New("the payment provider did not answer")
		}
		return charge{ID: "ch_" + in.ID, Amount: 42 * len(in.Items)}, nil
	}, durable.Retry(durable.RetryPolicy{MaxAttempts: 5, InitialDelay: 500 * time.Millisecond}))
	durable.Activity(w, "pack", func(ctx context.Context, item string) (string, error) {
		select {
		case <-time.After(200 * time.Millisecond):
			return "parcel with " + item, nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	})
	durable.Activity(w, "ship", func(_ context.Context, parcels []string) (string, error) {
		return fmt.Sprintf("TRACK-%d", 1000+len(parcels)), nil
	})
	return w
}
