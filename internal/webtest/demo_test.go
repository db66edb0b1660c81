//go:build unix

package webtest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/app"
	"github.com/stent-dev/stent/internal/apptest"
)

// nasty is what a page must show as the text that it is.
const nasty = `<img src=x onerror="window.broken=1"><script>window.broken=1</script>`

// demo is a Stent with a worker, on which a shop's workflows run.
type demo struct {
	t      *testing.T
	url    string
	client *durable.Client
	broken atomic.Bool // whether refunds fail
	gate   chan struct{}
	let    func() // opens the gate, at which gated executions wait
}

type order struct {
	ID    string   `json:"order_id"`
	Items []string `json:"items"`
	Note  string   `json:"note,omitempty"`
}

// start runs Stent and registers the demo's worker.
func start(t *testing.T, change ...func(*app.Settings)) *demo {
	t.Helper()
	var settings app.Settings
	d := &demo{t: t, gate: make(chan struct{})}
	d.let = sync.OnceFunc(func() { close(d.gate) })
	d.broken.Store(true)
	d.url = apptest.Dev(t, append(change, func(s *app.Settings) { settings = *s })...)
	var options []durable.ClientOption
	if len(settings.APIKeys) > 0 {
		options = append(options, durable.APIKey(settings.APIKeys[0]))
	}
	d.client = durable.NewClient(d.url, options...)
	worker := d.worker()
	server := httptest.NewServer(worker)
	t.Cleanup(func() { d.let(); server.Close(); worker.Close() })
	if _, err := d.client.RegisterWorker(t.Context(), server.URL, ""); err != nil {
		t.Fatal(err)
	}
	return d
}

