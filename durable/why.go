package durable

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Why is what an execution waits for.
type Why struct {
	ExecutionID     string     `json:"execution_id"`
	State           State      `json:"state"`
	Paused          bool       `json:"paused"`
	CancelRequested bool       `json:"cancel_requested"` // it was cancelled gracefully, though it may be blocked
	DeadlineAt      *time.Time `json:"deadline_at"`
	WaitsFor        []Hold     `json:"waits_for"` // the oldest first
	More            bool       `json:"more"`      // it waits for more than is shown
}

// Hold is a task that an execution waits for, and what holds it.
type Hold struct {
	TaskID      string          `json:"task_id"`
	Step        string          `json:"step"`
	Path        string          `json:"path"` // the steps that it is in, and its own: "pack#0[2]/print#0"; of the execution's own task, the function
	Kind        string          `json:"kind"`
	Name        string          `json:"name"` // the function or the signal
	Queue       string          `json:"queue"`
	Attempt     int             `json:"attempt"`
	Reason      string          `json:"reason"` // such as retry, max_concurrent, queue_paused or signal; see openapi.yaml
	Detail      string          `json:"detail"` // the reason in words
	Since       *time.Time      `json:"since"`
	Until       *time.Time      `json:"until"`
	SchedulerID string          `json:"scheduler_id"`
	Error       json.RawMessage `json:"error"` // of the last attempt
}

// Why tells what an execution waits for, and what exactly holds it.
func (c *Client) Why(ctx context.Context, id string) (*Why, error) {
	var w Why
	if err := c.do(ctx, request{method: http.MethodGet, path: executionPath(id, "why")}, &w); err != nil {
		return nil, err
	}
	return &w, nil
}
