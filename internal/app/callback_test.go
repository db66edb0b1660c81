package app_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/testenv"
)

const (
	workerSecret   = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	callbackSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
)

// called is one delivery of a callback.
type called struct {
	header http.Header
	body   []byte
}

// receiver takes callbacks.
type receiver struct {
	url    string
	mu     sync.Mutex
	calls  map[string][]called // by execution
	answer func(call called, nth int) int
}

// newReceiver serves a receiver; at an address if one is given.
func newReceiver(t *testing.T, addr string) *receiver {
	t.Helper()
	r := &receiver{calls: map[string][]called{}, answer: func(called, int) int { return http.StatusAccepted }}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return // the scheduler was killed
		}
		id, call := request.Header.Get("Stent-Execution-Id"), called{request.Header, body}
		r.mu.Lock()
		r.calls[id] = append(r.calls[id], call)
		nth := len(r.calls[id])
		r.mu.Unlock()
		w.WriteHeader(r.answer(call, nth))
	}))
	if addr != "" {
		listener, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		_ = server.Listener.Close()
		server.Listener = listener
	}
	server.Start()
	t.Cleanup(server.Close)
	r.url = server.URL + "/hook"
	return r
}

func (r *receiver) of(id string) []called {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls[id])
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(3 * time.Minute); !holds(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come about", what)
		}
	}
}

// callback is a callback's task, as REST shows it.
type callback struct {
	ID       string
	StepKey  string  `json:"step_key"`
	Function *string `json:"function"`
	Name     string
	State    string
	Attempt  int
	Attempts []struct{ Error attemptError }
}

// callbacks gives the callbacks of an execution.
func (c *cluster) callbacks(id string) (found []callback) {
	c.t.Helper()
	var list struct{ Items []callback }
	if err := json.Unmarshal(c.must(http.StatusOK, "GET", "/v1/executions/"+id+"/tasks?limit=500", "").body, &list); err != nil {
		c.t.Fatal(err)
	}
	for _, t := range list.Items {
		if t.StepKey == "callback" {
			found = append(found, t)
		}
	}
	return found
}

// calling dispatches an execution with a callback URL.
func (c *cluster) calling(function, url, more string) string {
	c.t.Helper()
	a := c.must(http.StatusCreated, "POST", "/v1/executions", fmt.Sprintf(`{"function": %q, "input": 1, "callback_url": %q%s}`, function, url, more))
	id, _ := a.field(c.t, "id").(string)
	return id
}

func TestCallbackTellsHowAnExecutionEnded(t *testing.T) {
	t.Parallel()
	for _, b := range []backend{onSQLite, onPostgres} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			own := map[backend]string{onSQLite: callbackSecret}[b] // without it the worker's is taken
			c := start(t, b, "STENT_CALLBACK_SECRET="+own)
			worker := durable.NewWorker(durable.Secret(workerSecret))
			durable.Orchestrator(worker, "signed", func(ctx *durable.Context, _ int) (int, error) {
				ctx.Count("n", 2)
				return durable.WaitSignal[int](ctx, "go", time.Hour)
			})
			server := httptest.NewServer(worker)
			t.Cleanup(func() { server.Close(); worker.Close() })
			if _, err := durable.NewClient(c.url).RegisterWorker(t.Context(), server.URL, workerSecret); err != nil {
				t.Fatal(err)
			}
			c.register("plain", "activity", handler(t, func(w http.ResponseWriter, _ *http.Request) { write(w, "[1 ,2]") }), "")
			c.register("bad", "activity", handler(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnprocessableEntity) }), "")
			r := newReceiver(t, "")
			for name, test := range map[string]struct {
				function, more, event, secret string
				end                           func(id string)
			}{
				"completed": {"plain", "", "execution.completed", "", func(string) {}},
				"failed":    {"bad", "", "execution.failed", "", func(string) {}},
				"timed out": {"signed", `, "max_duration": "500ms"`, "execution.timed_out", workerSecret, func(string) {}},
				"signalled": {"signed", "", "execution.completed", workerSecret, func(id string) {
					c.must(http.StatusAccepted, "POST", "/v1/executions/"+id+"/signals/go", "7")
				}},
				"cancelled": {"signed", "", "execution.cancelled", workerSecret, func(id string) {
					c.must(http.StatusOK, "POST", "/v1/executions/"+id+"/cancel", "")
				}},
				"forced while paused": {"signed", "", "execution.cancelled", workerSecret, func(id string) {
					c.must(http.StatusOK, "POST", "/v1/executions/"+id+"/pause", "")
					c.must(http.StatusOK, "POST", "/v1/executions/"+id+"/cancel", `{"mode": "force"}`)
				}},
			} {
				id := c.calling(test.function, r.url, test.more)
				test.end(id)
				eventually(t, name+": its callback", func() bool { return len(r.of(id)) > 0 })
				call := r.of(id)[0]
				shown := c.must(http.StatusOK, "GET", "/v1/executions/"+id, "").body
				if !bytes.Equal(call.body, shown) {
					t.Errorf("%s: the callback brought\n%s\nREST shows\n%s", name, call.body, shown)
				}
				checkSigned(t, name, cmp.Or(own, test.secret), call)
				if got := call.header.Get("Stent-Event"); got != test.event || call.header.Get("Stent-Task-Token") != "" {
					t.Errorf("%s: event %s of %v", name, got, call.header)
				}
				var done []callback
				eventually(t, name+": the task of the callback", func() bool {
					done = c.callbacks(id)
					return len(done) == 1 && done[0].State == "completed"
				})
				if done[0].Function != nil || !strings.HasPrefix(r.url, done[0].Name) || "callback-"+done[0].ID != call.header.Get("Webhook-Id") {
					t.Errorf("%s: %+v", name, done[0])
				}
			}
		})
	}
}

