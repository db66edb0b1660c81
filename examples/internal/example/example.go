// Package example is what the examples have in common: it serves their workers,
// registers them with Stent, and gives them something to do.
package example

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/stent-dev/stent/durable"
)

// Work is what an example does with its worker; it tells out what came of it.
type Work func(ctx context.Context, client *durable.Client, out io.Writer) error

// Main runs an example against the Stent that the flag -stent names: it serves the
// worker, and ends the program when work has returned.
func Main(worker *durable.Worker, work Work) {
	stent := Stent()
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := Run(ctx, *stent, worker, os.Stdout, work)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// Stent is the flag that says where Stent serves.
func Stent() *string { return flag.String("stent", "http://127.0.0.1:8233", "where Stent serves") }

// Run serves a worker on a free port, registers it, and runs work.
func Run(ctx context.Context, stent string, worker *durable.Worker, out io.Writer, work Work) (err error) {
	defer worker.Close()
	url, shut, err := Serve("127.0.0.1:0", worker)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, shut()) }()
	client := durable.NewClient(stent)
	if _, err := client.RegisterWorker(ctx, url, ""); err != nil {
		return fmt.Errorf("registering the worker: %w (is Stent running? go run ./cmd/stent dev)", err)
	}
	return work(ctx, client, out)
}

// Serve serves a handler until shut is called, and gives its URL.
func Serve(addr string, handler http.Handler) (url string, shut func() error, err error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	return "http://" + listener.Addr().String(), func() error {
		err := server.Close()
		if end := <-served; !errors.Is(end, http.ErrServerClosed) {
			err = errors.Join(err, end)
		}
		return err
	}, nil
}
