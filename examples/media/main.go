// Command media brings films online: download, probe, transcode in several sizes at
// the same time, thumbnail, publish. Its worker is a process of its own that is
// killed again and again, in the middle of its work; each film is published all the
// same, and nothing is stored twice.
//
//	go run ./examples/media -stent http://127.0.0.1:8233
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/examples/internal/example"
)

func main() {
	stent := example.Stent()
	addr := flag.String("worker", "", "be the worker, and listen here")
	storage := flag.String("storage", "", "of the worker: where it stores what it makes")
	flag.Parse()
	if *addr != "" {
		log.Fatal(http.ListenAndServe(*addr, newWorker(*storage))) //nolint:gosec // an example on loopback
	}
	self, err := os.Executable()
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	out, err := run(ctx, *stent, self)
	stop()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(out)
}

const (
	films = 5
	kills = 8
)

// report says what happened.
type report struct{ published, kills, requests, effects int }

func (r report) String() string {
	return fmt.Sprintf("%d films published; the worker was killed %d times; %d requests to the storage had %d effects",
		r.published, r.kills, r.requests, r.effects)
}

// run brings films online with a worker, the program at path, that keeps crashing.
func run(ctx context.Context, stent, path string) (out report, err error) {
	storage := newStorage()
	url, shut, err := example.Serve("127.0.0.1:0", storage)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, shut()) }()
	worker, err := supervise(path, url, kills)
	if err != nil {
		return out, err
	}
	defer worker.stop()
	storage.before, storage.after = worker.crash, worker.crash

	client := durable.NewClient(stent)
	if err := worker.register(ctx, client); err != nil {
		return out, err
	}
	if out.published, err = publishAll(ctx, client); err != nil {
		return out, err
	}
	out.kills = worker.killed()
	out.requests, out.effects = storage.counts()
	return out, nil
}

// publishAll dispatches all films and waits for them.
func publishAll(ctx context.Context, client *durable.Client) (published int, err error) {
	ids := make([]string, films)
	for i := range ids {
		x, err := client.Dispatch(ctx, "film", fmt.Sprintf("film-%d", i+1))
		if err != nil {
			return 0, err
		}
		ids[i] = x.ID
	}
	for _, id := range ids {
		x, err := client.Wait(ctx, id)
		if err != nil {
			return published, err
		}
		if _, err := durable.Result[string](x); err != nil {
			return published, err
		}
		published++
	}
	return published, nil
}

// work is what takes time in an activity.
func work(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
