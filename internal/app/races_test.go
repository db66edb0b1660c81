package app_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
)

// racing is two API services and two schedulers on PostgreSQL, with a client of each API.
type racing struct {
	*testing.T
	c    *cluster
	apis [2]*durable.Client
}

// TestRaces plays each race as often as rounds says, several rounds at a time, over
// one cluster. Where either order is right, it says how often each came about.
func TestRaces(t *testing.T) {
	t.Parallel()
	c := twoAPIs(t)
	for name, race := range map[string]func(*racing){
		"a signal and the beginning of the wait for it":    signalAndWait,
		"a signal and the timeout of the wait for it":      signalAndTimeout,
		"signals of one name from two senders":             signalsOfOneName,
		"signals and continuing as new":                    signalsAndContinuing,
		"dispatches with one Idempotency-Key":              dispatchesWithOneKey,
		"a cancellation and the completion":                cancelAndComplete,
		"a cancellation and the first turn":                cancelAndFirstTurn,
		"a forced cancellation and what is being made":     forceAndFanOut,
		"a report, another one and the attempt's deadline": reportsAndDeadline,
		"max_duration and the completion":                  maxDurationAndCompletion,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			race(&racing{t, c, [2]*durable.Client{durable.NewClient(c.apis[0]), durable.NewClient(c.apis[1])}})
		})
	}
}

// jitter waits for up to d.
func jitter(d time.Duration) { <-time.After(rand.N(d)) }

// edge finds the moment at which one order turns into the other, whatever the
// machine's speed, so that the rounds are played around it.
type edge struct {
	mu sync.Mutex
	d  time.Duration
}

// near is a moment around the edge.
func (e *edge) near() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return max(e.d/2+rand.N(e.d), time.Millisecond).Round(time.Millisecond)
}

func (e *edge) wait() { <-time.After(e.near()) }

// was says on which side of the edge a round was.
func (e *edge) was(early bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if early {
		e.d += e.d / 8
		return
	}
	e.d -= e.d / 10
}

// rounds plays the race and demands that each of the orders came about.
func (r *racing) rounds(round func(n int) (order string), orders ...string) {
	r.Helper()
	var mu sync.Mutex
	seen := map[string]int{}
	play(rounds, func(n int) {
		order := round(n)
		mu.Lock()
		defer mu.Unlock()
		seen[order]++
	})
	r.Logf("of %d rounds: %v", rounds, seen)
	for _, order := range orders {
		if seen[order] == 0 {
			r.Errorf("it never came about that %s: %v", order, seen)
		}
		delete(seen, order)
	}
	for order, times := range seen {
		r.Errorf("%d times: %s", times, order)
	}
}

func (r *racing) dispatch(function string, in any, options ...durable.SubmitOption) string {
	r.Helper()
	x, err := r.apis[0].Dispatch(r.Context(), function, in, options...)
	if err != nil {
		r.Error(err)
		return ""
	}
	return x.ID
}

// ended waits for an execution to end.
func (r *racing) ended(id string) *durable.Execution {
	r.Helper()
	x, err := r.apis[1].Wait(r.Context(), id)
	if err != nil {
		r.Error(err)
		return &durable.Execution{}
	}
	return x
}

// completedAs waits for an execution to complete and decodes its result.
func completedAs[T any](r *racing, id string) T {
	r.Helper()
	v, err := durable.Result[T](r.ended(id))
	if err != nil {
		r.Error(err)
	}
	return v
}

// conflict tells whether a request was refused because of how things stand.
func conflict(err error) bool {
	var refused *durable.APIError
	return errors.As(err, &refused) && refused.Status == http.StatusConflict
}

func dispatchesWithOneKey(r *racing) {
	w := quietWorker()
	durable.Activity(w, "keyed-dispatch", func(_ context.Context, n int) (int, error) { return n, nil })
	r.c.serve(w)
	r.rounds(func(n int) string {
		const callers = 4
		var answers [callers]answer
		var group sync.WaitGroup
		send := func(api, input int) answer {
			return r.c.at(api).do("POST", "/v1/executions", fmt.Sprintf(`{"function": "keyed-dispatch", "input": %d}`, input),
				"Idempotency-Key", fmt.Sprintf("dispatch-%d", n))
		}
		for i := range callers {
			group.Go(func() { answers[i] = send(i, n) })
		}
		group.Wait()
		created := 0
		for _, a := range answers {
			switch {
			case a.field(r.T, "id") != answers[0].field(r.T, "id"):
				return "there were two executions"
			case a.status == http.StatusCreated:
				created++
			case a.status != http.StatusOK:
				return fmt.Sprintf("it was answered by %d %s", a.status, a.body)
			}
		}
		if a := send(n, n+1); a.status != http.StatusUnprocessableEntity {
			return fmt.Sprintf("another body was answered by %d", a.status)
		}
		return fmt.Sprintf("%d of %d made it", created, callers)
	}, "1 of 4 made it")
}
