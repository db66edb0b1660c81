// Command bench measures the whole service: API, scheduler and worker in this
// process, activities and turns over real HTTP, on the database that
// STENT_TEST_DATABASE_URL names (default durability), or on a temporary SQLite
// file. It prints one table.
//
//	make bench
//	go run ./bench -database-url postgres://… -seconds 10
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/app"
)

func main() {
	app.TuneGC()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

var errDone = errors.New("done")

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	databaseURL := flags.String("database-url", os.Getenv("STENT_TEST_DATABASE_URL"), "the database to measure; none: a temporary SQLite file")
	seconds := flags.Int("seconds", 5, "how long each workload runs")
	inFlight := flags.Int("in-flight", 512, "workflows in flight at saturation")
	only := flags.String("only", "", "measure only the workloads whose name contains this")
	profile := flags.String("cpuprofile", "", "write a CPU profile of the measuring to this file")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *profile != "" {
		file, err := os.Create(*profile)
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	settings := app.DefaultSettings()
	settings.Addr, settings.DatabaseURL = "127.0.0.1:0", *databaseURL
	settings.Concurrency = 1024
	settings.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if settings.DatabaseURL == "" {
		dir, err := os.MkdirTemp("", "stent-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		settings.DatabaseURL = "sqlite:" + filepath.Join(dir, "bench.db")
	}

	worker := newWorker()
	defer worker.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: worker, ReadHeaderTimeout: 5 * time.Second}
	group, ctx := errgroup.WithContext(ctx)
	ready := make(chan string, 1)
	group.Go(func() error { return app.Dev(ctx, settings, func(url string) { ready <- url }) })
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error { <-ctx.Done(); return server.Close() })
	group.Go(func() error {
		select {
		case url := <-ready:
			if err := measureAll(ctx, url, "http://"+listener.Addr().String(), time.Duration(*seconds)*time.Second, *inFlight, *only); err != nil {
				return err
			}
			return errDone
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if err := group.Wait(); !errors.Is(err, errDone) {
		return err
	}
	return nil
}

func measureAll(ctx context.Context, url, worker string, duration time.Duration, inFlight int, only string) error {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 2 * inFlight
	defer transport.CloseIdleConnections()
	client := durable.NewClient(url, durable.HTTPClient(&http.Client{Transport: transport}))
	if _, err := client.RegisterWorker(ctx, worker, ""); err != nil {
		return err
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "workload\tin flight\tworkflows/s\tsteps/s\tp50 ms\tp99 ms\t")
	for _, w := range workloads(inFlight) {
		if !strings.Contains(w.name, only) {
			continue
		}
		if _, err := measure(ctx, client, w, duration/5); err != nil { // warm up
			return fmt.Errorf("%s: %w", w.name, err)
		}
		r, err := measure(ctx, client, w, duration)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		fmt.Fprintf(out, "%s\t%d\t%.0f\t%.0f\t%.1f\t%.1f\t\n", w.name, w.inFlight, r.perSecond, r.perSecond*float64(w.steps),
			ms(r.percentile(50)), ms(r.percentile(99)))
	}
	return out.Flush()
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
