// Command order is a worker with the Go SDK: it serves an order workflow and its
// activities, registers itself, dispatches one order and prints what became of it.
//
//	go run ./examples/order -stent http://127.0.0.1:8233
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/stent-dev/stent/durable"
)

type order struct {
	ID     string `json:"id"`
	Amount int    `json:"amount"`
}

// process is an orchestrator: ordinary Go, in which every call is a durable step.
func process(ctx *durable.Context, in order) (string, error) {
	charge, err := durable.Call[string](ctx, "charge", in)
	if err != nil {
		return "", err
	}
	if err := ctx.Sleep(100 * time.Millisecond); err != nil { // or a month: it holds no thread
		return "", err
	}
	return durable.Call[string](ctx, "ship", charge)
}

func newWorker() *durable.Worker {
	worker := durable.NewWorker()
	durable.Orchestrator(worker, "order", process)
	durable.Activity(worker, "charge", func(_ context.Context, in order) (string, error) {
		return "ch_" + in.ID, nil
	}, durable.Retry(durable.RetryPolicy{MaxAttempts: 5}))
	durable.Activity(worker, "ship", func(_ context.Context, charge string) (string, error) {
		return "shipped against " + charge, nil
	})
	return worker
}

func main() {
	stent := flag.String("stent", "http://127.0.0.1:8233", "where Stent serves")
	flag.Parse()
	if err := run(context.Background(), *stent); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, stent string) error {
	worker := newWorker()
	defer worker.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: worker, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(listener) }()
	defer func() {
		_ = server.Close() // it ends with the program
		<-served
	}()
	return dispatch(ctx, durable.NewClient(stent), "http://"+listener.Addr().String())
}

func dispatch(ctx context.Context, client *durable.Client, workerURL string) error {
	if _, err := client.RegisterWorker(ctx, workerURL, ""); err != nil {
		return err
	}
	execution, err := client.Dispatch(ctx, "order", order{ID: "ORD-001", Amount: 42}, durable.WaitUpTo(30*time.Second))
	if err != nil {
		return err
	}
	result, err := durable.Result[string](execution)
	if err != nil {
		return err
	}
	fmt.Println(execution.State, result)
	return nil
}
