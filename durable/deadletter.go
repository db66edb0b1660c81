package durable

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// DeadLetter is a task that failed for good: an activity that is out of attempts or
// failed terminally, or an orchestrator that failed.
type DeadLetter struct {
	TaskID      string    `json:"task_id"`
	ExecutionID string    `json:"execution_id"`
	Function    string    `json:"function"`
	Kind        Kind      `json:"kind"`
	Queue       string    `json:"queue"`
	Attempt     int       `json:"attempt"` // attempts that may have executed; of an orchestrator, its turns
	Error       *Failure  `json:"error"`
	FailedAt    time.Time `json:"failed_at"`

	// What follows is not set in lists.
	StepKey  string          `json:"step_key"`
	Input    json.RawMessage `json:"input"`
	Attempts []Attempt       `json:"attempts"` // those that failed, in order
}

// Failure is an error as the service shows it.
type Failure struct {
	Type    string          `json:"type"`
	Message string          `json:"message"`
	Details json.RawMessage `json:"details"`
}

// Error tells the type and the message.
func (f *Failure) Error() string { return f.Type + ": " + f.Message }

// Attempt is one that failed.
type Attempt struct {
	Number     int       `json:"number"`
	StartedAt  time.Time `json:"started_at"`
	EndedAt    time.Time `json:"ended_at"`
	StatusCode int       `json:"status_code"` // that the worker answered with; 0: it did not
	Error      *Failure  `json:"error"`
}

// DeadLetterFilter selects dead letters; zero fields select all. Several values of
// one field are alternatives.
type DeadLetterFilter struct {
	Functions    []string
	Queues       []string
	Kinds        []Kind
	FailedAfter  time.Time
	FailedBefore time.Time
}

func (f DeadLetterFilter) query() url.Values {
	q := url.Values{}
	for _, function := range f.Functions {
		q.Add("function", function)
	}
	for _, queue := range f.Queues {
		q.Add("queue", queue)
	}
	for _, kind := range f.Kinds {
		q.Add("kind", string(kind))
	}
	if !f.FailedAfter.IsZero() {
		q.Set("failed_after", f.FailedAfter.UTC().Format(time.RFC3339Nano))
	}
	if !f.FailedBefore.IsZero() {
		q.Set("failed_before", f.FailedBefore.UTC().Format(time.RFC3339Nano))
	}
	return q
}

// DeadLetters reads dead letters, those that failed last first, page by page. An
// error ends them.
func (c *Client) DeadLetters(ctx context.Context, f DeadLetterFilter) iter.Seq2[*DeadLetter, error] {
	return func(yield func(*DeadLetter, error) bool) {
		query := f.query()
		for {
			var page struct {
				Items []*DeadLetter `json:"items"`
				Next  string        `json:"next_cursor"`
			}
			if err := c.do(ctx, request{method: http.MethodGet, path: deadLetterPath, query: query}, &page); err != nil {
				yield(nil, err)
				return
			}
			for _, d := range page.Items {
				if !yield(d, nil) {
					return
				}
			}
			if page.Next == "" {
				return
			}
			query.Set("cursor", page.Next)
		}
	}
}

const deadLetterPath = "/v1/dead-letters"

// DeadLetter reads the dead letter of a task, with the task's input and attempts.
func (c *Client) DeadLetter(ctx context.Context, taskID string) (*DeadLetter, error) {
	var d DeadLetter
	if err := c.do(ctx, request{method: http.MethodGet, path: deadLetterPath + "/" + url.PathEscape(taskID)}, &d); err != nil {
		return nil, err
	}
	return &d, nil
}

// ReplayOptions say how a task is run again.
type ReplayOptions struct {
	Queue       string // that it goes through from now on; "": the one that it went through
	KeepRetries bool   // it has the attempts that its policy has left, and one in any case; else all
}

// Replay runs the same task again in its own execution, which goes on from there:
// what failed because of it is open again, and steps that have completed stay
// completed. The service refuses with the code not_found when the task has no dead
// letter, with conflict when nobody waits for the task any more.
func (c *Client) Replay(ctx context.Context, taskID string, o ReplayOptions) error {
	body := struct {
		Queue        string `json:"queue,omitempty"`
		ResetRetries bool   `json:"reset_retries"`
	}{o.Queue, !o.KeepRetries}
	return c.do(ctx, request{method: http.MethodPost, path: deadLetterPath + "/" + url.PathEscape(taskID) + "/replay", body: body}, nil)
}

// BulkReplay selects dead letters to replay; zero fields select all.
type BulkReplay struct {
	Function     string
	Queue        string // that they went through, and go through again
	FailedAfter  time.Time
	FailedBefore time.Time
	Limit        int  // 0: 1,000; 10,000 at most
	KeepRetries  bool // as of ReplayOptions
	DryRun       bool // do nothing, and only tell how many there are
}

// BulkReplayed tells what became of them.
type BulkReplayed struct {
	Matched  int  `json:"matched"` // selected; of a dry run, without orchestrators that activities open again
	Replayed int  `json:"replayed"`
	Refused  int  `json:"refused"` // nobody waits for their tasks any more
	More     bool `json:"more"`    // more are selected than were met
}

// ReplayAll replays many dead letters, activities before orchestrators.
func (c *Client) ReplayAll(ctx context.Context, r BulkReplay) (*BulkReplayed, error) {
	body := map[string]any{"reset_retries": !r.KeepRetries}
	for field, value := range map[string]string{"function": r.Function, "queue": r.Queue} {
		if value != "" {
			body[field] = value
		}
	}
	for field, at := range map[string]time.Time{"failed_after": r.FailedAfter, "failed_before": r.FailedBefore} {
		if !at.IsZero() {
			body[field] = at.UTC()
		}
	}
	if r.Limit > 0 {
		body["limit"] = r.Limit
	}
	if r.DryRun {
		body["dry_run"] = true
	}
	var out BulkReplayed
	if err := c.do(ctx, request{method: http.MethodPost, path: deadLetterPath + "/replay", body: body}, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// Discard deletes the dead letter of a task, which stays failed.
func (c *Client) Discard(ctx context.Context, taskID string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: deadLetterPath + "/" + url.PathEscape(taskID)}, nil)
}

// Restart runs an execution again from the beginning, whatever its state, with the
// same input and an empty history. Counters, custom state and signals stay.
func (c *Client) Restart(ctx context.Context, id string) error {
	return c.do(ctx, request{method: http.MethodPost, path: executionPath(id, "restart")}, nil)
}

// RestartFrom is Restart that keeps what had settled of the steps that were made
// before the one with this key, such as "ship#0".
func (c *Client) RestartFrom(ctx context.Context, id, step string) error {
	return c.do(ctx, request{
		method: http.MethodPost, path: executionPath(id, "restart"), body: map[string]string{"from_step": step},
	}, nil)
}
