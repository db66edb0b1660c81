package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/testenv"
)

// relay passes TCP connections on until it is cut.
type relay struct {
	addr     string
	listener net.Listener
	mu       sync.Mutex
	open     map[net.Conn]bool
	passed   int
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{addr: listener.Addr().String(), listener: listener, open: map[net.Conn]bool{}}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() { r.pass(from, to) })
		}
	})
	t.Cleanup(func() { r.cut(); all.Wait() })
	return r
}

func (r *relay) pass(from net.Conn, addr string) {
	defer from.Close()
	to, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer to.Close()
	r.mu.Lock()
	r.open[from], r.open[to] = true, true
	r.passed++
	r.mu.Unlock()
	done := make(chan struct{})
	go func() { defer close(done); _, _ = io.Copy(to, from); _ = to.Close() }()
	_, _ = io.Copy(from, to)
	_ = from.Close()
	<-done
}

// cut ends every connection, and lets no other in. It gives how many there have been.
func (r *relay) cut() (passed int) {
	_ = r.listener.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	for conn := range r.open {
		_ = conn.Close()
	}
	return r.passed
}

// onRelayedRedis runs Stent on a Redis that can be taken away.
func onRelayedRedis(t *testing.T) (*cluster, *relay) {
	t.Helper()
	u, err := url.Parse(testenv.Redis(t))
	if err != nil {
		t.Fatal(err)
	}
	r := newRelay(t, u.Host)
	u.Host = r.addr
	return start(t, onPostgres, patient, "STENT_LOG_LEVEL=error", "STENT_REDIS_URL="+u.String()), r
}

// Redis goes away: what cannot be published any more is no failure of the step whose
// commit it was to tell of. Every step runs once and uses one attempt.
func TestStepsRunOnceWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	c, redis := onRelayedRedis(t)
	worker := c.worker(testenv.FreeAddr(t))
	c.completed(c.dispatch("five", "0"))
	if redis.cut() == 0 {
		t.Fatal("Redis is not used at all")
	}
	var ids []string
	for range 4 {
		ids = append(ids, c.dispatch("five", "0"))
	}
	for _, id := range ids {
		if got := c.completed(id); got != "5" {
			t.Fatalf("result %s", got)
		}
		for _, task := range c.tasks(id) {
			if task.Retries != 0 || task.State != "completed" {
				t.Errorf("%+v", task)
			}
		}
	}
	for step, n := range began(worker) {
		if n != 1+len(ids) {
			t.Errorf("step %s ran %d times in %d executions", step, n, 1+len(ids))
		}
	}
}

// A wait for a result is no timeout because the messenger is away: it ends when the
// execution does.
func TestWaitForAResultGoesOnWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	c, redis := onRelayedRedis(t)
	finish := make(chan struct{})
	begun := make(chan struct{}, 1)
	c.register("slow", "activity", handler(t, func(w http.ResponseWriter, _ *http.Request) {
		begun <- struct{}{}
		<-finish
		write(w, "7")
	}), "")
	answered := make(chan answer, 1)
	go func() { answered <- c.do("POST", "/v1/executions?wait=60s", `{"function": "slow"}`) }()
	<-begun
	redis.cut()
	select {
	case a := <-answered:
		t.Fatalf("it was answered before the end: %d %s", a.status, a.body)
	case <-time.After(2 * time.Second):
	}
	close(finish)
	if a := <-answered; a.field(t, "state") != "completed" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// What a function, or a call, says about its retries is still so after a restart.
