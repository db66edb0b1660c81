package durable

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"time"
)

// TaskInfo is one call inside an execution, as the service shows it.
type TaskInfo struct {
	ID             string          `json:"id"`
	ExecutionID    string          `json:"execution_id"`
	ParentTaskID   string          `json:"parent_task_id"` // empty: the execution's own task
	StepKey        string          `json:"step_key"`       // an item's index in its map
	Kind           string          `json:"kind"`           // orchestrator, activity, timer, signal, local or map
	Name           string          `json:"name"`
	Function       string          `json:"function"` // empty: it calls none
	State          string          `json:"state"`    // pending, running, waiting, completed, failed or cancelled
	Queue          string          `json:"queue"`
	Priority       int             `json:"priority"`
	Attempt        int             `json:"attempt"`
	Retries        int             `json:"retries"`
	CacheHit       bool            `json:"cache_hit"`
	Run            int             `json:"run"`        // how often this orchestrator has begun anew
	ParentRun      *int            `json:"parent_run"` // the run of its parent that made it; nil: a replay took it back
	Input          json.RawMessage `json:"input"`
	Result         json.RawMessage `json:"result"`
	Error          *Failure        `json:"error"`
	Details        json.RawMessage `json:"details"`
	WorkerID       string          `json:"worker_id"`
	SchedulerID    string          `json:"scheduler_id"`
	LeaseExpiresAt *time.Time      `json:"lease_expires_at"`
	ScheduledFor   *time.Time      `json:"scheduled_for"`
	CreatedAt      time.Time       `json:"created_at"`
	StartedAt      *time.Time      `json:"started_at"`
	CompletedAt    *time.Time      `json:"completed_at"`
	Attempts       []Attempt       `json:"attempts"` // those that failed, in order; not set in lists and events
}

// Event is something of an execution that is new or has changed, as it then stands:
// either the execution, without Progress, or one of its tasks.
type Event struct {
	ID        string // where Events goes on after this event; see After
	Execution *Execution
	Task      *TaskInfo
	Data      json.RawMessage // the one or the other, as it came
}

// EventsOption sets up Events.
type EventsOption func(*events)

// After goes on after an event that came before, of this or another process.
func After(eventID string) EventsOption { return func(e *events) { e.last = eventID } }

// Bounds of a stream of events.
const (
	silence        = 45 * time.Second // of a stream, which says something every 15 s, until it is taken for dead
	maxEventLine   = 8 << 20          // bytes
	firstBackoff   = 250 * time.Millisecond
	longestBackoff = 5 * time.Second
)

// Events follows an execution: it yields the execution and each of its tasks, and
// then each that is new or has changed, at least once, until the execution is terminal.
// Where the connection is lost it comes back, as long as ctx lives, and goes on after
// the last event. An error, which ends it, is the first connection's, an *APIError,
// or the context's.
//
//	for event, err := range client.Events(ctx, id) {
//		if err != nil {
//			return err
//		}
//		if t := event.Task; t != nil {
//			fmt.Println(t.StepKey, t.State)
//		}
//	}
func (c *Client) Events(ctx context.Context, id string, opts ...EventsOption) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		e := &events{client: c, path: executionPath(id, "events")}
		for _, o := range opts {
			o(e)
		}
		for backoff := firstBackoff; ; {
			came, err := e.follow(ctx, yield)
			switch {
			case err == nil:
				return // it has ended, or nobody wants more
			case ctx.Err() != nil:
				yield(Event{}, ctx.Err())
				return
			case final(err) || !e.connected:
				yield(Event{}, err)
				return
			}
			if came {
				backoff = firstBackoff
			}
			timer := time.NewTimer(backoff)
			select {
			case <-ctx.Done():
			case <-timer.C:
			}
			timer.Stop()
			backoff = min(2*backoff, longestBackoff)
		}
	}
}

// final tells whether it would be the same next time.
func final(err error) bool {
	var refused *APIError
	if errors.Is(err, errUnreadable) {
		return true
	}
	return errors.As(err, &refused) && refused.Status < 500 && refused.Status != http.StatusTooManyRequests
}

// events is one stream of them, over any number of connections.
type events struct {
	client    *Client
	path      string
	last      string // the id of the last event that came
	connected bool   // once
}

var (
	// errCut says that a stream stopped before its end.
	errCut = errors.New("stent: the stream of events was cut")
	// errUnreadable says that an event makes no sense here.
	errUnreadable = errors.New("stent: an event cannot be read")
)

// follow reads one connection. A nil error ends the stream.
func (e *events) follow(ctx context.Context, yield func(Event, error) bool) (came bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watchdog := time.AfterFunc(silence, cancel)
	defer watchdog.Stop()
	r := request{method: http.MethodGet, path: e.path, header: http.Header{"Accept": {"text/event-stream"}}}
	if e.last != "" {
		r.header.Set("Last-Event-ID", e.last)
	}
	resp, err := e.client.send(ctx, r)
	if err != nil {
		return false, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		if err := readAnswer(resp, nil); err != nil {
			return false, err
		}
		return false, &APIError{Status: resp.StatusCode, Detail: "the answer is no stream of events; is the URL right?"}
	}
	e.connected = true
	scanner := bufio.NewScanner(resp.Body)
	scanner.Buffer(make([]byte, 0, 64<<10), maxAnswer)
	var m message
	for scanner.Scan() {
		watchdog.Reset(silence)
		if !m.add(scanner.Text()) {
			continue
		}
		end, err := e.dispatch(&m, yield)
		if end || err != nil {
			return came, err
		}
		came = true
		m.reset()
	}
	switch err := scanner.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return came, fmt.Errorf("%w: it is larger than %d bytes", errUnreadable, maxAnswer)
	case err != nil:
		return came, fmt.Errorf("%w: %w", errCut, err)
	}
	return came, errCut
}

// dispatch hands a message over. end says that there is nothing more to come.
func (e *events) dispatch(m *message, yield func(Event, error) bool) (end bool, err error) {
	event := Event{ID: m.id, Data: bytes.Clone(m.data.Bytes())}
	switch m.name {
	case "execution":
		event.Execution = &Execution{}
		err = json.Unmarshal(m.data.Bytes(), event.Execution)
	case "task":
		event.Task = &TaskInfo{}
		err = json.Unmarshal(m.data.Bytes(), event.Task)
	case "end":
		return true, nil
	default:
		return false, nil // of a newer service
	}
	if err != nil {
		return false, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	if m.id != "" {
		e.last = m.id
	}
	return !yield(event, nil), nil
}

// message gathers the lines of one event (HTML standard, section 9.2.6).
type message struct {
	name, id string
	data     bytes.Buffer
}

func (m *message) reset() {
	m.name, m.id = "", ""
	m.data.Reset()
}

// add takes a line, and tells whether it ends a message.
func (m *message) add(line string) bool {
	if line == "" {
		if m.name == "" {
			m.reset()
		}
		return m.name != ""
	}
	field, value, _ := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch field {
	case "event":
		m.name = value
	case "id":
		m.id = value
	case "data":
		if m.data.Len() > 0 {
			m.data.WriteByte('\n')
		}
		m.data.WriteString(value)
	}
	return false
}
