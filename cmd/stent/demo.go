package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/app"
)

// demoTime bounds the whole demo; it takes a few seconds.
const demoTime = 2 * time.Minute

func demoCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Run an example workflow on embedded SQLite, over real HTTP",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return demo(cmd.Context(), cmd.OutOrStdout()) },
	}
}

var errDemoDone = errors.New("the demo is done")

// demo starts Stent and a worker, dispatches an order and shows what happens.
func demo(ctx context.Context, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, demoTime)
	defer cancel()
	dir, err := os.MkdirTemp("", "stent-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	settings := app.DefaultSettings()
	settings.Addr = "127.0.0.1:0"
	settings.DatabaseURL = "sqlite:" + filepath.Join(dir, "demo.db")
	settings.Log = slog.New(slog.DiscardHandler)

	worker := demoWorker()
	defer worker.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: worker, ReadHeaderTimeout: 5 * time.Second}

	group, running := errgroup.WithContext(ctx)
	ready := make(chan string, 1)
	group.Go(func() error { return app.Dev(running, settings, func(url string) { ready <- url }) })
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-running.Done()
		return server.Close()
	})
	group.Go(func() error {
		select {
		case url := <-ready:
			if err := order1(running, out, url, "http://"+listener.Addr().String()); err != nil {
				return err
			}
			return errDemoDone // ends the other two
		case <-running.Done():
			return running.Err()
		}
	})
	if err := group.Wait(); !errors.Is(err, errDemoDone) {
		return err
	}
	return nil
}

// order1 registers the worker, dispatches one order, approves it, and prints how it goes.
func order1(ctx context.Context, out io.Writer, url, worker string) error {
	fmt.Fprintf(out, "Stent serves %s on embedded SQLite, the example worker %s\n", url, worker)
	client := durable.NewClient(url)
	if _, err := client.RegisterWorker(ctx, worker, ""); err != nil {
		return err
	}
	execution, err := client.Dispatch(ctx, "order", order{ID: "ORD-001", Items: []string{"lamp", "desk", "chair"}})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "dispatched order as execution %s\n", execution.ID)
	shown := progress{out: out, began: time.Now(), seen: map[string]string{}}
	for !execution.State.Terminal() {
		if shown.show(execution)["approval#0"] == "waiting" {
			fmt.Fprintln(out, "         … sending the signal that approves it")
			if _, err := client.Signal(ctx, execution.ID, "approval", approval{By: "Ada"}); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
		if execution, err = client.Get(ctx, execution.ID); err != nil {
			return err
		}
	}
	shown.show(execution)
	if _, err := durable.Result[receipt](execution); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s after %d retried attempt(s): %s\n", execution.State, execution.Retries, execution.Result)
	return nil
}

// progress prints each change of a step once.
type progress struct {
	out   io.Writer
	began time.Time
	seen  map[string]string
}

// show prints what changed and gives the steps whose status is new.
func (p *progress) show(e *durable.Execution) map[string]string {
	changed := map[string]string{}
	for _, step := range e.Progress {
		if p.seen[step.Step] == step.Status {
			continue
		}
		p.seen[step.Step], changed[step.Step] = step.Status, step.Status
		fmt.Fprintf(p.out, "%7.2fs  %-12s %s\n", time.Since(p.began).Seconds(), step.Step, step.Status)
	}
	return changed
}
