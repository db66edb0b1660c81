package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// handler serves a plain HTTP handler for as long as the test runs.
func handler(t *testing.T, f http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server.URL
}

func write(w io.Writer, format string, a ...any) { fmt.Fprintf(w, format, a...) }

// Whatever a worker answers to an activity, the execution ends with an error that
// says what was wrong with it.
func TestBadAnswersOfActivitiesAreToldAsErrors(t *testing.T) {
	t.Parallel()
	c := start(t, onSQLite, patient)
	for name, bad := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"garbage":   {func(w http.ResponseWriter, _ *http.Request) { write(w, "<html>\x00\xff") }, "invalid_json"},
		"empty":     {func(http.ResponseWriter, *http.Request) {}, "invalid_json"},
		"oversized": {func(w http.ResponseWriter, _ *http.Request) { write(w, `"%s"`, strings.Repeat("x", 2<<20)) }, "result_too_large"},
		"deep":      {func(w http.ResponseWriter, _ *http.Request) { write(w, "%s", strings.Repeat("[", 100_000)) }, "json_too_deep"},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		}, "redirect"},
		"cut": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "connection_lost"},
		"refusal": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnprocessableEntity)
			write(w, `{"error": {"type": "card_declined", "message": "no money", "details": {"code": 51}}}`)
		}, "card_declined"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := *c
			c.t = t
			c.register(name, "activity", handler(t, bad.answer), `, "retry_policy": {"max_attempts": 2, "initial_delay": "10ms"}`)
			a := c.must(http.StatusCreated, "POST", "/v1/executions?wait=30s", fmt.Sprintf(`{"function": %q}`, name))
			failure, _ := a.field(t, "error").(map[string]any)
			if a.field(t, "state") != "failed" || failure["type"] != bad.want || failure["message"] == "" {
				t.Errorf("state %v, error %v, want failed with %s", a.field(t, "state"), failure, bad.want)
			}
		})
	}
}

// Nothing that is answered to a turn fails the execution: the turn is delivered
// again, the task tells why, and a good answer goes on from where it was.
func TestBadAnswersToTurnsLoseNothing(t *testing.T) {
	t.Parallel()
	c := start(t, onSQLite, patient)
	for name, bad := range map[string]struct {
		answer func(http.ResponseWriter)
		want   string
	}{
		"no protocol":   {func(w http.ResponseWriter) { write(w, `{"outcome": {"completed": "a proxy spoke"}}`) }, "missing_protocol"},
		"garbage":       {func(w http.ResponseWriter) { w.Header().Set("Stent-Protocol", "1"); write(w, "\x00") }, ""},
		"unknown field": {func(w http.ResponseWriter) { w.Header().Set("Stent-Protocol", "1"); write(w, `{"outcom": null}`) }, ""},
		"nothing to do": {func(w http.ResponseWriter) { w.Header().Set("Stent-Protocol", "1"); write(w, `{"commands": []}`) }, "invalid_turn"},
		"unknown await": {func(w http.ResponseWriter) { w.Header().Set("Stent-Protocol", "1"); write(w, `{"await": "x#0"}`) }, "invalid_turn"},
		"bad duration": {func(w http.ResponseWriter) {
			w.Header().Set("Stent-Protocol", "1")
			write(w, `{"commands": [{"key": "a", "op": "sleep", "duration": "1 h"}], "await": "a"}`)
		}, "invalid_turn"},
		"oversized": {func(w http.ResponseWriter) {
			w.Header().Set("Stent-Protocol", "1")
			write(w, `{"x": "%s"}`, strings.Repeat("x", 5<<20))
		}, ""},
		"server error":    {func(w http.ResponseWriter) { http.Error(w, "oops", http.StatusInternalServerError) }, "http_500"},
		"failed for good": {func(w http.ResponseWriter) { http.Error(w, "no", http.StatusBadRequest) }, "http_400"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := *c
			c.t = t
			turns := 0 // turns of one task never overlap
			url := handler(t, func(w http.ResponseWriter, _ *http.Request) {
				if turns++; turns <= 2 {
					bad.answer(w)
					return
				}
				w.Header().Set("Stent-Protocol", "1")
				write(w, `{"outcome": {"completed": "well"}}`)
			})
			function := strings.ReplaceAll(name, " ", "-")
			c.register(function, "orchestrator", url, "")
			id := c.dispatch(function, "null")
			if got := c.completed(id); got != `"well"` {
				t.Fatalf("result %s", got)
			}
			for _, failure := range c.rootAttempts(id) {
				if failure.Message == "" || bad.want != "" && failure.Type != bad.want {
					t.Errorf("an attempt failed with %+v, want %s", failure, bad.want)
				}
			}
		})
	}
}

