package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
)

// deployment is a worker's URL at which one version of the code follows another.
type deployment struct {
	t *testing.T

	mu      sync.Mutex
	current *durable.Worker
	turns   int // of "pay", that were delivered
	charges int
}

// deploy serves new code: an orchestrator that calls the activity of that name.
func (d *deployment) deploy(activity string) {
	w := durable.NewWorker()
	d.t.Cleanup(w.Close)
	durable.Orchestrator(w, "pay", func(ctx *durable.Context, _ int) (string, error) {
		receipt, err := durable.Call[string](ctx, activity, nil, durable.Key("charging"))
		if err != nil {
			return "", err
		}
		_, err = durable.WaitSignal[int](ctx, "go", durable.NoTimeout)
		return receipt, err
	})
	for _, name := range []string{"charge", "charge-card"} {
		durable.Activity(w, name, func(context.Context, any) (string, error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.charges++
			return "receipt", nil
		})
	}
	durable.Orchestrator(w, "nap", func(ctx *durable.Context, _ int) (int, error) { return 0, ctx.Sleep(3 * time.Second) })
	d.mu.Lock()
	defer d.mu.Unlock()
	d.current = w
}

func (d *deployment) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	if r.Header.Get("Stent-Function") == "pay" {
		d.turns++
	}
	worker := d.current
	d.mu.Unlock()
	worker.ServeHTTP(w, r)
}

// counts gives the turns and the charges so far.
func (d *deployment) counts() (turns, charges int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.turns, d.charges
}

// Code that contradicts the history blocks its execution with a message that tells
// what is wrong, is not delivered again and again, and once it is repaired the
// execution goes on where it was.
func TestNondeterministicOrchestratorIsBlockedUntilItIsRepaired(t *testing.T) {
	t.Parallel()
	for _, b := range backends {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b, patient)
			d := &deployment{t: t}
			url := handler(t, d.ServeHTTP)
			register := func() {
				c.must(http.StatusCreated, "POST", "/v1/workers", fmt.Sprintf(`{"url": %q}`, url))
			}
			d.deploy("charge")
			register()
			id := c.dispatch("pay", "1")
			c.step(id, "go#0", "waiting")

			d.deploy("charge-card")
			c.must(http.StatusAccepted, "POST", "/v1/executions/"+id+"/signals/go", "1")
			c.blocked(id)
			before, _ := d.counts()
			c.completed(c.dispatch("nap", "1")) // time passes
			if after, _ := d.counts(); after > before {
				t.Errorf("a blocked orchestrator was delivered %d times within seconds", after-before)
			}

			d.deploy("charge")
			register() // as a deployment does; by itself it would be tried in five minutes
			if got := c.completed(id); got != `"receipt"` {
				t.Fatalf("result %s", got)
			}
			if turns, charges := d.counts(); charges != 1 || turns > 5 {
				t.Fatalf("%d turns were delivered and %d charges made, want at most 5 and 1", turns, charges)
			}
		})
	}
}

// blocked waits until an execution is blocked by a mismatch, and checks what it tells.
func (c *cluster) blocked(id string) {
	c.t.Helper()
	var x struct {
		State string
		Error *struct {
			Type, Message string
			Details       json.RawMessage
		}
	}
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(time.Minute); x.State != "blocked"; <-ticker.C {
		if time.Now().After(deadline) {
			c.t.Fatalf("the execution is not blocked: %+v", x)
		}
		if err := json.Unmarshal(c.must(http.StatusOK, "GET", "/v1/executions/"+id, "").body, &x); err != nil {
			c.t.Fatal(err)
		}
	}
	const details = `{"came":{"name":"charge-card","op":"call"},"expected":{"name":"charge","op":"call"},"key":"charging"}`
	if x.Error == nil || x.Error.Type != "mismatch" || string(x.Error.Details) != details {
		c.t.Fatalf("the execution tells %+v", x.Error)
	}
	if want := `step "charging" was call "charge" when it was first commanded, and now came as call "charge-card"`; !strings.Contains(x.Error.Message, want) {
		c.t.Fatalf("the message is %q", x.Error.Message)
	}
}
