// Command lists measures what people ask for against a database that bench/seed has
// filled: lists with their filters, deep pages, one execution, statistics, all over
// REST of an API service in this process. It prints a table, and fails when the 99th
// percentile of anything is beyond -limit.
//
//	go run ./bench/seed -database-url postgres://… && go run ./bench/lists -database-url postgres://…
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stent-dev/stent/internal/app"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "lists:", err)
		os.Exit(1)
	}
}

var errDone = errors.New("done")

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("lists", flag.ContinueOnError)
	databaseURL := flags.String("database-url", os.Getenv("STENT_TEST_DATABASE_URL"), "the database that was filled")
	repeat := flags.Int("repeat", 100, "how often each request is made")
	limit := flags.Duration("limit", 0, "the most that the 99th percentile may be; 0: whatever it is")
	only := flags.String("only", "", "make only the requests whose path contains this")
	if err := flags.Parse(args); err != nil {
		return err
	}
	settings := app.DefaultSettings()
	settings.Addr, settings.DatabaseURL = "127.0.0.1:0", *databaseURL
	settings.Queues = []string{"of nobody"} // what was seeded is not to be delivered
	settings.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	group, ctx := errgroup.WithContext(ctx)
	ready := make(chan string, 1)
	group.Go(func() error { return app.Dev(ctx, settings, func(url string) { ready <- url }) })
	group.Go(func() error {
		select {
		case url := <-ready:
			if err := measureAll(ctx, url, *repeat, *limit, *only); err != nil {
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

// requests are what is measured. {wide} is the execution of bench/seed with 10,000
// steps, {one} a failed one.
var requests = []string{
	"/v1/executions",
	"/v1/executions?limit=500",
	"/v1/executions?state=completed",
	"/v1/executions?state=running",
	"/v1/executions?state=failed",
	"/v1/executions?state=failed&state=timed_out&state=cancelled",
	"/v1/executions?state=blocked&state=pending&state=running",
	"/v1/executions?state=timed_out",
	"/v1/executions?function=workflow-3",
	"/v1/executions?function=rare",
	"/v1/executions?function=rare&state=failed",
	"/v1/executions?function=workflow-3&function=workflow-4&state=failed",
	"/v1/executions?queue=eu",
	"/v1/executions?queue=slow",
	"/v1/executions?queue=slow&state=completed",
	"/v1/executions?tag=nightly",
	"/v1/executions?tag=vip",
	"/v1/executions?tag=vip&state=failed",
	"/v1/executions?tag=nobody's",
	"/v1/executions?created_after={ago:1}",
	"/v1/executions?created_before={ago:20}",
	"/v1/executions?created_after={ago:20}&created_before={ago:19}&state=failed",
	"/v1/executions?created_before={ago:40}",
	"/v1/executions/{one}",
	"/v1/executions/{one}/tasks",
	"/v1/executions/{one}/signals",
	"/v1/executions/{one}/why",
	"/v1/executions/{wide}",
	"/v1/executions/{wide}/tasks",
	"/v1/executions/{wide}/tasks?state=failed",
	"/v1/tasks",
	"/v1/tasks?state=failed",
	"/v1/tasks?state=completed",
	"/v1/tasks?state=running",
	"/v1/tasks?state=pending&state=waiting",
	"/v1/tasks?state=pending&state=failed",
	"/v1/tasks?function=step-3",
	"/v1/tasks?function=rare",
	"/v1/tasks?function=rare&state=failed",
	"/v1/tasks?function=step-9&state=failed",
	"/v1/tasks?queue=eu",
	"/v1/tasks?queue=slow",
	"/v1/tasks?kind=timer",
	"/v1/tasks?kind=map",
	"/v1/tasks?kind=timer&state=waiting",
	"/v1/dead-letters",
	"/v1/dead-letters?function=step-9",
	"/v1/dead-letters?function=rare&kind=orchestrator",
	"/v1/dead-letters?queue=slow",
	"/v1/dead-letters?failed_before={ago:20}",
	"/v1/queues",
	"/v1/stats",
}

// deepPage is which page of a list is measured beside its first.
const deepPage = 20

func measureAll(ctx context.Context, url string, repeat int, limit time.Duration, only string) error {
	c := &client{url: url}
	var err error
	if c.one, err = c.firstOf(ctx, "/v1/executions?state=failed&limit=1"); err != nil {
		return err
	}
	if c.wide, err = c.firstOf(ctx, "/v1/executions?function=wide&limit=1"); err != nil {
		return err
	}
	fmt.Printf("%9s %9s %9s %9s  %s\n", "p50 ms", "p99 ms", "max ms", "bytes", "request")
	var slow []string
	for _, request := range requests {
		if !strings.Contains(request, only) {
			continue
		}
		path := c.path(request)
		deep, err := c.deep(ctx, path)
		if err != nil {
			return err
		}
		for _, path := range []string{path, deep} {
			if path == "" {
				continue
			}
			name := request
			if path == deep {
				name += ", page 20"
			}
			times, size, err := c.measure(ctx, path, repeat)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			p99 := times[len(times)*99/100]
			fmt.Printf("%9.1f %9.1f %9.1f %9d  %s\n", ms(times[len(times)/2]), ms(p99), ms(times[len(times)-1]), size, name)
			if limit > 0 && p99 > limit {
				slow = append(slow, name)
			}
		}
	}
	if len(slow) > 0 {
		return fmt.Errorf("beyond %s: %s", limit, strings.Join(slow, ", "))
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// client asks the service.
type client struct{ url, one, wide string }

func (c *client) path(request string) string {
	path := strings.NewReplacer("{one}", c.one, "{wide}", c.wide, "'", "%27").Replace(request)
	for days := range 41 {
		at := time.Now().UTC().Add(-time.Duration(days) * 24 * time.Hour).Format(time.RFC3339)
		path = strings.ReplaceAll(path, fmt.Sprintf("{ago:%d}", days), at)
	}
	return path
}

func (c *client) get(ctx context.Context, path string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, body)
	}
	return body, err
}

// list is the part of a list's page that is needed to go on.
type list struct {
	Items []struct {
		ID string `json:"id"`
	} `json:"items"`
	Next *string `json:"next_cursor"`
}

func (c *client) list(ctx context.Context, path string) (l list, err error) {
	body, err := c.get(ctx, path)
	if err != nil {
		return l, err
	}
	return l, json.Unmarshal(body, &l)
}

func (c *client) firstOf(ctx context.Context, path string) (string, error) {
	l, err := c.list(ctx, path)
	if err == nil && len(l.Items) == 0 {
		err = fmt.Errorf("%s has nothing: fill the database with bench/seed", path)
	}
	if err != nil {
		return "", err
	}
	return l.Items[0].ID, nil
}

// deep gives the path of a deep page of a list, "" for none.
func (c *client) deep(ctx context.Context, path string) (string, error) {
	and := "?"
	if strings.Contains(path, "?") {
		and = "&"
	}
	at := path
	for range deepPage - 1 {
		l, err := c.list(ctx, at)
		if err != nil {
			return "", fmt.Errorf("%s: %w", at, err)
		}
		if l.Next == nil {
			return "", nil
		}
		at = path + and + "cursor=" + *l.Next
	}
	return at, nil
}

func (c *client) measure(ctx context.Context, path string, repeat int) (times []time.Duration, size int, err error) {
	for range repeat {
		began := time.Now()
		body, err := c.get(ctx, path)
		if err != nil {
			return nil, 0, err
		}
		times, size = append(times, time.Since(began)), len(body)
	}
	slices.Sort(times)
	return times, size, nil
}