type attemptError struct{ Type, Message string }

// rootAttempts gives the errors of the failed attempts of an execution's root task; there must be some.
func (c *cluster) rootAttempts(id string) []attemptError {
	c.t.Helper()
	var list struct {
		Items []struct {
			ID     string
			Parent *string `json:"parent_task_id"`
		}
	}
	if err := json.Unmarshal(c.must(http.StatusOK, "GET", "/v1/executions/"+id+"/tasks", "").body, &list); err != nil {
		c.t.Fatal(err)
	}
	var failures []attemptError
	for _, item := range list.Items {
		if item.Parent != nil {
			continue
		}
		var task struct {
			Attempts []struct{ Error attemptError }
		}
		if err := json.Unmarshal(c.must(http.StatusOK, "GET", "/v1/tasks/"+item.ID, "").body, &task); err != nil {
			c.t.Fatal(err)
		}
		for _, a := range task.Attempts {
			failures = append(failures, a.Error)
		}
	}
	if len(failures) == 0 {
		c.t.Errorf("no failed attempt is shown: %+v", list)
	}
	return failures
}

func TestAsynchronousActivityReportsBack(t *testing.T) {
	t.Parallel()
	for _, b := range backends {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b, patient)
			type delivery struct{ task, token string }
			deliveries := make(chan delivery, 10)
			url := handler(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Stent-Async", "true")
				w.WriteHeader(http.StatusAccepted)
				deliveries <- delivery{r.Header.Get("Stent-Task-Id"), r.Header.Get("Stent-Task-Token")}
			})
			c.register("slow", "activity", url, `, "timeout": "1m", "heartbeat_timeout": "20s"`)
			id := c.dispatch("slow", `{"a": 1}`)
			d := <-deliveries
			report := func(verb, body string) answer {
				return c.do("POST", "/v1/tasks/"+d.task+"/"+verb, body, "Stent-Task-Token", d.token)
			}
			beat := report("heartbeat", `{"details": {"done": 0.5}}`)
			if beat.status != http.StatusOK || beat.field(t, "cancel") != false {
				t.Fatalf("heartbeat: %d %s", beat.status, beat.body)
			}
			for range 2 { // the same report again is no error
				if a := report("complete", `{"result": {"b": 2}}`); a.status != http.StatusOK {
					t.Fatalf("complete: %d %s", a.status, a.body)
				}
			}
			if got := c.completed(id); got != `{"b": 2}` {
				t.Fatalf("result %s, want the bytes that were reported", got)
			}

			// An attempt that is failed is followed by another one, whose token alone counts.
			id = c.dispatch("slow", "1")
			first := <-deliveries
			d = first
			if a := report("fail", `{"error": {"type": "flaky", "message": "again"}, "retryable": true}`); a.status != http.StatusOK {
				t.Fatalf("fail: %d %s", a.status, a.body)
			}
			second := <-deliveries
			if a := report("complete", `{"result": "stale"}`); a.status != http.StatusConflict || a.field(t, "code") != "lease_lost" {
				t.Fatalf("a stale report: %d %s", a.status, a.body)
			}
			d = second
			if a := report("complete", `{"result": "fresh"}`); a.status != http.StatusOK {
				t.Fatalf("complete: %d %s", a.status, a.body)
			}
			if got := c.completed(id); got != `"fresh"` {
				t.Fatalf("result %s", got)
			}
		})
	}
}

