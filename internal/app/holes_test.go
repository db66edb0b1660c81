package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/testenv"
)

// What broke in the service that came before, as far as only real processes show
// it. docs/holes.md lists all of it.

// plainTurn is what a handler without SDK reads of a turn.
type plainTurn struct {
	Execution       struct{ ID string }
	CancelRequested bool `json:"cancel_requested"`
	History         []struct {
		Key, Status string
		Value       json.RawMessage
	}
}

// orchestrate serves an orchestrator that answers each turn with JSON text.
func (c *cluster) orchestrate(name string, answer func(turn plainTurn) string) {
	c.t.Helper()
	c.register(name, "orchestrator", handler(c.t, func(w http.ResponseWriter, r *http.Request) {
		var turn plainTurn
		if err := json.NewDecoder(r.Body).Decode(&turn); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Stent-Protocol", "1")
		write(w, "%s", answer(turn))
	}), "")
}

// taskView is a task, as REST shows it.
type taskView struct {
	ID           string
	Kind         string
	State        string
	StepKey      string     `json:"step_key"`
	ScheduledFor *time.Time `json:"scheduled_for"`
	CompletedAt  *time.Time `json:"completed_at"`
	Retries      int
}

func (c *cluster) tasks(execution string) []taskView {
	c.t.Helper()
	var list struct{ Items []taskView }
	if err := json.Unmarshal(c.must(http.StatusOK, "GET", "/v1/executions/"+execution+"/tasks?limit=500", "").body, &list); err != nil {
		c.t.Fatal(err)
	}
	return list.Items
}

// kill kills every scheduler and starts as many.
func (c *cluster) kill(b backend) {
	c.t.Helper()
	for _, s := range c.schedulers {
		s.Kill()
	}
	n := len(c.schedulers)
	c.schedulers = nil
	for range n {
		if b == onSQLite {
			c.dev()
		} else {
			c.scheduler()
		}
	}
}

// A sleep is a deadline that is written down once: neither the schedulers' end nor
// that of the worker, nor a replay, puts it off.
func TestSleepGoesOnWhereItWasAfterACrash(t *testing.T) {
	t.Parallel()
	for _, b := range []backend{onSQLite, onPostgres} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b)
			addr := testenv.FreeAddr(t)
			worker := c.worker(addr)
			id := c.dispatch("nap", "6")
			nap := func() (found taskView) {
				for _, task := range c.tasks(id) {
					if task.Kind == "timer" {
						found = task
					}
				}
				return found
			}
			eventually(t, "the sleep", func() bool { return nap().ScheduledFor != nil })
			due := *nap().ScheduledFor
			worker.Kill()
			c.kill(b)
			c.worker(addr)
			if got := c.completed(id); got != "6" {
				t.Fatalf("result %s", got)
			}
			after := nap()
			if !after.ScheduledFor.Equal(due) || after.CompletedAt.Before(due) {
				t.Errorf("it was to end at %s, then at %s, and ended at %s", due, after.ScheduledFor, after.CompletedAt)
			}
		})
	}
}

// A scheduler freezes with deliveries in flight; another takes them over, and some of
// them are done when the first wakes up with answers that failed. None of these counts.
func TestFailuresOfAFrozenSchedulerDoNotUndoCompletions(t *testing.T) {
	t.Parallel()
	c := start(t, onPostgres)
	c.schedulers[1].Kill()
	c.probes = c.probes[:1]
	frozen := c.schedulers[0]
	const tasks = 20
	var mu sync.Mutex
	deliveries := map[string]int{}
	begun := make(chan struct{}, 10*tasks)
	fail, succeed := make(chan struct{}), make(chan struct{})
	c.register("work", "activity", handler(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		id := r.Header.Get("Stent-Execution-Id")
		mu.Lock()
		deliveries[id]++
		nth := deliveries[id]
		mu.Unlock()
		begun <- struct{}{}
		switch {
		case nth == 1:
			<-fail
			w.Header().Set("Stent-Retryable", "false")
			w.WriteHeader(http.StatusBadRequest)
			return
		case string(body) == "2": // in flight when the frozen one comes back
			<-succeed
		}
		write(w, `"second"`)
	}), `, "timeout": "1m"`)
	done, running := c.batch("work", "1", tasks/2), c.batch("work", "2", tasks/2)
	for range tasks {
		<-begun
	}
	frozen.Signal(syscall.SIGSTOP)
	c.scheduler()
	for range tasks {
		<-begun
	}
	for _, id := range done {
		c.completed(id)
	}
	close(fail)
	frozen.Signal(syscall.SIGCONT)
	frozen.WaitLine("ran out") // and with it all that it had in flight was dealt with
	close(succeed)
	for _, id := range append(done, running...) {
		if got := c.completed(id); got != `"second"` {
			t.Errorf("result %s", got)
		}
		for _, task := range c.tasks(id) {
			if task.State != "completed" || task.Retries != 0 {
				t.Errorf("task %+v", task)
			}
		}
		if deliveries[id] != 2 {
			t.Errorf("execution %s was delivered %d times", id, deliveries[id])
		}
	}
	if got := c.metric("stent_leases_taken_over_total"); got != tasks {
		t.Errorf("the metrics tell that %v tasks were taken over, not %d", got, tasks)
	}
}

