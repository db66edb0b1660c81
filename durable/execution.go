package durable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/stent-dev/stent/internal/wire"
)

// longPoll is how long one request of Wait holds.
const longPoll = 30 * time.Second

// State is where an execution stands.
type State string

// The states of an execution.
const (
	StatePending    State = "pending"
	StateRunning    State = "running"
	StateCompleted  State = "completed"
	StateFailed     State = "failed"
	StateTimedOut   State = "timed_out"
	StateCancelling State = "cancelling"
	StateCancelled  State = "cancelled"
	StateBlocked    State = "blocked"
)

// Terminal tells whether the state is final.
func (s State) Terminal() bool {
	switch s {
	case StateCompleted, StateFailed, StateTimedOut, StateCancelled:
		return true
	}
	return false
}

// Execution is one run of a function, as the service shows it.
type Execution struct {
	ID              string                     `json:"id"`
	Function        string                     `json:"function"`
	Version         string                     `json:"version"`
	State           State                      `json:"state"`
	Paused          bool                       `json:"paused"`           // nothing is delivered until it is resumed
	CancelRequested bool                       `json:"cancel_requested"` // it was cancelled gracefully, though it may be blocked
	Input           json.RawMessage            `json:"input"`
	Result          json.RawMessage            `json:"result"`
	Error           *ExecutionError            `json:"error"`
	Retries         int                        `json:"retries"`
	Tags            []string                   `json:"tags"`
	Priority        int                        `json:"priority"`
	Queue           string                     `json:"queue"`
	CreatedAt       time.Time                  `json:"created_at"`
	StartedAt       *time.Time                 `json:"started_at"`
	CompletedAt     *time.Time                 `json:"completed_at"`
	DeadlineAt      *time.Time                 `json:"deadline_at"`
	Progress        []Progress                 `json:"progress"`
	Counters        map[string]int64           `json:"counters"`
	CustomState     map[string]json.RawMessage `json:"custom_state"`
}

// Progress is how far one step of an execution is.
type Progress struct {
	Step        string          `json:"step"`
	Status      string          `json:"status"` // dispatched, running, completed, failed, cancelled, cache_hit or waiting
	StartedAt   *time.Time      `json:"started_at"`
	CompletedAt *time.Time      `json:"completed_at"`
	Detail      json.RawMessage `json:"detail"`
	TaskID      string          `json:"task_id"`
}

// ExecutionError is why an execution did not complete.
type ExecutionError struct {
	ExecutionID string          `json:"-"`
	State       State           `json:"-"` // failed, timed_out or cancelled
	Type        string          `json:"type"`
	Message     string          `json:"message"`
	Details     json.RawMessage `json:"details"`
}

