package durable

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Page is a part of a list, the newest first.
type Page[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor"` // leads to the next part; empty for the last one
}

// Part says which part of a list to read.
type Part struct {
	Limit  int    // the most items to give, 500 at most; 0: 50
	Cursor string // the NextCursor of the part before; empty: the first part
}

func (p Part) query() url.Values {
	q := url.Values{}
	if p.Limit > 0 {
		q.Set("limit", strconv.Itoa(p.Limit))
	}
	if p.Cursor != "" {
		q.Set("cursor", p.Cursor)
	}
	return q
}

// ExecutionFilter selects executions; an empty field selects all. Fields must all
// hold; several values of one field are alternatives.
type ExecutionFilter struct {
	States        []State   `json:"state,omitempty"`
	Functions     []string  `json:"function,omitempty"`
	Queues        []string  `json:"queue,omitempty"`
	Tags          []string  `json:"tag,omitempty"`
	CreatedAfter  time.Time `json:"created_after,omitzero"`  // at this time or later
	CreatedBefore time.Time `json:"created_before,omitzero"` // before this time
}

// Executions lists executions, without their progress, counters and custom state.
func (c *Client) Executions(ctx context.Context, f ExecutionFilter, part Part) (*Page[Execution], error) {
	q := part.query()
	for _, s := range f.States {
		q.Add("state", string(s))
	}
	addAll(q, "function", f.Functions)
	addAll(q, "queue", f.Queues)
	addAll(q, "tag", f.Tags)
	addTime(q, "created_after", f.CreatedAfter)
	addTime(q, "created_before", f.CreatedBefore)
	return readPage[Execution](ctx, c, "/v1/executions", q)
}

// TaskFilter selects tasks; an empty field selects all. Fields must all hold;
// several values of one field are alternatives.
type TaskFilter struct {
	States    []string // pending, running, waiting, completed, failed or cancelled
	Queues    []string
	Functions []string
	Kinds     []string // orchestrator, activity, timer, signal, local or map
}

// Tasks lists tasks of all executions, without their attempts.
func (c *Client) Tasks(ctx context.Context, f TaskFilter, part Part) (*Page[TaskInfo], error) {
	return readPage[TaskInfo](ctx, c, "/v1/tasks", f.query(part))
}

// ExecutionTasks lists the tasks of an execution, without their attempts.
func (c *Client) ExecutionTasks(ctx context.Context, id string, f TaskFilter, part Part) (*Page[TaskInfo], error) {
	return readPage[TaskInfo](ctx, c, executionPath(id, "tasks"), f.query(part))
}

func (f TaskFilter) query(part Part) url.Values {
	q := part.query()
	addAll(q, "state", f.States)
	addAll(q, "queue", f.Queues)
	addAll(q, "function", f.Functions)
	addAll(q, "kind", f.Kinds)
	return q
}

// DeadLetterPage is a part of DeadLetters, for who leafs through them.
func (c *Client) DeadLetterPage(ctx context.Context, f DeadLetterFilter, part Part) (*Page[DeadLetter], error) {
	q := f.query()
	maps.Copy(q, part.query())
	return readPage[DeadLetter](ctx, c, deadLetterPath, q)
}

// Functions lists all versions of all functions, those registered last first.
func (c *Client) Functions(ctx context.Context, part Part) (*Page[FunctionInfo], error) {
	return readPage[FunctionInfo](ctx, c, "/v1/functions", part.query())
}

// Workers lists the workers, without their functions.
func (c *Client) Workers(ctx context.Context, part Part) (*Page[WorkerInfo], error) {
	return readPage[WorkerInfo](ctx, c, "/v1/workers", part.query())
}

// Schedulers lists the scheduler instances.
func (c *Client) Schedulers(ctx context.Context, part Part) (*Page[SchedulerInfo], error) {
	return readPage[SchedulerInfo](ctx, c, "/v1/schedulers", part.query())
}

func readPage[T any](ctx context.Context, c *Client, path string, q url.Values) (*Page[T], error) {
	var page Page[T]
	if err := c.do(ctx, request{method: http.MethodGet, path: path, query: q}, &page); err != nil {
		return nil, err
	}
	return &page, nil
}

func addAll(q url.Values, name string, values []string) {
	for _, v := range values {
		q.Add(name, v)
	}
}

func addTime(q url.Values, name string, t time.Time) {
	if !t.IsZero() {
		q.Set(name, t.UTC().Format(time.RFC3339Nano))
	}
}
