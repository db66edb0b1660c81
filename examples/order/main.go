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

// process is an orchestrator. It reads like ordinary Go; every Call is a durable
// step, which is never run again once its result is stored.
func process(ctx *durable.Context, in order) (string, error) {
	charge, err := durable.Call[string](ctx, "charge", in)
	if err != nil {
		return "", err
	}
	if err := ctx.Sleep(100 * time.Millisecond); err != nil { // or a month: it takes no memory and no thread
		return "", err
	}
	return durable.Call[string](ctx, "ship", charge)
}

func main() {
	stent := flag.String("stent", "http://127.0.0.1:8233", "where Stent serves")
	flag.Parse()

	worker := durable.NewWorker()
	defer worker.Close()
	durable.Orchestrator(worker, "order", process)
	durable.Activity(worker, "charge", func(_ context.Context, in order) (string, error) {
		return "ch_" + in.ID, nil
	}, durable.Retry(durable.RetryPolicy{MaxAttempts: 5}))
	durable.Activity(worker, "ship", func(_ context.Context, charge string) (string, error) {
		return "shipped against " + charge, nil
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: worker, ReadHeaderTimeout: 5 * time.Second}
	go func() { log.Print(server.Serve(listener)) }()

	ctx, client := context.Background(), durable.NewClient(*stent)
	if _, err := client.RegisterWorker(ctx, "http://"+listener.Addr().String(), ""); err != nil {
		log.Fatal(err)
	}
	execution, err := client.Dispatch(ctx, "order", order{ID: "ORD-001", Amount: 42}, durable.WaitUpTo(30*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	result, err := durable.Result[string](execution)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(execution.State, result)
}
