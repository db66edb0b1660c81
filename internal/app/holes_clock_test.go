package app_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/testenv"
)

// skewed gives a database whose clock is ahead of the processes' by so much: its
// sessions find functions of ours before those of pg_catalog.
func skewed(t *testing.T, ahead time.Duration) (databaseURL string) {
	t.Helper()
	plain := testenv.Postgres(t)
	conn, err := pgx.Connect(t.Context(), plain)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	statements := []string{"CREATE SCHEMA clock"}
	for f, volatility := range map[string]string{
		"now": "STABLE", "statement_timestamp": "STABLE", "transaction_timestamp": "STABLE", "clock_timestamp": "VOLATILE",
	} {
		statements = append(statements, fmt.Sprintf("CREATE FUNCTION clock.%[1]s() RETURNS timestamptz LANGUAGE sql %[2]s AS "+
			"$$ SELECT pg_catalog.%[1]s() + interval '%[3]d s' $$", f, volatility, int(ahead.Seconds())))
	}
	for _, sql := range statements {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	u, err := url.Parse(plain)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("search_path", "public,clock,pg_catalog")
	query.Set("timezone", "Asia/Kathmandu")
	u.RawQuery = query.Encode()
	return u.String()
}

// zoned runs one API and two schedulers on a database, each in a time zone of its own.
func zoned(t *testing.T, databaseURL string) *cluster {
	t.Helper()
	addr := testenv.FreeAddr(t)
	c := &cluster{t: t, url: "http://" + addr}
	c.apis = []string{c.url}
	settings := []string{"STENT_LEASE_DURATION=3s", "STENT_LOG_LEVEL=warn", "STENT_DATABASE_URL=" + databaseURL}
	c.env = append(slices.Clone(settings), "TZ=Pacific/Kiritimati")
	testenv.Start(t, "api", testenv.Build(t, "./cmd/api"), nil, append(c.env, "STENT_ADDR="+addr)).WaitReady(c.url + "/readyz")
	for _, zone := range []string{"America/Los_Angeles", "Asia/Tokyo"} {
		c.env = append(slices.Clone(settings), "TZ="+zone)
		c.scheduler()
	}
	return c
}

// Leases, sleeps, delays, retries and deadlines go by the database's clock alone:
// however far that of a process is off, and in whatever zone it runs, nothing comes
// too early or too late, and no lease is lost.
func TestClockAndZoneOfAProcessDoNotMatter(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{-37 * time.Minute, 5 * time.Hour} {
		t.Run(ahead.String(), func(t *testing.T) {
			t.Parallel()
			c := zoned(t, skewed(t, ahead))
			client, ran := durable.NewClient(c.url), &deliveries{count: map[string]int{}}
			worker := quietWorker()
			durable.Activity(worker, "flaky", func(ctx context.Context, n int) (int, error) {
				if durable.Info(ctx).Attempt == 1 {
					return 0, fmt.Errorf("not yet")
				}
				return n, nil
			})
			durable.Activity(worker, "long", func(ctx context.Context, n int) (int, error) {
				ran.note(ctx)
				<-time.After(7 * time.Second) // longer than two leases
				return n, nil
			}, durable.Timeout(time.Minute))
			durable.Orchestrator(worker, "day", func(ctx *durable.Context, _ int) ([]time.Time, error) {
				seen := []time.Time{ctx.Now()}
				long := durable.Start[int](ctx, "long", 1)
				for range 4 {
					if err := ctx.Sleep(time.Second); err != nil {
						return nil, err
					}
					seen = append(seen, ctx.Now())
				}
				_, err := durable.Call[int](ctx, "flaky", 1)
				if err == nil {
					_, err = long.Get()
				}
				return append(seen, ctx.Now()), err
			})
			c.serve(worker)

			database := func() time.Time { return time.Now().Add(ahead) }
			begun := database()
			a := c.must(http.StatusCreated, "POST", "/v1/executions", fmt.Sprintf(
				`{"function": "day", "input": 1, "start_at": %q, "max_duration": "1m"}`, begun.Add(2*time.Second).UTC().Format(time.RFC3339Nano)))
			created, _ := a.field(t, "created_at").(string)
			if at, err := time.Parse(time.RFC3339Nano, created); err != nil || at.Sub(begun).Abs() > 30*time.Second || !strings.HasSuffix(created, "Z") {
				t.Errorf("created at %s (%v), by the database's clock it was %s", created, err, begun)
			}
			id, _ := a.field(t, "id").(string)
			x, err := client.Wait(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			times, err := durable.Result[[]time.Time](x)
			if err != nil {
				t.Fatalf("%s: %v", x.State, err)
			}
			if early := times[0].Sub(begun); early < 2*time.Second-clockError || early > time.Minute {
				t.Errorf("it started %s after it was asked to start in 2s", early)
			}
			for i := 1; i < 5; i++ {
				if slept := times[i].Sub(times[i-1]); slept < time.Second-clockError || slept > 20*time.Second {
					t.Errorf("sleep %d of 1s took %s by the orchestrator's clock: %s", i, slept, times)
				}
			}
			if ran.total() != 1 || slices.Max(counts(ran)) != 1 {
				t.Errorf("the long activity was delivered %v times: its lease was lost", counts(ran))
			}

			schedulers, err := client.Schedulers(t.Context(), durable.Part{})
			if err != nil || len(schedulers.Items) != 2 || schedulers.Items[0].State != "ready" || schedulers.Items[1].State != "ready" {
				t.Errorf("the schedulers are shown as %+v, %v", schedulers, err)
			}

			late := c.must(http.StatusCreated, "POST", "/v1/executions?wait=30s", `{"function": "long", "input": 1, "max_duration": "1s"}`)
			if late.field(t, "state") != "timed_out" {
				t.Errorf("after its max_duration it is %s", late.body)
			}
		})
	}
}

// clockError is how far what two schedulers take for the database's time may be apart.
const clockError = 250 * time.Millisecond

func counts(d *deliveries) (n []int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, times := range d.count {
		n = append(n, times)
	}
	return n
}
