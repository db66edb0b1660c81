package durable

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Task reads a task with its failed attempts.
func (c *Client) Task(ctx context.Context, id string) (*TaskInfo, error) {
	var t TaskInfo
	if err := c.do(ctx, request{method: http.MethodGet, path: "/v1/tasks/" + url.PathEscape(id)}, &t); err != nil {
		return nil, err
	}
	return &t, nil
}

// FunctionInfo is a registered function. Its durations are written as the protocol does.
type FunctionInfo struct {
	Name             string     `json:"name"`
	Kind             Kind       `json:"kind"`
	URL              string     `json:"url"`
	Version          string     `json:"version"`
	Queue            string     `json:"queue"`
	Priority         int        `json:"priority"`
	Tags             []string   `json:"tags"`
	Timeout          string     `json:"timeout"`
	HeartbeatTimeout string     `json:"heartbeat_timeout"`
	RetryPolicy      PolicyInfo `json:"retry_policy"`
	Idempotent       bool       `json:"idempotent"`
	CacheTTL         *string    `json:"cache_ttl"`      // nil: its results are not cached
	MaxConcurrent    *int       `json:"max_concurrent"` // nil: no limit
	RateLimit        *RateInfo  `json:"rate_limit"`     // nil: no limit
	Retention        *string    `json:"retention"`      // how long executions are kept after their end; nil: as the service says
	WorkerID         string     `json:"worker_id"`
	CreatedAt        time.Time  `json:"created_at"`
	UpdatedAt        time.Time  `json:"updated_at"`
}

// PolicyInfo is the retry policy in force of a registered function.
type PolicyInfo struct {
	MaxAttempts   int      `json:"max_attempts"` // the first included
	InitialDelay  string   `json:"initial_delay"`
	BackoffFactor float64  `json:"backoff_factor"`
	MaxDelay      string   `json:"max_delay"`
	Jitter        float64  `json:"jitter"`
	RetryFor      []string `json:"retry_for"`
}

// RateInfo is the rate limit of a registered function.
type RateInfo struct {
	Limit int    `json:"limit"`
	Per   string `json:"per"`
}

// SchedulerInfo is an instance of the scheduler.
type SchedulerInfo struct {
	ID         string    `json:"id"`
	Host       string    `json:"host"`
	State      string    `json:"state"`    // starting, ready, draining, stopped or expired
	Queues     []string  `json:"queues"`   // that it serves; empty: all
	Tags       []string  `json:"tags"`     // that it serves; empty: all
	Capacity   int       `json:"capacity"` // tasks that it holds at most
	InFlight   int       `json:"in_flight"`
	StartedAt  time.Time `json:"started_at"`
	LastSeenAt time.Time `json:"last_seen_at"`
}
