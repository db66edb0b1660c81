package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
)

// order is the input of the handlers of these tests. Only Key makes the key.
type order struct {
	Key  float64 `json:"key"` // so that 1.0 can be read too
	Note string  `json:"note"`
}

func (o order) key() int { return int(o.Key) }

// tally is a worker's own ledger: how often its handlers began and completed, by key.
type tally struct {
	mu               sync.Mutex
	began, completed map[int]int
}

func (l *tally) begin(key int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.began[key]++
	return l.began[key]
}

func (l *tally) complete(key int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.completed[key]++
	return l.completed[key]
}

func (l *tally) counts(key int) (began, completed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.began[key], l.completed[key]
}

// falsey are the results that are easily taken for none.
var falsey = []any{0, "", nil, false, []any{}}

func falseyText(t *testing.T, key int) string {
	t.Helper()
	b, err := json.Marshal(falsey[key%len(falsey)])
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// sharers serves idempotent and cached functions, and orchestrators that call them,
// from this process.
func sharers(t *testing.T, c *cluster) *tally {
	t.Helper()
	l := &tally{began: map[int]int{}, completed: map[int]int{}}
	w := durable.NewWorker()
	durable.Activity(w, "once", func(_ context.Context, o order) (any, error) {
		l.begin(o.key())
		l.complete(o.key())
		return falsey[o.key()%len(falsey)], nil
	}, durable.Idempotent("/key"))
	durable.Activity(w, "second", func(_ context.Context, o order) (any, error) {
		if l.begin(o.key()) == 1 {
			return nil, durable.Terminal(durable.Errorf("first", "the first run of each key fails for good"))
		}
		l.complete(o.key())
		return falsey[o.key()%len(falsey)], nil
	}, durable.Idempotent("/key"))
	durable.Activity(w, "count", func(_ context.Context, o order) (int, error) { return l.complete(o.key()), nil },
		durable.CacheTTL(2*time.Second))
	durable.Activity(w, "plain", func(_ context.Context, o order) (int, error) { return l.complete(o.key()), nil })
	for _, name := range []string{"once", "second", "count"} {
		durable.Orchestrator(w, "call-"+name, func(ctx *durable.Context, o order) (any, error) {
			return durable.Call[any](ctx, name, o)
		})
	}
	durable.Orchestrator(w, "map-once", func(ctx *durable.Context, o order) (any, error) {
		values, err := durable.Map[any](ctx, "once", []order{o, o, o}, durable.MaxInFlight(2))
		if err != nil || len(values) != 3 {
			return nil, fmt.Errorf("%d values, %w", len(values), err)
		}
		return values[o.key()%3], nil
	})
	durable.Orchestrator(w, "keyed", func(ctx *durable.Context, o order) (any, error) {
		return durable.Call[any](ctx, "plain", o, durable.IdempotencyKey(o.Note))
	})
	server := httptest.NewServer(w)
	t.Cleanup(func() { server.Close(); w.Close() })
	c.must(http.StatusCreated, "POST", "/v1/workers", fmt.Sprintf(`{"url": %q}`, server.URL))
	return l
}

// outcome is how one caller fared.
type outcome struct{ state, result string }

// race lets callers ask for one key at the same time, through different API services.
func (c *cluster) race(functions []string, key int) []outcome {
	c.t.Helper()
	outcomes := make([]outcome, len(functions))
	var group sync.WaitGroup
	for i, function := range functions {
		input := fmt.Sprintf(`{"key": %d, "note": "caller %d"}`, key, i)
		if i%2 == 1 {
			input = fmt.Sprintf(`{"note":"caller %d","key":%d.0e0}`, i, key)
		}
		group.Go(func() {
			a := c.at(i).do("POST", "/v1/executions?wait=60s", fmt.Sprintf(`{"function": %q, "input": %s}`, function, input))
			var e struct {
				State  string
				Result json.RawMessage
			}
			if err := json.Unmarshal(a.body, &e); err != nil || a.status != http.StatusCreated {
				c.t.Errorf("caller %d: %d %s", i, a.status, a.body)
			}
			outcomes[i] = outcome{e.State, string(e.Result)}
		})
	}
	group.Wait()
	return outcomes
}

// play plays so many rounds, each with a key of its own, several at a time.
func play(n int, round func(key int)) {
	var group sync.WaitGroup
	next := make(chan int)
	for range 4 {
		group.Go(func() {
			for key := range next {
				round(key)
			}
		})
	}
	for key := range n {
		next <- key
	}
	close(next)
	group.Wait()
}

func twoAPIs(t *testing.T) *cluster {
	t.Helper()
	c := start(t, onPostgres, patient)
	c.api()
	return c
}

func TestCallersWithOneKeyRaceForOneRun(t *testing.T) {
	t.Parallel()
	c := twoAPIs(t)
	l := sharers(t, c)
	callers := []string{"once", "call-once", "once", "map-once", "call-once", "once", "once", "call-once"}
	play(rounds, func(key int) {
		want := outcome{"completed", falseyText(t, key)}
		for i, got := range c.race(callers, key) {
			if got != want {
				t.Errorf("round %d: caller %d (%s) has %v, want %v", key, i, callers[i], got, want)
			}
		}
		if began, completed := l.counts(key); began != 1 || completed != 1 {
			t.Errorf("round %d: the handler began %d times and completed %d times, want once", key, began, completed)
		}
	})
}

func TestCallersWithOneKeyRaceThoughTheFirstRunFails(t *testing.T) {
	t.Parallel()
	c := twoAPIs(t)
	l := sharers(t, c)
	callers := []string{"second", "call-second", "second", "call-second", "second", "call-second", "second", "call-second"}
	play(rounds, func(key int) {
		failed := 0
		for i, got := range c.race(callers, key) {
			switch want := (outcome{"completed", falseyText(t, key)}); {
			case got.state == "failed":
				failed++
			case got != want:
				t.Errorf("round %d: caller %d (%s) has %v, want %v", key, i, callers[i], got, want)
			}
		}
		began, completed := l.counts(key)
		if failed != 1 || began != 2 || completed != 1 {
			t.Errorf("round %d: %d callers failed, the handler began %d times and completed %d times; want 1, 2 and 1", key, failed, began, completed)
		}
	})
}

func TestWaitingCallersGetTheResultThoughTheSchedulerOfTheRunIsKilled(t *testing.T) {
	t.Parallel()
	for _, b := range backends {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b)
			begun, runs := make(chan struct{}, 10), make(chan struct{}, 10)
			release := make(chan struct{})
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body) // only then does the server see who goes away
				begun <- struct{}{}
				select {
				case <-release:
				case <-r.Context().Done():
					return // whoever asked is gone
				}
				runs <- struct{}{}
				_, _ = w.Write([]byte("false"))
			}))
			t.Cleanup(server.Close)
			c.register("slow", "activity", server.URL, `, "idempotent": true`)
			ids := []string{c.dispatch("slow", "1"), c.dispatch("slow", "1.0"), c.dispatch("slow", "1e0")}
			<-begun
			for _, s := range c.schedulers {
				s.Kill()
			}
			if b == onSQLite {
				c.dev()
			} else {
				c.scheduler()
			}
			<-begun
			close(release)
			for _, id := range ids {
				if got := c.completed(id); got != "false" {
					t.Errorf("result %s", got)
				}
			}
			if len(begun) != 0 || len(runs) != 1 {
				t.Errorf("%d more runs began, %d completed", len(begun), len(runs))
			}
		})
	}
}