// waiting is an orchestrator without SDK that waits for one signal and gives its
// payload back; cancelled, it runs a compensation first.
func waiting(w http.ResponseWriter, r *http.Request) {
	var turn struct {
		CancelRequested bool `json:"cancel_requested"`
		History         []struct {
			Key, Status string
			Value       json.RawMessage
		}
	}
	w.Header().Set("Stent-Protocol", "1")
	if err := json.NewDecoder(r.Body).Decode(&turn); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	settled := map[string]json.RawMessage{}
	for _, step := range turn.History {
		if step.Status == "completed" {
			settled[step.Key] = step.Value
		}
	}
	_, undone := settled["undo#0"]
	switch value, come := settled["go#0"]; {
	case turn.CancelRequested && !undone:
		write(w, `{"commands": [{"key": "undo#0", "op": "call", "name": "undo", "input": null}], "await": "undo#0"}`)
	case turn.CancelRequested:
		write(w, `{"outcome": {"completed": "compensated"}}`)
	case come:
		write(w, `{"outcome": {"completed": %s}}`, value)
	default:
		write(w, `{"commands": [{"key": "go#0", "op": "wait_signal", "name": "go", "timeout": "1h"}], "await": "go#0"}`)
	}
}

func TestSignalsAndCancellationOverREST(t *testing.T) {
	t.Parallel()
	for _, b := range backends {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b, patient)
			undone := make(chan struct{}, 1)
			c.register("waiting", "orchestrator", handler(t, waiting), "")
			c.register("undo", "activity", handler(t, func(w http.ResponseWriter, _ *http.Request) {
				undone <- struct{}{}
				w.WriteHeader(http.StatusNoContent)
			}), "")

			id := c.dispatch("waiting", "null")
			c.must(http.StatusAccepted, "POST", "/v1/executions/"+id+"/signals/go", `{"n":1}`)
			if got := c.completed(id); got != `{"n":1}` {
				t.Fatalf("result %s, want the signal's payload", got)
			}
			late := c.must(http.StatusConflict, "POST", "/v1/executions/"+id+"/signals/go", `{"n": 2}`)
			if code := late.field(t, "code"); code != "already_terminal" {
				t.Fatalf("code %v", code)
			}
			c.must(http.StatusNotFound, "POST", "/v1/executions/00000000-0000-7000-8000-000000000000/signals/go", "1")

			id = c.dispatch("waiting", "null")
			c.step(id, "go#0", "waiting")
			other := c.must(http.StatusAccepted, "POST", "/v1/executions/"+id+"/signals/other", "1")
			if delivery := other.field(t, "delivery"); delivery != "buffered" {
				t.Fatalf("delivery %v", delivery)
			}
			c.must(http.StatusOK, "POST", "/v1/executions/"+id+"/cancel", `{"mode": "graceful"}`)
			<-undone
			c.state(id, "cancelled")

			id = c.dispatch("waiting", "null")
			c.step(id, "go#0", "waiting")
			c.must(http.StatusOK, "POST", "/v1/executions/"+id+"/cancel", `{"mode": "force"}`)
			c.state(id, "cancelled")
		})
	}
}

// state waits until an execution ends, and checks how.
func (c *cluster) state(id, want string) {
	c.t.Helper()
	a := c.must(http.StatusOK, "GET", "/v1/executions/"+id+"?wait=30s", "")
	if got := a.field(c.t, "state"); got != want {
		c.t.Fatalf("state %v, want %s: %s", got, want, a.body)
	}
}

// step waits until a step of an execution has a status.
func (c *cluster) step(id, key, status string) {
	c.t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); <-ticker.C {
		var e struct {
			Progress []struct{ Step, Status string }
		}
		if err := json.Unmarshal(c.must(http.StatusOK, "GET", "/v1/executions/"+id, "").body, &e); err != nil {
			c.t.Fatal(err)
		}
		for _, p := range e.Progress {
			if p.Step == key && p.Status == status {
				return
			}
		}
	}
	c.t.Fatalf("step %s of %s did not become %s", key, id, status)
}
