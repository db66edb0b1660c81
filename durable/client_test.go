package durable_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
)

// api serves one canned answer, and tells what was asked.
func api(t *testing.T, status int, answer string) (c *durable.Client, asked func() string) {
	t.Helper()
	var got string
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			t.Error(err)
		}
		got = strings.TrimSpace(strings.Join([]string{req.Method, req.RequestURI, string(body)}, " "))
		for _, name := range []string{"Authorization", "Idempotency-Key", "Stent-Task-Token"} {
			if v := req.Header.Get(name); v != "" {
				got += " [" + name + ": " + v + "]"
			}
		}
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, answer)
	}))
	t.Cleanup(srv.Close)
	return durable.NewClient(srv.URL+"/", durable.HTTPClient(srv.Client())), func() string { return got }
}

func TestClientAsksAsTheProtocolSays(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	for name, c := range map[string]struct {
		call func(context.Context, *durable.Client) error
		want string
	}{
		"dispatch": {func(ctx context.Context, c *durable.Client) error {
			_, err := c.Dispatch(ctx, "order", 1, durable.IdempotencyKey("k"), durable.Delay(30*time.Minute), durable.MaxDuration(time.Hour),
				durable.Tags("a"), durable.Priority(0), durable.Queue("eu"), durable.CallbackURL("http://x"), durable.WaitUpTo(30*time.Second))
			return err
		}, `POST /v1/executions?wait=30s {"function":"order","input":1,"delay":"30m","max_duration":"1h","tags":["a"],"priority":0,"queue":"eu","callback_url":"http://x"} [Idempotency-Key: k]`},
		"start at": {func(ctx context.Context, c *durable.Client) error {
			_, err := c.Dispatch(ctx, "order", nil, durable.StartAt(at))
			return err
		}, `POST /v1/executions {"function":"order","input":null,"start_at":"2026-01-02T02:04:05Z"}`},
		"get": {func(ctx context.Context, c *durable.Client) error { _, err := c.Get(ctx, "a/b"); return err }, `GET /v1/executions/a%2Fb`},
		"signal": {func(ctx context.Context, c *durable.Client) error {
			_, err := c.Signal(ctx, "e", "ok", true)
			return err
		}, `POST /v1/executions/e/signals/ok true`},
		"signal with a key": {func(ctx context.Context, c *durable.Client) error {
			_, err := c.Signal(ctx, "e", "ok", true, durable.IdempotencyKey("k"))
			return err
		}, `POST /v1/executions/e/signals/ok true [Idempotency-Key: k]`},
		"no payload": {func(ctx context.Context, c *durable.Client) error {
			_, err := c.Signal(ctx, "e", "ok", nil)
			return err
		}, `POST /v1/executions/e/signals/ok null`},
		"cancel": {func(ctx context.Context, c *durable.Client) error { return c.Cancel(ctx, "e", durable.Force) }, `POST /v1/executions/e/cancel {"mode":"force"}`},
		"pause":  {func(ctx context.Context, c *durable.Client) error { return c.Pause(ctx, "e") }, `POST /v1/executions/e/pause`},
		"resume": {func(ctx context.Context, c *durable.Client) error { return c.Resume(ctx, "e") }, `POST /v1/executions/e/resume`},
		"state":  {func(ctx context.Context, c *durable.Client) error { return c.SetState(ctx, "e", "k", "v") }, `PUT /v1/executions/e/state/k "v"`},
		"counter": {func(ctx context.Context, c *durable.Client) error {
			_, err := c.AddCounter(ctx, "e", "n", 2)
			return err
		}, `POST /v1/executions/e/counters/n {"add":2}`},
		"worker": {func(ctx context.Context, c *durable.Client) error {
			_, err := c.RegisterWorker(ctx, "http://w", "whsec_x")
			return err
		}, `POST /v1/workers {"url":"http://w","secret":"whsec_x"}`},
		"function": {func(ctx context.Context, c *durable.Client) error {
			return c.RegisterFunction(ctx, "charge", durable.KindActivity, "http://b", durable.Timeout(time.Minute))
		}, `PUT /v1/functions/charge {"kind":"activity","url":"http://b","timeout":"1m"}`},
		"invalidate": {func(ctx context.Context, c *durable.Client) error { return c.InvalidateResults(ctx, "a/b") },
			`DELETE /v1/functions/a%2Fb/results`},
		"executions": {func(ctx context.Context, c *durable.Client) error {
			_, err := c.Executions(ctx, durable.ExecutionFilter{
				States: []durable.State{durable.StateRunning, durable.StateBlocked}, Functions: []string{"a b"}, Queues: []string{"eu"}, Tags: []string{"x"},
				CreatedAfter: at, CreatedBefore: at.Add(time.Millisecond),
			}, durable.Part{Limit: 5, Cursor: "C"})
			return err
		}, `GET /v1/executions?created_after=2026-01-02T02%3A04%3A05Z&created_before=2026-01-02T02%3A04%3A05.001Z&cursor=C&function=a+b&limit=5&queue=eu&state=running&state=blocked&tag=x`},
		"all executions": {func(ctx context.Context, c *durable.Client) error {
			_, err := c.Executions(ctx, durable.ExecutionFilter{}, durable.Part{})
			return err
		}, `GET /v1/executions`},
		"tasks": {func(ctx context.Context, c *durable.Client) error {
			_, err := c.Tasks(ctx, durable.TaskFilter{States: []string{"failed"}, Kinds: []string{"map"}, Functions: []string{"f"}, Queues: []string{"q"}}, durable.Part{})
			return err
		}, `GET /v1/tasks?function=f&kind=map&queue=q&state=failed`},
		"tasks of an execution": {func(ctx context.Context, c *durable.Client) error {
			_, err := c.ExecutionTasks(ctx, "e", durable.TaskFilter{}, durable.Part{Limit: 500})
			return err
		}, `GET /v1/executions/e/tasks?limit=500`},
		"task": {func(ctx context.Context, c *durable.Client) error { _, err := c.Task(ctx, "t"); return err }, `GET /v1/tasks/t`},
		"functions": {func(ctx context.Context, c *durable.Client) error {
			_, err := c.Functions(ctx, durable.Part{})
			return err
		}, `GET /v1/functions`},
		"workers": {func(ctx context.Context, c *durable.Client) error {
			_, err := c.Workers(ctx, durable.Part{})
			return err
		}, `GET /v1/workers`},
		"schedulers": {func(ctx context.Context, c *durable.Client) error {
			_, err := c.Schedulers(ctx, durable.Part{})
			return err
		}, `GET /v1/schedulers`},
		"pause all": {func(ctx context.Context, c *durable.Client) error {
			_, err := c.PauseAll(ctx, durable.Bulk{Filter: durable.ExecutionFilter{Queues: []string{"eu"}}, Limit: 5, DryRun: true})
			return err
		}, `POST /v1/executions/pause {"filter":{"queue":["eu"]},"limit":5,"dry_run":true}`},
		"complete": {func(ctx context.Context, c *durable.Client) error { return c.Complete(ctx, "t", "tok", 7) },
			`POST /v1/tasks/t/complete {"result":7} [Stent-Task-Token: tok]`},
		"complete with an update": {func(ctx context.Context, c *durable.Client) error {
			return c.Complete(ctx, "t", "tok", 7, durable.AddingCounter("n", 2), durable.AddingCounter("n", 1), durable.SettingState("phase", "ü"))
		}, `POST /v1/tasks/t/complete {"result":7,"counters":{"n":3},"state":{"phase":"ü"}} [Stent-Task-Token: tok]`},
		"fail": {func(ctx context.Context, c *durable.Client) error {
			return c.Fail(ctx, "t", "tok", durable.Terminal(durable.Errorf("bad", "no")))
		}, `POST /v1/tasks/t/fail {"error":{"type":"bad","message":"no"},"retryable":false} [Stent-Task-Token: tok]`},
		"heartbeat": {func(ctx context.Context, c *durable.Client) error {
			_, err := c.Heartbeat(ctx, "t", "tok", map[string]int{"done": 3})
			return err
		}, `POST /v1/tasks/t/heartbeat {"details":{"done":3}} [Stent-Task-Token: tok]`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, asked := api(t, 200, "{}")
			if err := c.call(t.Context(), client); err != nil || asked() != c.want {
				t.Fatalf("asked %s, %v\nwant  %s", asked(), err, c.want)
			}
		})
	}
}