// A signal is sent while the turn that begins to wait for it is on its way, through
// one of two APIs: each wait gets its own, once, in their order.
func TestSignalSentWhileItsWaitBeginsIsNotLost(t *testing.T) {
	t.Parallel()
	c := start(t, onPostgres, patient)
	c.api()
	apis := []*cluster{c.at(0), c.at(1)}
	var senders sync.WaitGroup
	c.orchestrate("listener", func(turn plainTurn) string {
		n := len(turn.History)
		if n == rounds {
			values, _ := json.Marshal(turn.History)
			return fmt.Sprintf(`{"outcome": {"completed": %s}}`, values)
		}
		senders.Go(func() {
			key := fmt.Sprintf("%s-%d", turn.Execution.ID, n) // a turn may come again
			if a := apis[n%2].do("POST", "/v1/executions/"+turn.Execution.ID+"/signals/go", fmt.Sprint(n), "Idempotency-Key", key); a.status != http.StatusAccepted {
				t.Errorf("signal %d: %d %s", n, a.status, a.body)
			}
		})
		return fmt.Sprintf(`{"commands": [{"key": "go#%d", "op": "wait_signal", "name": "go"}], "await": "go#%[1]d"}`, n)
	})
	result := c.completed(c.dispatch("listener", "null"))
	senders.Wait()
	wantSignals(t, result, rounds)
}

// wantSignals checks that the n-th of the waits got the n-th signal.
func wantSignals(t *testing.T, history string, n int) {
	t.Helper()
	var steps []struct {
		Key   string
		Value int
	}
	if err := json.Unmarshal([]byte(history), &steps); err != nil || len(steps) != n {
		t.Fatalf("%d waits ended (%v), want %d", len(steps), err, n)
	}
	for i, step := range steps {
		if step.Key != fmt.Sprintf("go#%d", i) || step.Value != i {
			t.Fatalf("wait %d is %s, and got signal %d", i, step.Key, step.Value)
		}
	}
}

// Every scheduler is killed again and again while an orchestrator takes its signals.
func TestSignalTakenWhenTheSchedulerDiesIsNotLost(t *testing.T) {
	t.Parallel()
	for _, b := range []backend{onSQLite, onPostgres} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			const signals = 40
			c := start(t, b)
			turns := make(chan struct{}, 1000)
			c.orchestrate("listener", func(turn plainTurn) string {
				turns <- struct{}{}
				n := len(turn.History)
				if n == signals {
					values, _ := json.Marshal(turn.History)
					return fmt.Sprintf(`{"outcome": {"completed": %s}}`, values)
				}
				return fmt.Sprintf(`{"commands": [{"key": "go#%d", "op": "wait_signal", "name": "go"}], "await": "go#%[1]d"}`, n)
			})
			a := c.must(http.StatusCreated, "POST", "/v1/executions", `{"function": "listener", "delay": "500ms"}`)
			id, _ := a.field(t, "id").(string)
			for i := range signals {
				c.must(http.StatusAccepted, "POST", "/v1/executions/"+id+"/signals/go", fmt.Sprint(i))
			}
			for range 4 {
				for range 8 {
					<-turns
				}
				c.kill(b)
			}
			wantSignals(t, c.completed(id), signals)
		})
	}
}

// An execution is cancelled while a turn that makes twenty children is on its way:
// when the cancellation is answered none of them is open, nor ever again.
func TestChildrenMadeDuringACancelDoNotEscapeIt(t *testing.T) {
	t.Parallel()
	c := start(t, onPostgres, patient)
	c.api()
	var commands, keys []string
	for i := range 20 {
		commands = append(commands, fmt.Sprintf(`{"key": "c%d", "op": "call", "name": "leaf", "input": 1, "options": {"delay": "1h"}}`, i))
		keys = append(keys, fmt.Sprintf("c%d", i))
	}
	names, _ := json.Marshal(keys)
	fanOut := fmt.Sprintf(`{"commands": [%s], "await": {"all": %s}}`, strings.Join(commands, ","), names)
	turned := make(chan string, rounds)
	c.orchestrate("fan", func(turn plainTurn) string {
		if turn.CancelRequested {
			return `{"outcome": {"completed": "stopped"}}`
		}
		turned <- turn.Execution.ID
		return fanOut
	})
	c.register("leaf", "activity", "http://127.0.0.1:1", "")
	ids := make([]string, rounds)
	open := func(id string) {
		for _, task := range c.tasks(id) {
			if task.StepKey != "root" && (task.State == "pending" || task.State == "running" || task.State == "waiting") {
				t.Errorf("%s of execution %s is %s", task.StepKey, id, task.State)
			}
		}
	}
	for round := range rounds {
		ids[round] = c.at(round).dispatch("fan", "null")
		<-turned // and its answer is on its way
		mode := []string{"force", "graceful"}[round%2]
		c.at(round/2).must(http.StatusOK, "POST", "/v1/executions/"+ids[round]+"/cancel", fmt.Sprintf(`{"mode": %q}`, mode))
		if mode == "force" {
			open(ids[round])
		}
	}
	for _, id := range ids {
		c.state(id, "cancelled")
		open(id)
	}
}