func TestRetryForSurvivesTheDatabase(t *testing.T) {
	t.Parallel()
	for _, b := range []backend{onSQLite, onPostgres} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b)
			fails := handler(t, func(w http.ResponseWriter, r *http.Request) {
				kind, _ := io.ReadAll(r.Body)
				w.WriteHeader(http.StatusInternalServerError)
				write(w, `{"error": {"type": %s, "message": "it fails"}}`, kind)
			})
			c.register("fails", "activity", fails, `, "retry_policy": {"max_attempts": 3, "initial_delay": "1ms", "retry_for": ["flood"]}`)
			c.orchestrate("caller", func(turn plainTurn) string {
				if len(turn.History) > 0 && turn.History[0].Status == "failed" {
					return `{"outcome": {"completed": "failed"}}`
				}
				return `{"commands": [{"key": "c", "op": "call", "name": "fails", "input": "fire", "options": {"delay": "1s",
					"retry_policy": {"max_attempts": 4, "retry_for": ["fire"]}}}], "await": "c"}`
			})
			called := c.dispatch("caller", "null")
			c.step(called, "c", "dispatched")
			c.kill(b)
			for kind, want := range map[string]int{`"flood"`: 3, `"fire"`: 1} {
				id := c.dispatch("fails", kind)
				c.state(id, "failed")
				if got := len(c.rootAttempts(id)); got != want {
					t.Errorf("%s was tried %d times, want %d", kind, got, want)
				}
			}
			c.completed(called)
			for _, task := range c.tasks(called) {
				if task.StepKey == "c" && task.Retries != 3 {
					t.Errorf("the call was retried %d times, want 3", task.Retries)
				}
			}
		})
	}
}

// The deadline of an execution is a timer of its own: it ends what nobody would claim
// any more, and stops what runs.
func TestMaxDurationEndsWhatNobodyClaims(t *testing.T) {
	t.Parallel()
	for _, b := range []backend{onSQLite, onPostgres} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b, patient)
			c.register("waiting", "orchestrator", handler(t, waiting), "")
			begun, stopped := make(chan struct{}, 1), make(chan struct{}, 1)
			worker := quietWorker()
			durable.Activity(worker, "endless", func(ctx context.Context, _ int) (int, error) {
				begun <- struct{}{}
				<-ctx.Done()
				stopped <- struct{}{}
				return 0, ctx.Err()
			}, durable.Timeout(10*time.Minute))
			c.serve(worker)
			for _, function := range []string{"waiting", "endless"} {
				id, _ := c.must(http.StatusCreated, "POST", "/v1/executions",
					fmt.Sprintf(`{"function": %q, "input": 1, "max_duration": "2s"}`, function)).field(t, "id").(string)
				c.state(id, "timed_out")
			}
			<-begun
			select {
			case <-stopped:
			case <-time.After(30 * time.Second):
				t.Error("the activity runs on in an execution that has timed out")
			}
		})
	}
}

// meaning is one spelling of JSON, whose numbers are as they were.
func meaning(t *testing.T, text string) string {
	t.Helper()
	var v any
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	spelt, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(spelt)
}

// Data that look like something are nothing but data: what comes back is what went
// in, byte for byte but for the spaces of what an orchestrator was handed.
func TestUserDataAreNotInterpreted(t *testing.T) {
	t.Parallel()
	for _, b := range []backend{onSQLite, onPostgres} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b, patient)
			c.register("echo", "activity", handler(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(w, r.Body)
			}), "")
			c.register("waiting", "orchestrator", handler(t, waiting), "")
			for _, data := range []string{
				`{"__type__": "datetime", "value": "2024-01-01T00:00:00"}`, `{"$ref": "#/x", "@class": "os.System", "__proto__": {"a": 1}}`,
				`{"z": 1.50e+1, "a": 12345678901234567890123, "b": "\u0041\/<>&"}`, `{"execution_id": "x", "error": {"type": "timeout"}}`,
				`{"status": "failed", "retryable": true}`, `"2024-01-01T00:00:00Z"`, `-0`, `""`, `[[], {}, null]`,
			} {
				if got := c.completed(c.dispatch("echo", data)); got != data {
					t.Errorf("%s came back from a handler as %s", data, got)
				}
				id := c.dispatch("waiting", "null")
				c.must(http.StatusNoContent, "PUT", "/v1/executions/"+id+"/state/k", data)
				c.must(http.StatusAccepted, "POST", "/v1/executions/"+id+"/signals/go", data)
				if got := c.completed(id); meaning(t, got) != meaning(t, data) { // a turn is JSON: spaces in it are not kept
					t.Errorf("%s came back from a signal as %s", data, got)
				}
				var x struct {
					CustomState map[string]json.RawMessage `json:"custom_state"`
				}
				if err := json.Unmarshal(c.must(http.StatusOK, "GET", "/v1/executions/"+id, "").body, &x); err != nil {
					t.Fatal(err)
				}
				if got := string(x.CustomState["k"]); got != data {
					t.Errorf("%s came back from the state as %s", data, got)
				}
			}
		})
	}
}