func TestRefusalIsAnAPIError(t *testing.T) {
	t.Parallel()
	c, _ := api(t, 422, `{"type":"about:blank","title":"Unprocessable","status":422,"detail":"bad input","code":"invalid_request","errors":[{"pointer":"/delay","detail":"not a duration"}]}`)
	_, err := c.Get(t.Context(), "e")
	var e *durable.APIError
	if !errors.As(err, &e) || e.Status != 422 || e.Code != "invalid_request" || e.Fields[0].Pointer != "/delay" ||
		err.Error() != "stent: 422 invalid_request: bad input; /delay: not a duration" {
		t.Fatalf("got %#v", err)
	}
	c, _ = api(t, 502, `<html>`)
	if _, err := c.Get(t.Context(), "e"); !errors.As(err, &e) || e.Status != 502 {
		t.Fatalf("a proxy's page: %v", err)
	}
	c, _ = api(t, 200, `<html>`)
	if _, err := c.Get(t.Context(), "e"); err == nil || errors.As(err, &e) && e.Status == 200 {
		t.Fatalf("a page with 200: %v", err)
	}
}

// net/http makes a GET of a POST that is redirected with 301, 302 or 303, as from http to
// https, and its answer looks like a success.
func TestARedirectThatLosesTheRequestIsAnError(t *testing.T) {
	t.Parallel()
	for status, lost := range map[int]bool{301: true, 302: true, 303: true, 307: false, 308: false} {
		srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
			if !strings.HasPrefix(req.URL.Path, "/there") {
				http.Redirect(rw, req, "/there"+req.URL.Path, status)
				return
			}
			_, _ = io.WriteString(rw, `{"id":"e","items":[]}`)
		}))
		t.Cleanup(srv.Close)
		c := durable.NewClient(srv.URL, durable.HTTPClient(srv.Client()))
		e, err := c.Dispatch(t.Context(), "order", 1)
		var refused *durable.APIError
		switch {
		case lost && (!errors.As(err, &refused) || !strings.Contains(err.Error(), srv.URL+"/there/v1/executions")):
			t.Errorf("dispatched by a %d: %+v, %v", status, e, err)
		case !lost && (err != nil || e.ID != "e"):
			t.Errorf("dispatched by a %d: %+v, %v", status, e, err)
		}
		if e, err := c.Get(t.Context(), "e"); err != nil || e.ID != "e" {
			t.Errorf("read by a %d: %+v, %v", status, e, err)
		}
	}
}

