package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
)

// serials gives every run of a step a number of its own.
type serials struct {
	next atomic.Int64
	mu   sync.Mutex
	of   map[string][]int64 // by task
}

func (s *serials) give(task string) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.next.Add(1)
	s.of[task] = append(s.of[task], n)
	return n
}

// runs gives the serials of a step: late answers may still add to them.
func (s *serials) runs(task string) []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.of[task])
}

// repeated counts the steps that ran more than once.
func (s *serials) repeated() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, runs := range s.of {
		if len(runs) > 1 {
			n++
		}
	}
	return n
}

// Schedulers are stopped in turn for longer than their leases last, and go on with
// answers to what others have taken over. Of each step one answer counts, once.
func TestAnswersToLeasesThatWereTakenOverCountForNothing(t *testing.T) {
	t.Parallel()
	c := start(t, onPostgres)
	c.api()
	ran := &serials{of: map[string][]int64{}}
	w := quietWorker()
	durable.Activity(w, "serial", func(ctx context.Context, _ int) (int64, error) {
		durable.AddCounter(ctx, "steps", 1)
		jitter(200 * time.Millisecond) // so that many are in flight whenever a scheduler stops
		return ran.give(durable.Info(ctx).TaskID), nil
	}, durable.Retry(durable.RetryPolicy{MaxAttempts: 100, InitialDelay: time.Millisecond}))
	durable.Orchestrator(w, "serials", func(ctx *durable.Context, n int) (got []int64, err error) {
		for i := range 5 {
			if i == 2 {
				if _, err := durable.Dispatch(ctx, "child", n, durable.Tags(fmt.Sprintf("of-%d", n))).Get(); err != nil {
					return nil, err
				}
			}
			serial, err := durable.Call[int64](ctx, "serial", n)
			if err != nil {
				return nil, err
			}
			got = append(got, serial)
		}
		return got, nil
	})
	durable.Activity(w, "child", func(_ context.Context, n int) (int, error) { return n, nil })
	c.serve(w)
	ids := make([]string, rounds)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for i := range 4 {
			p := c.schedulers[i%2]
			p.Signal(syscall.SIGSTOP)
			<-time.After(2500 * time.Millisecond)
			p.Signal(syscall.SIGCONT)
			<-time.After(200 * time.Millisecond)
		}
	}()
	play(rounds, func(n int) {
		ids[n] = c.at(n).dispatch("serials", fmt.Sprint(n))
		<-time.After(100 * time.Millisecond)
	})
	<-stopped
	for n, id := range ids {
		var got []int64
		if err := json.Unmarshal([]byte(c.completed(id)), &got); err != nil {
			t.Fatal(err)
		}
		var tasks struct {
			Items []struct {
				ID, State, Kind string
				Function        *string
				Result          json.RawMessage
			}
		}
		if err := json.Unmarshal(c.must(http.StatusOK, "GET", "/v1/executions/"+id+"/tasks?limit=100", "").body, &tasks); err != nil {
			t.Fatal(err)
		}
		steps := 0
		for _, task := range tasks.Items {
			if task.Function == nil || *task.Function != "serial" {
				continue
			}
			steps++
			var serial int64
			if err := json.Unmarshal(task.Result, &serial); err != nil || !slices.Contains(got, serial) || !slices.Contains(ran.runs(task.ID), serial) {
				t.Errorf("task %s has %s; its runs gave %v, its orchestrator saw %v", task.ID, task.Result, ran.runs(task.ID), got)
			}
		}
		counters, _ := c.must(http.StatusOK, "GET", "/v1/executions/"+id, "").field(t, "counters").(map[string]any)
		children, _ := c.must(http.StatusOK, "GET", fmt.Sprintf("/v1/executions?tag=of-%d", n), "").field(t, "items").([]any)
		if steps != 5 || counters["steps"] != 5.0 || len(children) != 1 {
			t.Errorf("execution %s has %d steps, counted %v, and dispatched %d", id, steps, counters["steps"], len(children))
		}
	}
	if ran.repeated() == 0 {
		t.Error("no step was taken over: this has shown nothing")
	}
	t.Logf("%d steps ran more than once", ran.repeated())
}
