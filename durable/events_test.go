package durable_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stent-dev/stent/durable"
)

// streams serves one canned stream after the other; the last again and again.
func streams(t *testing.T, bodies ...string) (c *durable.Client, asked func() []string) {
	t.Helper()
	var got []string
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		got = append(got, strings.TrimSpace(req.URL.Path+" "+req.Header.Get("Last-Event-ID")))
		body := bodies[min(len(got), len(bodies))-1]
		if status, problem, ok := strings.Cut(body, " {"); ok && len(status) == 3 {
			rw.Header().Set("Content-Type", "application/problem+json")
			code := 0
			_, _ = fmt.Sscan(status, &code)
			rw.WriteHeader(code)
			_, _ = io.WriteString(rw, "{"+problem)
			return
		}
		rw.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		_, _ = io.WriteString(rw, body)
	}))
	t.Cleanup(srv.Close)
	return durable.NewClient(srv.URL, durable.HTTPClient(srv.Client())), func() []string { return got }
}

// told gives what the events were, and the error that ended them.
func told(ctx context.Context, c *durable.Client, opts ...durable.EventsOption) (events []string, err error) {
	for e, failure := range c.Events(ctx, "x", opts...) {
		switch {
		case failure != nil:
			return events, failure
		case e.Execution != nil:
			events = append(events, e.ID+" "+string(e.Execution.State))
		default:
			events = append(events, e.ID+" "+e.Task.StepKey+" "+e.Task.State)
		}
	}
	return events, nil
}

func TestEventsGoOnWhereTheyWereCut(t *testing.T) {
	t.Parallel()
	c, asked := streams(t,
		"retry: 1000\n\nevent: execution\nid: 1\ndata: {\"state\":\ndata:  \"running\"}\n\n: keep-alive\n\nevent: task\nid: 2\ndata: {\"step_key\":\"a#0\",\"state\":\"pen",
		"503 {\"code\":\"unavailable\"}",
		"event: task\nid: 3\ndata: {\"step_key\":\"a#0\",\"state\":\"completed\"}\n\nevent: novelty\nid: 4\ndata: [\n\nevent: end\nid: 5\ndata: {}\n\nevent: task\n\n",
	)
	events, err := told(t.Context(), c)
	if want := "[1 running 3 a#0 completed]"; err != nil || fmt.Sprint(events) != want {
		t.Errorf("got %v, %v, want %s", events, err, want)
	}
	if got := fmt.Sprint(asked()); got != "[/v1/executions/x/events /v1/executions/x/events 1 /v1/executions/x/events 1]" {
		t.Errorf("asked %s", got)
	}
}

func TestEventsGoOnAfterAnEvent(t *testing.T) {
	t.Parallel()
	c, asked := streams(t, "event: end\ndata: {}\n\n")
	if events, err := told(t.Context(), c, durable.After("7")); err != nil || len(events) > 0 || asked()[0] != "/v1/executions/x/events 7" {
		t.Errorf("got %v, %v; asked %v", events, err, asked())
	}
}

func TestEventsEndWithWhatWillNotGetBetter(t *testing.T) {
	t.Parallel()
	c, asked := streams(t, "event: task\nid: 1\ndata: {}\n\n", "404 {\"code\":\"not_found\"}")
	events, err := told(t.Context(), c)
	var refused *durable.APIError
	if !errors.As(err, &refused) || refused.Code != "not_found" || len(events) != 1 || len(asked()) != 2 {
		t.Errorf("got %v, %v", events, err)
	}
	c, _ = streams(t, "event: task\nid: 1\ndata: nonsense\n\n")
	if _, err := told(t.Context(), c); err == nil {
		t.Error("nonsense was read")
	}
	_, err = told(t.Context(), durable.NewClient("http://127.0.0.1:1"))
	if err == nil {
		t.Error("nobody answered, and that is no error")
	}
	c, _ = api(t, http.StatusOK, `{}`)
	if _, err := told(t.Context(), c); !errors.As(err, &refused) {
		t.Errorf("what is no stream: %v", err)
	}
}

func TestEventsEndWithTheirContextOrTheirReader(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c, _ := streams(t, "event: task\nid: 1\ndata: {}\n\n")
	for _, err := range c.Events(ctx, "x") {
		if err == nil {
			cancel()
		} else if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
	for range c.Events(t.Context(), "x") {
		break
	}
}