// take is an activity that takes so long.
func take[In any](d time.Duration, result string) func(context.Context, In) (string, error) {
	return func(ctx context.Context, _ In) (string, error) {
		select {
		case <-time.After(d):
			return result, nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

func (d *demo) worker() *durable.Worker {
	w := durable.NewWorker(durable.Logger(slog.New(slog.DiscardHandler)))
	durable.Orchestrator(w, "fulfil-order", fulfil, durable.FunctionVersion("2026-03"), durable.Tags("shop"))
	durable.Orchestrator(w, "ship-parcel", func(ctx *durable.Context, parcel string) (string, error) {
		if _, err := durable.Call[string](ctx, "print-label", parcel); err != nil {
			return "", err
		}
		return durable.Call[string](ctx, "hand-over", parcel)
	})
	durable.Orchestrator(w, "refund", func(ctx *durable.Context, o order) (string, error) { return durable.Call[string](ctx, "pay-back", o) })
	durable.Orchestrator(w, "gated", func(ctx *durable.Context, o order) (string, error) { return durable.Call[string](ctx, "hold", o) })
	durable.Orchestrator(w, "book-trip", bookTrip)
	durable.Orchestrator(w, "nightly", nightly)
	durable.Orchestrator(w, "wide", wide)
	durable.Activity(w, "charge-card", func(ctx context.Context, o order) (map[string]any, error) {
		if _, err := take[order](160*time.Millisecond, "")(ctx, o); err != nil {
			return nil, err
		}
		if durable.Info(ctx).Attempt < 3 {
			return nil, durable.Errorf("gateway_timeout", "the payment gateway did not answer in time")
		}
		return map[string]any{"charge": "ch_" + o.ID, "amount": 126.50, "currency": "EUR"}, nil
	}, durable.Retry(durable.RetryPolicy{MaxAttempts: 5, InitialDelay: 250 * time.Millisecond}), durable.Queue("payments"), durable.RateLimit(100, time.Second))
	durable.Activity(w, "reserve-stock", take[order](180*time.Millisecond, "reserved"), durable.Idempotent("/order_id"))
	durable.Activity(w, "pack-item", take[string](260*time.Millisecond, "packed"), durable.MaxConcurrent(2), durable.Queue("warehouse"))
	durable.Activity(w, "print-label", take[string](120*time.Millisecond, "LBL-88213"), durable.Queue("warehouse"))
	durable.Activity(w, "hand-over", take[string](210*time.Millisecond, "TRACK-1003"), durable.Queue("warehouse"))
	durable.Activity(w, "send-receipt", take[string](40*time.Millisecond, "sent"), durable.Queue("mail"), durable.Timeout(5*time.Second), durable.CacheTTL(time.Hour))
	durable.Activity(w, "pay-back", d.payBack, durable.Queue("payments"), durable.Retry(durable.RetryPolicy{MaxAttempts: 2, InitialDelay: 20 * time.Millisecond}))
	durable.Activity(w, "flaky", func(context.Context, int) (int, error) { return 0, durable.Errorf("busy", "come back later") },
		durable.Retry(durable.RetryPolicy{MaxAttempts: 3, InitialDelay: time.Hour, MaxDelay: time.Hour}))
	durable.Activity(w, "book-seat", take[string](time.Millisecond, "14C"))
	durable.Activity(w, "release-seat", take[string](time.Millisecond, "released"))
	durable.Activity(w, "hold", func(ctx context.Context, _ order) (string, error) {
		select {
		case <-d.gate:
			return "let go", nil
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}, durable.Timeout(5*time.Minute))
	return w
}

// fulfil has all that a timeline can show.
func fulfil(ctx *durable.Context, o order) (string, error) {
	ctx.SetState("phase", "charging")
	charge := durable.Start[map[string]any](ctx, "charge-card", o)
	stock := durable.Start[string](ctx, "reserve-stock", o)
	if _, err := charge.Get(); err != nil {
		return "", err
	}
	if _, err := stock.Get(); err != nil {
		return "", err
	}
	ctx.SetState("phase", "packing")
	if _, err := durable.Map[string](ctx, "pack-item", o.Items); err != nil {
		return "", err
	}
	ctx.Count("packed", int64(len(o.Items)))
	if err := ctx.Sleep(600 * time.Millisecond); err != nil {
		return "", err
	}
	ctx.SetState("phase", "waiting for approval")
	if _, err := durable.WaitSignal[map[string]any](ctx, "approval", time.Hour); err != nil {
		return "", err
	}
	ctx.SetState("phase", "shipping")
	track, err := durable.Call[string](ctx, "ship-parcel", "parcel of "+o.ID)
	if err != nil {
		return "", err
	}
	_, err = durable.Call[string](ctx, "send-receipt", o.ID)
	return track, err
}

func (d *demo) payBack(_ context.Context, o order) (string, error) {
	if d.broken.Load() {
		return "", durable.Errorf("account_closed", "the customer's account %s is closed", o.ID)
	}
	return "paid back", nil
}

// nightly waits for what lies in the future, in each way.
func nightly(ctx *durable.Context, n int) (int, error) {
	failing := durable.Start[int](ctx, "flaky", n)
	signal := durable.NextSignal[any](ctx, "go", 30*time.Minute)
	if err := ctx.Sleep(3 * time.Hour); err != nil {
		return 0, err
	}
	if _, err := signal.Get(); err != nil {
		return 0, err
	}
	return failing.Get()
}

// bookTrip waits for payment, and gives the seat back when it is cancelled.
func bookTrip(ctx *durable.Context, traveller string) (string, error) {
	seat, err := durable.Call[string](ctx, "book-seat", traveller)
	if err != nil {
		return "", err
	}
	if _, err = durable.WaitSignal[any](ctx, "payment", time.Hour); ctx.CancelRequested() {
		return durable.Call[string](ctx, "release-seat", seat)
	}
	return seat, err
}

// wide makes many steps without a delivery of each, waits, and makes one more.
func wide(ctx *durable.Context, n int) (int, error) {
	for i := range n {
		if _, err := durable.Local(ctx, "note", func() (int, error) { return i, nil }); err != nil {
			return 0, err
		}
		if i%950 == 949 {
			if err := ctx.Sleep(time.Millisecond); err != nil { // a turn has 1,000 commands at most
				return 0, err
			}
		}
	}
	if _, err := durable.WaitSignal[any](ctx, "go-on", time.Hour); err != nil {
		return 0, err
	}
	return durable.Local(ctx, "last-note", func() (int, error) { return n, nil })
}

func (d *demo) dispatch(function string, in any, options ...durable.SubmitOption) (id string) {
	d.t.Helper()
	e, err := d.client.Dispatch(d.t.Context(), function, in, options...)
	if err != nil {
		d.t.Fatal(err)
	}
	return e.ID
}

func (d *demo) signal(id, name string, payload any) {
	d.t.Helper()
	if _, err := d.client.Signal(d.t.Context(), id, name, payload); err != nil {
		d.t.Fatal(err)
	}
}

// await waits until an execution is in a state.
func (d *demo) await(id string, state durable.State) *durable.Execution {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	for {
		e, err := d.client.Get(ctx, id)
		if errors.Is(err, context.DeadlineExceeded) {
			d.t.Fatalf("execution %s did not become %s", id, state)
		}
		if err != nil {
			d.t.Fatal(err)
		}
		if e.State == state {
			return e
		}
		<-time.After(20 * time.Millisecond)
	}
}

func newOrder(n int) order {
	return order{ID: fmt.Sprintf("ORD-%04d", n), Items: []string{"lamp", "desk", "chair", "shelf"}}
}

// task gives the id of a task of an execution that is about name, the newest; "" if there is none.
func (d *demo) task(id, name string) string {
	d.t.Helper()
	if tasks := d.tasks(id, name); len(tasks) > 0 {
		return tasks[0].ID
	}
	return ""
}

// tasks gives those of an execution that are about name, the newest first.
func (d *demo) tasks(id, name string) []durable.TaskInfo {
	d.t.Helper()
	filter := durable.TaskFilter{Kinds: []string{"activity", "signal"}}
	tasks, err := d.client.ExecutionTasks(d.t.Context(), id, filter, durable.Part{})
	if err != nil {
		d.t.Fatal(err)
	}
	return slices.DeleteFunc(tasks.Items, func(t durable.TaskInfo) bool { return t.Name != name })
}

// until waits until something is so.
func (d *demo) until(what string, is func() bool) {
	d.t.Helper()
	for end := time.Now().Add(patience); !is(); <-time.After(20 * time.Millisecond) {
		if time.Now().After(end) {
			d.t.Fatalf("waited in vain until %s", what)
		}
	}
}
