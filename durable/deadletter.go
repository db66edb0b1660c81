package durable

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// DeadLetter is a task that failed for good.
type DeadLetter struct {
	TaskID      string          `json:"task_id"`
	ExecutionID string          `json:"execution_id"`
	Function    string          `json:"function"`
	Kind        Kind            `json:"kind"`
	Queue       string          `json:"queue"`
	Attempt     int             `json:"attempt"` // attempts that may have executed; of an orchestrator, its turns
	Error       *Failure        `json:"error"`
	FailedAt    time.Time       `json:"failed_at"`
	StepKey     string          `json:"step_key"` // absent in lists, as are the next two
	Input       json.RawMessage `json:"input"`
	Attempts    []Attempt       `json:"attempts"` // those that failed, in order
}

// DeadLetterFilter selects dead letters; an empty field selects all. Fields must
// all hold; several values of one field are alternatives.
type DeadLetterFilter struct {
	Functions    []string
	Queues       []string
	Kinds        []Kind
	FailedAfter  time.Time
	FailedBefore time.Time
}

// DeadLetters lists dead letters, those that failed last first.
func (c *Client) DeadLetters(ctx context.Context, f DeadLetterFilter, part Part) (*Page[DeadLetter], error) {
	q := part.query()
	addAll(q, "function", f.Functions)
	addAll(q, "queue", f.Queues)
	for _, k := range f.Kinds {
		q.Add("kind", string(k))
	}
	addTime(q, "failed_after", f.FailedAfter)
	addTime(q, "failed_before", f.FailedBefore)
	return readPage[DeadLetter](ctx, c, "/v1/dead-letters", q)
}

// DeadLetter reads the dead letter of a task, with its input and the attempts that failed.
func (c *Client) DeadLetter(ctx context.Context, taskID string) (*DeadLetter, error) {
	var d DeadLetter
	if err := c.do(ctx, request{method: http.MethodGet, path: deadLetterPath(taskID)}, &d); err != nil {
		return nil, err
	}
	return &d, nil
}

// Replay is how a dead letter is replayed.
type Replay struct {
	Queue       string // that the task goes through from now on; empty: its own
	KeepRetries bool   // it has only the attempts that its policy has left, and one in any case
}

// ReplayDeadLetter runs the task of a dead letter again, in its own execution, which
// goes on from there. One that nobody waits for any more is refused with the code conflict.
func (c *Client) ReplayDeadLetter(ctx context.Context, taskID string, how Replay) (*Task, error) {
	body := map[string]any{"reset_retries": !how.KeepRetries}
	if how.Queue != "" {
		body["queue"] = how.Queue
	}
	var t Task
	if err := c.do(ctx, request{method: http.MethodPost, path: deadLetterPath(taskID) + "/replay", body: body}, &t); err != nil {
		return nil, err
	}
	return &t, nil
}

// BulkReplay says which dead letters to replay, and how; an empty field selects all.
type BulkReplay struct {
	Function     string
	Queue        string
	FailedAfter  time.Time
	FailedBefore time.Time
	Limit        int // the most to replay, 10,000 at most; 0: 1,000
	KeepRetries  bool
}

// BulkReplayed is what became of dead letters.
type BulkReplayed struct {
	Replayed int `json:"replayed"`
	Refused  int `json:"refused"` // they stay, as nobody waits for their tasks any more
}

// ReplayDeadLetters replays many dead letters, those that failed last first.
func (c *Client) ReplayDeadLetters(ctx context.Context, which BulkReplay) (*BulkReplayed, error) {
	body := struct {
		Function     string    `json:"function,omitempty"`
		Queue        string    `json:"queue,omitempty"`
		FailedAfter  time.Time `json:"failed_after,omitzero"`
		FailedBefore time.Time `json:"failed_before,omitzero"`
		Limit        int       `json:"limit,omitempty"`
		ResetRetries bool      `json:"reset_retries"`
	}{which.Function, which.Queue, which.FailedAfter, which.FailedBefore, which.Limit, !which.KeepRetries}
	var out BulkReplayed
	if err := c.do(ctx, request{method: http.MethodPost, path: "/v1/dead-letters/replay", body: body}, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// DiscardDeadLetter deletes the dead letter of a task, which stays failed.
func (c *Client) DiscardDeadLetter(ctx context.Context, taskID string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: deadLetterPath(taskID)}, nil)
}

func deadLetterPath(taskID string) string { return "/v1/dead-letters/" + url.PathEscape(taskID) }