// Error tells the execution, its state, and the error.
func (e *ExecutionError) Error() string {
	text := fmt.Sprintf("execution %s %s", e.ExecutionID, e.State)
	if e.Type != "" {
		text += ": " + e.Type
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	return text
}

// ErrNotTerminal is returned by Result for an execution that has not ended.
var ErrNotTerminal = errors.New("stent: the execution has not ended")

// Result decodes the result of a completed execution. For one that failed, timed
// out or was cancelled the error is an *ExecutionError; for one that has not
// ended it is ErrNotTerminal.
func Result[T any](e *Execution) (T, error) {
	var zero T
	switch {
	case !e.State.Terminal():
		return zero, fmt.Errorf("%w: %s is %s", ErrNotTerminal, e.ID, e.State)
	case e.State != StateCompleted:
		failure := ExecutionError{}
		if e.Error != nil {
			failure = *e.Error
		}
		failure.ExecutionID, failure.State = e.ID, e.State
		return zero, &failure
	}
	v, err := decode[T](e.Result)
	if err != nil {
		return zero, fmt.Errorf("stent: decoding the result of execution %s: %w", e.ID, err)
	}
	return v, nil
}

// submission is the body of a dispatch, and what goes beside it.
type submission struct {
	Function    string          `json:"function"`
	Input       json.RawMessage `json:"input"`
	Delay       string          `json:"delay,omitempty"`
	StartAt     *time.Time      `json:"start_at,omitempty"`
	MaxDuration string          `json:"max_duration,omitempty"`
	Tags        []string        `json:"tags,omitempty"`
	Priority    *int            `json:"priority,omitempty"`
	Queue       string          `json:"queue,omitempty"`
	CallbackURL string          `json:"callback_url,omitempty"`

	idempotencyKey string
	wait           time.Duration
}

// StartAt starts the execution at that time.
func StartAt(t time.Time) SubmitOption {
	return option{submit: func(s *submission) error { utc := t.UTC(); s.StartAt = &utc; return nil }}
}

// CallbackURL is told when the execution has ended: it gets a POST of it, which
// ReadCallback reads, at least once. docs/protocol.md says how it is signed.
func CallbackURL(u string) SubmitOption {
	return option{submit: func(s *submission) error { s.CallbackURL = u; return notEmpty("CallbackURL", u) }}
}

// WaitUpTo holds the answer of Dispatch until the execution has ended or d, 60 s
// at most, has passed.
func WaitUpTo(d time.Duration) SubmitOption {
	return option{submit: func(s *submission) error { s.wait = d; return positive("WaitUpTo", d) }}
}

// Dispatch starts an execution of a function. With IdempotencyKey it may be
// repeated after an error without starting a second one.
func (c *Client) Dispatch(ctx context.Context, function string, in any, opts ...SubmitOption) (*Execution, error) {
	input, err := encode(in)
	if err != nil {
		return nil, fmt.Errorf("stent: encoding the input of %q: %w", function, err)
	}
	s := &submission{Function: function, Input: input}
	for _, o := range opts {
		if err := o.onSubmit(s); err != nil {
			return nil, fmt.Errorf("stent: dispatching %q: %w", function, err)
		}
	}
	r := request{method: http.MethodPost, path: "/v1/executions", body: s, query: waitQuery(s.wait)}
	if s.idempotencyKey != "" {
		r.header = http.Header{wire.HeaderIdempotencyKey: {s.idempotencyKey}}
	}
	return c.execution(ctx, r)
}

// Get reads an execution.
func (c *Client) Get(ctx context.Context, id string) (*Execution, error) {
	return c.execution(ctx, request{method: http.MethodGet, path: executionPath(id)})
}

// Wait waits until the execution has ended, or ctx has: then it returns the
// execution as it was last seen, if it was, and the context's error.
func (c *Client) Wait(ctx context.Context, id string) (*Execution, error) {
	var last *Execution
	for {
		begun := time.Now()
		e, err := c.execution(ctx, request{method: http.MethodGet, path: executionPath(id), query: waitQuery(longPoll)})
		switch {
		case err != nil && ctx.Err() != nil:
			return last, ctx.Err()
		case err != nil:
			return last, err
		case e.State.Terminal():
			return e, nil
		}
		last = e
		if time.Since(begun) < time.Second {
			// The service is draining, or a proxy cut the wait: do not spin.
			select {
			case <-ctx.Done():
				return last, ctx.Err()
			case <-time.After(time.Second):
			}
		}
	}
}

func (c *Client) execution(ctx context.Context, r request) (*Execution, error) {
	var e Execution
	if err := c.do(ctx, r, &e); err != nil {
		return nil, err
	}
	return &e, nil
}

func executionPath(id string, more ...string) string {
	path := "/v1/executions/" + url.PathEscape(id)
	for _, m := range more {
		path += "/" + url.PathEscape(m)
	}
	return path
}

func waitQuery(d time.Duration) url.Values {
	if d <= 0 {
		return nil
	}
	return url.Values{"wait": {wire.FormatDuration(d)}}
}

// SignalReceipt tells what became of a signal.
type SignalReceipt struct {
	ID       string `json:"id"`
	Delivery string `json:"delivery"` // delivered, or buffered until someone waits
}

// signal is what goes with a signal beside its payload.
type signal struct{ idempotencyKey string }

// Signal sends a signal to an execution. An execution that has ended refuses it
// with the code already_terminal. With IdempotencyKey it may be repeated after an
// error: the execution gets it once, and each repetition the first one's receipt.
func (c *Client) Signal(ctx context.Context, id, name string, payload any, opts ...SignalOption) (*SignalReceipt, error) {
	body, err := encode(payload)
	if err != nil {
		return nil, fmt.Errorf("stent: encoding the signal %q: %w", name, err)
	}
	var s signal
	for _, o := range opts {
		if err := o.onSignal(&s); err != nil {
			return nil, fmt.Errorf("stent: sending the signal %q: %w", name, err)
		}
	}
	r := request{method: http.MethodPost, path: executionPath(id, "signals", name), body: body}
	if s.idempotencyKey != "" {
		r.header = http.Header{wire.HeaderIdempotencyKey: {s.idempotencyKey}}
	}
	var out SignalReceipt
	if err := c.do(ctx, r, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// CancelMode is how an execution is cancelled.
type CancelMode string

// The ways to cancel an execution.
const (
	Graceful CancelMode = "graceful" // the orchestrator sees it and may compensate
	Force    CancelMode = "force"    // at once
)

// Cancel cancels an execution.
func (c *Client) Cancel(ctx context.Context, id string, mode CancelMode) error {
	return c.do(ctx, request{
		method: http.MethodPost, path: executionPath(id, "cancel"), body: map[string]CancelMode{"mode": mode},
	}, nil)
}

// Pause keeps the tasks of an execution from being delivered until it is resumed;
// its time goes on, and signals and reports are taken.
func (c *Client) Pause(ctx context.Context, id string) error {
	return c.do(ctx, request{method: http.MethodPost, path: executionPath(id, "pause")}, nil)
}

// Resume lets an execution go on, and tries a blocked one again at once.
func (c *Client) Resume(ctx context.Context, id string) error {
	return c.do(ctx, request{method: http.MethodPost, path: executionPath(id, "resume")}, nil)
}

// SetState sets one of an execution's custom values.
func (c *Client) SetState(ctx context.Context, id, key string, value any) error {
	body, err := encode(value)
	if err != nil {
		return fmt.Errorf("stent: encoding the state %q: %w", key, err)
	}
	return c.do(ctx, request{method: http.MethodPut, path: executionPath(id, "state", key), body: body}, nil)
}

// AddCounter adds to one of an execution's counters and returns its new value.
func (c *Client) AddCounter(ctx context.Context, id, name string, add int64) (int64, error) {
	var out struct {
		Value int64 `json:"value"`
	}
	err := c.do(ctx, request{
		method: http.MethodPost, path: executionPath(id, "counters", name), body: map[string]int64{"add": add},
	}, &out)
	return out.Value, err
}