func TestCachedResults(t *testing.T) {
	t.Parallel()
	for _, b := range backends {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b, patient)
			l := sharers(t, c)
			ask := func(function string, key int, note string) (string, []string) {
				a := c.must(http.StatusCreated, "POST", "/v1/executions?wait=30s",
					fmt.Sprintf(`{"function": %q, "input": {"key": %d, "note": %q}}`, function, key, note))
				var e struct {
					State    string
					Result   json.RawMessage
					Progress []struct{ Status string }
				}
				if err := json.Unmarshal(a.body, &e); err != nil || e.State != "completed" {
					t.Fatalf("%s", a.body)
				}
				var statuses []string
				for _, step := range e.Progress {
					statuses = append(statuses, step.Status)
				}
				return string(e.Result), statuses
			}
			t.Run("AreShownAsCacheHits", func(t *testing.T) {
				for i, want := range []string{"completed", "cache_hit", "cache_hit"} {
					if _, statuses := ask("call-once", 1, fmt.Sprint(i)); !slices.Equal(statuses, []string{want}) {
						t.Errorf("call %d: progress %v, want %s", i, statuses, want)
					}
				}
				tasks := c.must(http.StatusOK, "GET", "/v1/tasks?function=once", "")
				var list struct {
					Items []struct {
						CacheHit bool `json:"cache_hit"`
						Attempt  int
					}
				}
				if err := json.Unmarshal(tasks.body, &list); err != nil || len(list.Items) != 3 || !list.Items[0].CacheHit || list.Items[0].Attempt != 0 || list.Items[2].CacheHit {
					t.Errorf("%v: %s", err, tasks.body)
				}
			})
			t.Run("FillAMapAtOnce", func(t *testing.T) {
				want, _ := ask("once", 6, "")
				if got, statuses := ask("map-once", 6, ""); got != want || !slices.Equal(statuses, []string{"completed"}) {
					t.Errorf("the map has %s, progress %v; want %s", got, statuses, want)
				}
				if _, completed := l.counts(6); completed != 1 {
					t.Errorf("the handler completed %d times", completed)
				}
			})
			t.Run("ExpireByTheirTime", func(t *testing.T) {
				if first, _ := ask("count", 2, "x"); first != "1" {
					t.Fatalf("the first call has %s", first)
				}
				for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
					switch got, _ := ask("count", 2, "x"); got {
					case "1":
					case "2":
						return
					default:
						t.Fatalf("a later call has %s", got)
					}
				}
				t.Error("the result never expires")
			})
			t.Run("AreInvalidated", func(t *testing.T) {
				ask("once", 3, "")
				c.must(http.StatusNoContent, "DELETE", "/v1/functions/once/results?version=other", "")
				ask("once", 3, "")
				client := durable.NewClient(c.url)
				if err := client.InvalidateResults(t.Context(), "once"); err != nil {
					t.Fatal(err)
				}
				ask("once", 3, "")
				if _, completed := l.counts(3); completed != 2 {
					t.Errorf("the handler completed %d times, want 2", completed)
				}
				c.must(http.StatusNotFound, "DELETE", "/v1/functions/nobody/results", "")
			})
			t.Run("AreSharedByAKeyThatTheCallBrings", func(t *testing.T) {
				for i, want := range []string{"1", "1", "2"} {
					note := []string{"k1", "k1", "k2"}[i]
					if got, _ := ask("keyed", 4, note); got != want {
						t.Errorf("the call with %s has %s, want %s", note, got, want)
					}
				}
			})
			t.Run("AreTakenWhenADelayedCallIsDue", func(t *testing.T) {
				ask("once", 5, "")
				a := c.must(http.StatusCreated, "POST", "/v1/executions?wait=30s", `{"function": "once", "delay": "10ms", "input": {"key": 5}}`)
				if _, completed := l.counts(5); a.field(t, "state") != "completed" || completed != 1 {
					t.Errorf("the handler completed %d times: %s", completed, a.body)
				}
			})
		})
	}
}
