package durable

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// QueueInfo is a queue as it stands.
type QueueInfo struct {
	Name        string     `json:"name"`
	Paused      bool       `json:"paused"`
	Functions   int        `json:"functions"`     // registered functions that go through it
	Depth       int64      `json:"depth"`         // tasks that are due and that no scheduler holds
	More        bool       `json:"more"`          // Depth is where counting stopped
	OldestDueAt *time.Time `json:"oldest_due_at"` // since when the first of them is due
}

// Queues reads the queues, by name.
func (c *Client) Queues(ctx context.Context) ([]QueueInfo, error) {
	var out struct {
		Items []QueueInfo `json:"items"`
	}
	if err := c.do(ctx, request{method: http.MethodGet, path: "/v1/queues"}, &out); err != nil {
		return nil, err
	}
	return out.Items, nil
}

// PauseQueue stops the delivery of a queue's tasks. What is in flight is not touched.
func (c *Client) PauseQueue(ctx context.Context, name string) (*QueueInfo, error) {
	return c.setQueue(ctx, name, "pause")
}

// ResumeQueue ends a pause.
func (c *Client) ResumeQueue(ctx context.Context, name string) (*QueueInfo, error) {
	return c.setQueue(ctx, name, "resume")
}

func (c *Client) setQueue(ctx context.Context, name, action string) (*QueueInfo, error) {
	var q QueueInfo
	if err := c.do(ctx, request{method: http.MethodPost, path: "/v1/queues/" + url.PathEscape(name) + "/" + action}, &q); err != nil {
		return nil, err
	}
	return &q, nil
}