func checkSigned(t *testing.T, name, secret string, call called) {
	t.Helper()
	if secret == "" {
		if got := call.header.Get("Webhook-Signature"); got != "" {
			t.Errorf("%s: it is signed, and there is no secret: %s", name, got)
		}
		return
	}
	hook, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := hook.Verify(call.body, call.header); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

func TestFailingCallbackIsTriedAgainAndItsFailureOnlyRecorded(t *testing.T) {
	t.Parallel()
	c := start(t, onSQLite, patient)
	c.register("plain", "activity", handler(t, func(w http.ResponseWriter, _ *http.Request) { write(w, "1") }), "")
	flaky, refusing := newReceiver(t, ""), newReceiver(t, "")
	flaky.answer = func(_ called, nth int) int { return map[bool]int{true: 500, false: 200}[nth <= 2] }
	refusing.answer = func(called, int) int { return http.StatusUnprocessableEntity }
	retried, refused, denied := c.calling("plain", flaky.url, ""), c.calling("plain", refusing.url, ""), c.calling("plain", "http://169.254.169.254/", "")
	states := func(id string) (states string) {
		for _, one := range c.callbacks(id) {
			states += one.State
		}
		return states
	}
	eventually(t, "the third attempt", func() bool { return states(retried) == "completed" })
	eventually(t, "the refusal", func() bool { return states(refused) == "failed" })
	eventually(t, "the guard", func() bool { return states(denied) == "failed" })
	calls := flaky.of(retried)
	for i, call := range calls {
		if call.header.Get("Stent-Attempt") != fmt.Sprint(i+1) || call.header.Get("Webhook-Id") != calls[0].header.Get("Webhook-Id") {
			t.Errorf("delivery %d is attempt %s of %s", i, call.header.Get("Stent-Attempt"), call.header.Get("Webhook-Id"))
		}
		if call.header.Get("Webhook-Signature") != "" {
			t.Error("it is signed, and there is no secret")
		}
	}
	for id, want := range map[string]string{refused: "http_422", denied: "address_denied"} {
		var task callback
		if err := json.Unmarshal(c.must(http.StatusOK, "GET", "/v1/tasks/"+c.callbacks(id)[0].ID, "").body, &task); err != nil {
			t.Fatal(err)
		}
		if task.Attempt != 1 || len(task.Attempts) != 1 || task.Attempts[0].Error.Type != want {
			t.Errorf("%+v, want one attempt that failed with %s", task, want)
		}
		if a := c.must(http.StatusOK, "GET", "/v1/executions/"+id, ""); a.field(t, "state") != "completed" || a.field(t, "retries") != 0.0 {
			t.Errorf("%s", a.body)
		}
	}
	if len(calls) != 3 {
		t.Errorf("%d deliveries, want 3", len(calls))
	}
}

func TestCallbackSurvivesKillsBetweenTheEndAndItsDelivery(t *testing.T) {
	t.Parallel()
	for _, b := range backends {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b)
			c.register("plain", "activity", handler(t, func(w http.ResponseWriter, _ *http.Request) { write(w, "1") }), "")
			addr := testenv.FreeAddr(t)
			id := c.calling("plain", "http://"+addr+"/hook", "")
			c.completed(id) // and nobody is there to be told
			restart := func() {
				for _, s := range c.schedulers {
					s.Kill()
				}
				c.schedulers = nil
				if b == onSQLite {
					c.dev()
				} else {
					c.scheduler()
				}
			}
			restart()
			r := newReceiver(t, addr)
			stopped := make(chan struct{})
			t.Cleanup(func() { close(stopped) }) // before the receiver is closed
			r.answer = func(_ called, nth int) int {
				if nth == 1 {
					<-stopped // until the scheduler is killed, and longer
				}
				return http.StatusOK
			}
			eventually(t, "the first delivery", func() bool { return len(r.of(id)) == 1 })
			restart()
			eventually(t, "the callback's end", func() bool {
				calls := c.callbacks(id)
				return len(calls) == 1 && calls[0].State == "completed"
			})
			calls := r.of(id)
			if len(calls) != 2 || calls[0].header.Get("Webhook-Id") != calls[1].header.Get("Webhook-Id") {
				t.Fatalf("%d deliveries", len(calls))
			}
		})
	}
}

