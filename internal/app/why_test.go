package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/testenv"
)

// hold is one thing that an execution waits for.
type hold struct {
	Step, Path, Name, Reason, Detail string
	Until                            *time.Time
	SchedulerID                      string `json:"scheduler_id"`
}

// why waits until the execution waits for exactly one thing, for that reason.
func (c *cluster) why(id, reason string) (last hold) {
	c.t.Helper()
	var body []byte
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-time.After(20 * time.Millisecond) {
		body = c.must(http.StatusOK, "GET", "/v1/executions/"+id+"/why", "").body
		var why struct {
			WaitsFor []hold `json:"waits_for"`
		}
		if err := json.Unmarshal(body, &why); err != nil {
			c.t.Fatal(err)
		}
		if len(why.WaitsFor) == 1 && why.WaitsFor[0].Reason == reason {
			if why.WaitsFor[0].Detail == "" {
				c.t.Errorf("%s is not explained: %s", reason, body)
			}
			return why.WaitsFor[0]
		}
	}
	c.t.Errorf("want %s: %s", reason, body)
	return last
}

// begin dispatches an execution, with more fields, and gives its id.
func (c *cluster) begin(function, more string) string {
	c.t.Helper()
	id, _ := c.must(http.StatusCreated, "POST", "/v1/executions", fmt.Sprintf(`{"function": %q%s}`, function, more)).field(c.t, "id").(string)
	return id
}

// commanding serves an orchestrator that gives one command and waits for it.
func commanding(t *testing.T, command string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Stent-Protocol", "1")
		_, _ = fmt.Fprintf(w, `{"commands": [%s], "await": "k"}`, command)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestWhyTellsWhatHoldsAnExecution(t *testing.T) {
	t.Parallel()
	for _, b := range []backend{onSQLite, onPostgres} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			whyTells(start(t, b))
		})
	}
}

func whyTells(c *cluster) {
	t := c.t
	block := make(chan struct{})
	worker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Stent-Function") {
		case "fails":
			w.WriteHeader(http.StatusInternalServerError)
		case "reports":
			w.Header().Set("Stent-Async", "true")
			w.WriteHeader(http.StatusAccepted)
		default:
			select {
			case <-block:
			case <-r.Context().Done():
			}
		}
	}))
	t.Cleanup(worker.Close)
	t.Cleanup(func() { close(block) })

	c.register("slow", "activity", worker.URL, "")
	if h := c.why(c.begin("slow", ""), "running"); h.SchedulerID == "" || h.Until == nil || h.Path != "slow" {
		t.Errorf("running is %+v", h)
	}
	c.why(c.begin("slow", `, "delay": "1h"`), "scheduled")
	c.register("fails", "activity", worker.URL, `, "retry_policy": {"initial_delay": "1h", "max_delay": "1h"}`)
	if h := c.why(c.begin("fails", ""), "retry"); h.Until == nil || !strings.Contains(h.Detail, "http_500") {
		t.Errorf("retry is %+v", h)
	}
	c.register("reports", "activity", worker.URL, "")
	if h := c.why(c.begin("reports", ""), "report"); h.Until == nil {
		t.Errorf("report is %+v", h)
	}
	c.register("one", "activity", worker.URL, `, "max_concurrent": 1`)
	c.why(c.begin("one", ""), "running")
	c.why(c.begin("one", ""), "max_concurrent")
	c.register("rare", "activity", worker.URL, `, "rate_limit": {"limit": 1, "per": "1h"}`)
	c.why(c.begin("rare", ""), "running")
	if h := c.why(c.begin("rare", ""), "rate_limit"); h.Until == nil || time.Until(*h.Until) < 50*time.Minute {
		t.Errorf("rate_limit is %+v", h)
	}
	c.must(http.StatusOK, "POST", "/v1/queues/closed/pause", "")
	c.register("closed", "activity", worker.URL, `, "queue": "closed"`)
	paused := c.begin("closed", `, "delay": "1500ms"`)
	c.why(paused, "queue_paused")
	c.must(http.StatusOK, "POST", "/v1/executions/"+paused+"/pause", "")
	c.why(paused, "execution_paused")

	c.register("waits", "orchestrator", commanding(t, `{"key": "k", "op": "wait_signal", "name": "go", "timeout": "1h"}`), "")
	if h := c.why(c.begin("waits", ""), "signal"); h.Name != "go" || h.Until == nil {
		t.Errorf("signal is %+v", h)
	}
	c.register("sleeps", "orchestrator", commanding(t, `{"key": "k", "op": "sleep", "duration": "1h"}`), "")
	c.why(c.begin("sleeps", ""), "timer")
	c.register("calls", "orchestrator", commanding(t, `{"key": "k", "op": "call", "name": "nobody"}`), "")
	if h := c.why(c.begin("calls", ""), "not_registered"); !strings.Contains(h.Detail, "nobody") {
		t.Errorf("not_registered is %+v", h)
	}
	c.register("maps", "orchestrator", commanding(t, `{"key": "k", "op": "map", "name": "slow", "inputs": [1, 2], "max_in_flight": 1}`), "")
	body := string(c.must(http.StatusOK, "GET", "/v1/executions/"+c.begin("maps", "")+"/why", "").body)
	if strings.Count(body, `"task_id"`) == 2 && (!strings.Contains(body, "max_in_flight") || !strings.Contains(body, "running")) {
		t.Errorf("the map is %s", body)
	}

	c.register("nests", "orchestrator", commanding(t, `{"key": "k", "op": "map", "name": "waits", "inputs": [1]}`), "")
	if h := c.why(c.begin("nests", ""), "signal"); h.Path != "k[0]/k" || h.Step != "k" {
		t.Errorf("a signal in the item of a map is %+v", h)
	}

	// A worker that is not there any more.
	addr := testenv.FreeAddr(t)
	w := c.worker(addr)
	w.Kill()
	if h := c.why(c.begin("step", ""), "worker_unreachable"); !strings.HasSuffix(h.Detail, "cannot be reached: dial tcp "+addr+": connect: connection refused") {
		t.Errorf("worker_unreachable is %+v", h)
	}
	ended := c.begin("slow", "")
	c.must(http.StatusOK, "POST", "/v1/executions/"+ended+"/cancel", `{"mode": "force"}`)
	if a := c.must(http.StatusOK, "GET", "/v1/executions/"+ended+"/why", ""); !strings.Contains(string(a.body), `"waits_for":[]`) {
		t.Errorf("an ended execution waits: %s", a.body)
	}
	for _, s := range c.schedulers {
		s.Kill()
	}
	if len(c.schedulers) > 1 { // the API is still there
		c.why(c.begin("slow", ""), "no_scheduler")
	}
}
