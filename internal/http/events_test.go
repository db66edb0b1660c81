package http

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/http/api"
	"github.com/stent-dev/stent/internal/workflow"
)

// parts is a feed of what it is sent.
type parts struct {
	next   chan engine.FeedPart
	closed atomic.Bool
}

func (p *parts) Next(ctx context.Context, _ time.Duration) (engine.FeedPart, error) {
	select {
	case part := <-p.next:
		return part, nil
	case <-ctx.Done():
		return engine.FeedPart{}, ctx.Err()
	}
}

func (p *parts) Close() { p.closed.Store(true) }

// changes is a list of what it is sent.
type changes chan []string

func (c changes) Next(ctx context.Context, _ time.Duration) (ids []string, many bool, err error) {
	select {
	case ids := <-c:
		return ids, ids == nil, nil
	case <-ctx.Done():
		return nil, false, ctx.Err()
	}
}
func (c changes) Close() {}

// open opens a stream; its lines come as they are sent, the channel ends with it.
func (c client) open(t *testing.T, path string, headers ...string) (lines <-chan string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	response, err := c.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if got := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || got != "text/event-stream" {
		t.Errorf("answered %d, %s", response.StatusCode, got)
	}
	came := make(chan string, 1000)
	t.Cleanup(func() { _ = response.Body.Close() })
	go func() {
		defer close(came)
		for scanner := bufio.NewScanner(response.Body); scanner.Scan(); {
			came <- scanner.Text()
		}
	}()
	return came
}

// expect reads the lines of one event.
func expect(t *testing.T, lines <-chan string, want ...string) {
	t.Helper()
	for _, w := range append(want, "") {
		if got := <-lines; got != w && (!strings.HasSuffix(w, "…") || !strings.HasPrefix(got, strings.TrimSuffix(w, "…"))) {
			t.Fatalf("got line %q, want %q", got, w)
		}
	}
}

func TestAnExecutionIsFollowedToItsEnd(t *testing.T) {
	t.Parallel()
	feed := &parts{next: make(chan engine.FeedPart)}
	c := setup(t, Options{Engine: &fake{feed: feed}})
	lines := c.open(t, executionPath+"/events")
	expect(t, lines, "retry: 1000")
	broken := task()
	broken.Input = json.RawMessage("{\"a\":\r\n1}")
	feed.next <- engine.FeedPart{Execution: view()}
	expect(t, lines, "event: execution", "id: MSA", `data: {"id":"00010000-0000-0000-0000-000000000001","function":"order"…`)
	feed.next <- engine.FeedPart{}
	expect(t, lines, ": keep-alive")
	feed.next <- engine.FeedPart{Tasks: []*workflow.Task{broken}}
	expect(t, lines, "event: task", "id: MSAgI…", `data: {"id":"00010000-0000-0000-0000-000000000002"…`, `data: 1}…`)
	feed.next <- engine.FeedPart{End: true}
	expect(t, lines, "event: end", "id: MSA", "data: {}")
	if _, more := <-lines; more || !feed.closed.Load() {
		t.Error("the stream goes on after its end")
	}
}

func TestFollowedExecutionsHaveNoProgress(t *testing.T) {
	t.Parallel()
	feed := &parts{next: make(chan engine.FeedPart, 1)}
	c := setup(t, Options{Engine: &fake{feed: feed}})
	feed.next <- engine.FeedPart{Execution: view(), End: true}
	lines := c.open(t, executionPath+"/events")
	var shown map[string]json.RawMessage
	for line := range lines {
		if data, ok := strings.CutPrefix(line, "data: {\"id\""); ok {
			if err := json.Unmarshal([]byte("{\"id\""+data), &shown); err != nil {
				t.Fatal(err)
			}
		}
	}
	if shown["progress"] != nil || string(shown["counters"]) == "" || string(shown["custom_state"]) == "" {
		t.Errorf("got %s", shown)
	}
}