func TestUnreachableReceiverHoldsUpNothingElse(t *testing.T) {
	t.Parallel()
	c := start(t, onPostgres, "STENT_CONCURRENCY=4")
	c.register("plain", "activity", handler(t, func(w http.ResponseWriter, _ *http.Request) { write(w, "1") }), "")
	nowhere, r := "http://"+testenv.FreeAddr(t)+"/", newReceiver(t, "")
	var stuck []string
	for range 40 {
		stuck = append(stuck, c.calling("plain", nowhere, ""))
	}
	for _, id := range stuck {
		c.completed(id)
	}
	for range 40 {
		id := c.calling("plain", r.url, "")
		c.completed(id)
		eventually(t, "a callback beside those that wait", func() bool { return len(r.of(id)) == 1 })
	}
	for _, id := range stuck {
		if calls := c.callbacks(id); len(calls) != 1 || calls[0].State == "completed" || calls[0].State == "failed" {
			t.Fatalf("%+v", calls)
		}
	}
}

// A completion, two forced cancels by different APIs and a deadline race to end
// each execution: one of them does, and tells it once.
func TestRacingEndsMakeOneCallback(t *testing.T) {
	t.Parallel()
	c := start(t, onPostgres, patient)
	c.api()
	apis := []*cluster{c.at(0), c.at(1)}
	release, entered := make(chan struct{}, rounds), make(chan struct{}, rounds)
	c.register("raced", "activity", handler(t, func(w http.ResponseWriter, r *http.Request) {
		entered <- struct{}{}
		select {
		case <-release:
			write(w, "1")
		case <-r.Context().Done():
		}
	}), "")
	r := newReceiver(t, "")
	ids := make([]string, rounds)
	var ended sync.WaitGroup
	for round := range rounds {
		more := ""
		if round%4 == 0 {
			more = `, "max_duration": "5ms"`
		}
		ids[round] = c.calling("raced", r.url, more)
		if round%2 == 1 { // the completion is on its way when the cancels are
			<-entered
		}
		for i := range 2 {
			ended.Go(func() { apis[i].do("POST", "/v1/executions/"+ids[round]+"/cancel", `{"mode": "force"}`) })
		}
		release <- struct{}{}
		ended.Wait()
		for len(entered) > 0 {
			<-entered
		}
	}
	events := map[string]int{}
	for _, id := range ids {
		eventually(t, "a callback", func() bool { return len(r.of(id)) > 0 })
		if calls := c.callbacks(id); len(calls) != 1 {
			t.Fatalf("execution %s has callbacks %+v", id, calls)
		}
		events[r.of(id)[0].header.Get("Stent-Event")]++
	}
	for _, id := range ids {
		if calls := r.of(id); len(calls) != 1 {
			t.Errorf("execution %s was told %d times", id, len(calls))
		}
	}
	t.Logf("how they ended: %v", events)
}
