package durabletest_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/durable/durabletest"
)

type Order struct {
	ID     string
	Amount int
}

// newShop is the worker as the program makes it.
func newShop() *durable.Worker {
	worker := newWorker()
	durable.Orchestrator(worker, "order", func(ctx *durable.Context, o Order) (string, error) {
		receipt, err := durable.Call[string](ctx, "charge", o)
		if err != nil {
			return "", err
		}
		if err := ctx.Sleep(48 * time.Hour); err != nil {
			return "", err
		}
		by, err := durable.WaitSignal[string](ctx, "approval", 24*time.Hour)
		if errors.Is(err, durable.ErrTimeout) {
			_, undo := durable.Call[string](ctx, "refund", receipt)
			return "nobody approved", undo
		}
		return receipt + ", approved by " + by, err
	})
	durable.Activity(worker, "charge", func(context.Context, Order) (string, error) {
		return "", errors.New("there is no bank in a unit test")
	}, durable.Retry(durable.RetryPolicy{MaxAttempts: 5, InitialDelay: time.Minute}))
	return worker
}

// t stands for the *testing.T of a test; an example has none.
var t exampleT

// An order is charged at the third attempt, waits for two days, and is approved.
func Example() {
	env := durabletest.New(t, newShop())
	env.Answer("charge", errors.New("down"), errors.New("down"), "receipt of ORD-1")

	order := env.Dispatch("order", Order{ID: "ORD-1", Amount: 42})
	env.Advance(3 * time.Minute) // two retries, after one minute and after two
	fmt.Println(len(order.Calls("charge")), "attempts")

	env.Advance(48 * time.Hour)
	order.Signal("approval", "Ada")
	result, err := durabletest.Result[string](order)
	fmt.Println(order.State(), result, err)
	// Output:
	// 3 attempts
	// completed receipt of ORD-1, approved by Ada <nil>
}

// What nobody approves is refunded. Wait moves the clock as far as it takes.
func ExampleExecution_Wait() {
	env := durabletest.New(t, newShop())
	env.Answer("charge", "receipt of ORD-1")
	durabletest.Stub(env, "refund", func(_ context.Context, receipt string) (string, error) {
		return "refunded " + receipt, nil
	})

	order := env.Dispatch("order", Order{ID: "ORD-1"})
	began := env.Now()
	result, err := durable.Result[string](order.Wait())
	fmt.Println(result, err, "after", env.Now().Sub(began))
	fmt.Println(durabletest.Inputs[string](order.Calls("refund")))
	// Output:
	// nobody approved <nil> after 72h0m0s
	// [receipt of ORD-1]
}

// Two carriers are asked; the slower one loses.
func ExampleAfter() {
	worker := newWorker()
	durable.Orchestrator(worker, "ship", func(ctx *durable.Context, _ string) (string, error) {
		ups, dhl := durable.Start[string](ctx, "ups", nil), durable.Start[string](ctx, "dhl", nil)
		if durable.Any(ctx, ups, dhl) == 0 {
			dhl.Cancel()
			return ups.Get()
		}
		ups.Cancel()
		return dhl.Get()
	})
	env := durabletest.New(t, worker)
	env.Answer("ups", durabletest.After(2*time.Second, "UPS"))
	env.Answer("dhl", durabletest.After(time.Second, "DHL"))

	fmt.Println(durable.Result[string](env.Dispatch("ship", "").Wait()))
	// Output: DHL <nil>
}

// An activity hands its work over and returns; the test reports for it.
func ExampleCall_Complete() {
	worker := newWorker()
	durable.Orchestrator(worker, "film", func(ctx *durable.Context, name string) (string, error) {
		return durable.Call[string](ctx, "render", name, durable.Timeout(24*time.Hour))
	})
	env := durabletest.New(t, worker)
	durabletest.Stub(env, "render", func(ctx context.Context, _ string) (string, error) {
		_ = durable.TaskToken(ctx) // in the program it goes to whoever does the work
		return "", durable.Async
	})

	film := env.Dispatch("film", "a.mov")
	env.Advance(5 * time.Hour)
	film.Calls("render")[0].Complete("a.mp4")
	fmt.Println(durabletest.Result[string](film))
	// Output: a.mp4 <nil>
}

// A deployment repairs an orchestrator that does not fit its history.
func ExampleEnv_Deploy() {
	deploy := func(first string) *durable.Worker {
		worker := newWorker(durable.CacheSize(0)) // each turn is replayed from the start
		durable.Orchestrator(worker, "trip", func(ctx *durable.Context, _ string) (string, error) {
			if _, err := durable.Call[string](ctx, first, nil, durable.Key("book")); err != nil {
				return "", err
			}
			return "booked", ctx.Sleep(time.Hour)
		})
		return worker
	}
	env := durabletest.New(t, deploy("hotel"))
	env.Answer("hotel", "room 7")
	env.Answer("flight", "seat 12")
	trip := env.Dispatch("trip", nil)

	env.Deploy(deploy("flight")) // books something else under the same key
	env.Advance(time.Hour)
	fmt.Println(trip.State())
	fmt.Println(trip.Get().Error.Message)

	env.Deploy(deploy("hotel"))
	fmt.Println(trip.State())
	// Output:
	// blocked
	// step "book" was call "hotel" when it was first commanded, and now came as call "flight": the orchestrator's code is not deterministic or was changed; deploy code that commands the same steps in the same order
	// completed
}

// exampleT does for an example what a *testing.T does for a test.
type exampleT struct{}

func (exampleT) Helper()                           {}
func (exampleT) Cleanup(func())                    {}
func (exampleT) Logf(string, ...any)               {}
func (exampleT) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
