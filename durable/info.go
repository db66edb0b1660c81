package durable

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// Failure is the error of a task or of one of its attempts.
type Failure struct {
	Type    string          `json:"type"`
	Message string          `json:"message"`
	Details json.RawMessage `json:"details"`
}

// Task is one call inside an execution, as the service shows it.
type Task struct {
	ID             string          `json:"id"`
	ExecutionID    string          `json:"execution_id"`
	ParentTaskID   string          `json:"parent_task_id"` // empty for the execution's own tasks
	StepKey        string          `json:"step_key"`       // the item's index in a map
	Kind           string          `json:"kind"`           // orchestrator, activity, timer, signal, local or map
	Name           string          `json:"name"`           // the function, signal, counter, state key, change or receiver
	Function       string          `json:"function"`       // the function that it calls, if any
	State          string          `json:"state"`          // pending, running, waiting, completed, failed or cancelled
	Queue          string          `json:"queue"`
	Priority       int             `json:"priority"`
	Attempt        int             `json:"attempt"` // deliveries (of this turn) that may have executed
	Retries        int             `json:"retries"` // failed attempts that were tried again
	CacheHit       bool            `json:"cache_hit"`
	Input          json.RawMessage `json:"input"`
	Result         json.RawMessage `json:"result"`
	Error          *Failure        `json:"error"`
	Details        json.RawMessage `json:"details"` // of the last heartbeat
	WorkerID       string          `json:"worker_id"`
	SchedulerID    string          `json:"scheduler_id"`
	LeaseExpiresAt *time.Time      `json:"lease_expires_at"`
	ScheduledFor   *time.Time      `json:"scheduled_for"`
	CreatedAt      time.Time       `json:"created_at"`
	StartedAt      *time.Time      `json:"started_at"`
	CompletedAt    *time.Time      `json:"completed_at"`
	Attempts       []Attempt       `json:"attempts"` // those that failed, in order; absent in lists
}

// Attempt is an attempt of a task that failed.
type Attempt struct {
	Number     int       `json:"number"` // counts from 1
	StartedAt  time.Time `json:"started_at"`
	EndedAt    time.Time `json:"ended_at"`
	StatusCode int       `json:"status_code"` // 0 without an answer
	Error      *Failure  `json:"error"`
}

// Task reads a task with its failed attempts.
func (c *Client) Task(ctx context.Context, id string) (*Task, error) {
	var t Task
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