func TestClientRefusesWhatItCannotSend(t *testing.T) {
	t.Parallel()
	c := durable.NewClient("http://127.0.0.1:1")
	_, dispatch := c.Dispatch(t.Context(), "f", func() {})
	_, option := c.Dispatch(t.Context(), "f", 1, durable.Queue(""))
	_, signal := c.Signal(t.Context(), "e", "s", func() {})
	_, key := c.Signal(t.Context(), "e", "s", 1, durable.IdempotencyKey(""))
	for _, err := range []error{
		dispatch, option, signal, key,
		c.SetState(t.Context(), "e", "k", func() {}),
		c.Fail(t.Context(), "t", "tok", nil),
		c.RegisterFunction(t.Context(), "", durable.KindActivity, "u"),
		c.Complete(t.Context(), "t", "tok", func() {}),
		c.Complete(t.Context(), "t", "tok", 1, durable.AddingCounter("", 1)),
		c.Complete(t.Context(), "t", "tok", 1, durable.SettingState("k", func() {})),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "stent: ") {
			t.Errorf("got %v", err)
		}
	}
}

func TestResultTellsHowAnExecutionEnded(t *testing.T) {
	t.Parallel()
	v, err := durable.Result[int](&durable.Execution{State: durable.StateCompleted, Result: []byte("7")})
	if v != 7 || err != nil {
		t.Errorf("completed: %d, %v", v, err)
	}
	_, err = durable.Result[int](&durable.Execution{ID: "e", State: durable.StateFailed, Error: &durable.ExecutionError{Type: "bad", Message: "no"}})
	var failure *durable.ExecutionError
	if !errors.As(err, &failure) || failure.Type != "bad" || err.Error() != "execution e failed: bad: no" {
		t.Errorf("failed: %v", err)
	}
	if _, err = durable.Result[int](&durable.Execution{ID: "e", State: durable.StateCancelled}); err == nil || err.Error() != "execution e cancelled" {
		t.Errorf("cancelled: %v", err)
	}
	if _, err = durable.Result[int](&durable.Execution{State: durable.StateBlocked}); !errors.Is(err, durable.ErrNotTerminal) {
		t.Errorf("blocked: %v", err)
	}
	if _, err = durable.Result[int](&durable.Execution{State: durable.StateCompleted, Result: []byte(`"x"`)}); err == nil {
		t.Error("a result of another type was decoded")
	}
}

func TestWaitAsksUntilTheEnd(t *testing.T) {
	t.Parallel()
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		state := "running"
		if asked++; asked > 1 {
			state = "completed"
		}
		if req.URL.Query().Get("wait") != "30s" || req.Header.Get("Authorization") != "Bearer key" {
			t.Errorf("asked %s", req.URL)
		}
		_, _ = io.WriteString(rw, `{"id":"e","state":"`+state+`","result":1}`)
	}))
	t.Cleanup(srv.Close)
	c := durable.NewClient(srv.URL, durable.APIKey("key"), durable.HTTPClient(srv.Client()))
	e, err := c.Wait(t.Context(), "e")
	if err != nil || e.State != durable.StateCompleted || asked != 2 {
		t.Fatalf("%+v, %v after %d", e, err, asked)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Wait(ended, "e"); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}