func TestAStreamGoesOnFromTheLastEventID(t *testing.T) {
	t.Parallel()
	feed := &parts{next: make(chan engine.FeedPart, 3)}
	f := &fake{feed: feed}
	c := setup(t, Options{Engine: f})
	for range 3 {
		feed.next <- engine.FeedPart{End: true}
	}
	for _, headers := range [][]string{{"Last-Event-ID: abc"}, nil, {"Last-Event-ID: "}} {
		lines := c.open(t, executionPath+"/events?last_event_id=def", headers...)
		for range lines {
			continue // to its end
		}
	}
	if got := fmt.Sprint(f.cursors); got != "[abc def def]" {
		t.Errorf("followed from %s", got)
	}
	c.call(t, http.MethodGet, executionPath+"/events?last_event_id=bad", "").want(t, 400)
	f.err = workflow.ErrNotFound
	c.call(t, http.MethodGet, executionPath+"/events", "").want(t, 404)
	f.err = engine.ErrUnavailable
	c.call(t, http.MethodGet, executionPath+"/events", "").want(t, 503)
	c.call(t, http.MethodGet, "/v1/events", "").want(t, 503)
}

func TestChangesAreHintedAt(t *testing.T) {
	t.Parallel()
	list := make(changes)
	c := setup(t, Options{Engine: &fake{changes: list}})
	lines := c.open(t, "/v1/events")
	expect(t, lines, "retry: 1000")
	list <- []string{"a", "b"}
	expect(t, lines, "event: changed", `data: {"executions":["a","b"]}`)
	list <- []string{}
	expect(t, lines, ": keep-alive")
	list <- nil
	expect(t, lines, "event: changed", `data: {"executions":[],"many":true}`)
}

func TestStreamsEndWhenTheServiceDrains(t *testing.T) {
	t.Parallel()
	draining, drain := context.WithCancel(t.Context())
	feed := &parts{next: make(chan engine.FeedPart)}
	c := setup(t, Options{Engine: &fake{feed: feed}, Draining: draining})
	lines := c.open(t, executionPath+"/events")
	expect(t, lines, "retry: 1000")
	drain()
	if line, more := <-lines; more {
		t.Errorf("got %q", line)
	}
}

func TestHeadOfAStreamEndsAtOnce(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{Engine: &fake{feed: &parts{}, changes: make(changes)}})
	for _, path := range []string{executionPath + "/events", "/v1/events"} {
		if a := c.call(t, http.MethodHead, path, "").want(t, 200); a.header.Get("Content-Type") != "text/event-stream" {
			t.Errorf("got %v", a.header)
		}
	}
}

// A client that does not read is cut off: the writes that its connection has no room
// for time out.
func TestAStreamThatNobodyReadsIsCut(t *testing.T) {
	t.Parallel()
	w := &stuck{deadlines: make(chan time.Time, 1)}
	events := &eventWriter{w: w, control: http.NewResponseController(w)}
	events.event("task", "", func(j *jsonWriter) { j.begin('{'); j.end('}') })
	if err := events.flush(); err == nil {
		t.Error("writing to a client that does not read succeeds")
	}
	if left := time.Until(<-w.deadlines); left <= 0 || left > streamWrite {
		t.Errorf("it may take %s", left)
	}
}

// Else each such client would take the place of one that follows, for good.
func TestAStreamWhoseClientIsGoneBeforeItBeginsIsClosed(t *testing.T) {
	t.Parallel()
	feed := &parts{}
	s := &server{engine: &fake{feed: feed}, draining: t.Context()}
	response, err := s.FollowExecution(t.Context(), api.FollowExecutionRequestObject{})
	if err != nil {
		t.Fatal(err)
	}
	if err := response.VisitFollowExecutionResponse(&stuck{deadlines: make(chan time.Time, 1)}); err != nil || !feed.closed.Load() {
		t.Errorf("closed: %t, %v", feed.closed.Load(), err)
	}
}

// stuck is the answer to a client that does not read.
type stuck struct{ deadlines chan time.Time }

func (w *stuck) Header() http.Header { return http.Header{} }
func (w *stuck) WriteHeader(int)     {}
func (w *stuck) Write([]byte) (int, error) {
	return 0, &net.OpError{Op: "write", Err: bytes.ErrTooLarge}
}
func (w *stuck) SetWriteDeadline(at time.Time) error { w.deadlines <- at; return nil }

func TestAStepThatAReplayTookBackIsOfNoRun(t *testing.T) {
	t.Parallel()
	feed := &parts{next: make(chan engine.FeedPart, 1)}
	c := setup(t, Options{Engine: &fake{feed: feed}})
	back := task()
	back.ParentRun = -3
	feed.next <- engine.FeedPart{Tasks: []*workflow.Task{back}, End: true}
	for line := range c.open(t, executionPath+"/events") {
		if strings.Contains(line, `"step_key"`) && !strings.Contains(line, `"run":0,"parent_run":null,`) {
			t.Errorf("told was %s", line)
		}
	}
}
