// Package wire is the JSON and the headers that Stent and its workers exchange:
// manifests, orchestrator turns and their answers, errors. It is written once,
// for the server and for the Go SDK; docs/protocol.md tells it in prose.
//
// It imports the standard library only.
package wire

import (
	"encoding/json"
	"time"
)

// Protocol is the version of the worker protocol, sent in HeaderProtocol both ways.
const Protocol = "1"

// Headers of deliveries and of their answers.
const (
	HeaderProtocol       = "Stent-Protocol"
	HeaderFunction       = "Stent-Function"
	HeaderExecutionID    = "Stent-Execution-Id"
	HeaderTaskID         = "Stent-Task-Id"
	HeaderAttempt        = "Stent-Attempt"
	HeaderDeadline       = "Stent-Deadline"
	HeaderTaskToken      = "Stent-Task-Token"
	HeaderEvent          = "Stent-Event"
	HeaderAsync          = "Stent-Async"
	HeaderRetryable      = "Stent-Retryable"
	HeaderCounters       = "Stent-Counters"
	HeaderState          = "Stent-State"
	HeaderIdempotencyKey = "Idempotency-Key"
	HeaderTraceParent    = "Traceparent" // W3C Trace Context
)

// CallbackID begins the webhook-id of callbacks. Deliveries to workers have none
// that begins so, so that a callback cannot be passed off as one of them.
const CallbackID = "callback-"

// MaxUpdateHeaders is how many bytes HeaderCounters and HeaderState together should
// have at most: half of what an answer's headers may.
const MaxUpdateHeaders = 32 << 10

// Manifest is what a worker answers to GET: the functions that it serves.
type Manifest struct {
	Protocol  int                `json:"protocol"`
	Functions []ManifestFunction `json:"functions"`
}

// ManifestFunction is a function's registration, as in PUT /v1/functions/{name} with its name.
// Durations are strings such as "30s"; a nil field takes the service's default.
type ManifestFunction struct {
	Name               string       `json:"name"`
	Kind               string       `json:"kind"`
	URL                string       `json:"url,omitempty"`
	Version            string       `json:"version,omitempty"`
	Queue              string       `json:"queue,omitempty"`
	Priority           int          `json:"priority,omitempty"`
	Tags               []string     `json:"tags,omitempty"`
	Timeout            string       `json:"timeout,omitempty"`
	HeartbeatTimeout   *string      `json:"heartbeat_timeout,omitempty"`
	RetryPolicy        *RetryPolicy `json:"retry_policy,omitempty"`
	Idempotent         bool         `json:"idempotent,omitempty"`
	IdempotencyKeyFrom []string     `json:"idempotency_key_from,omitempty"`
	CacheTTL           *string      `json:"cache_ttl,omitempty"`
	MaxConcurrent      *int         `json:"max_concurrent,omitempty"`
	RateLimit          *RateLimit   `json:"rate_limit,omitempty"`
	Retention          *string      `json:"retention,omitempty"`
}

// RetryPolicy says how often and when a failed activity runs again; a nil field is not overridden.
type RetryPolicy struct {
	MaxAttempts   *int     `json:"max_attempts,omitempty"`
	InitialDelay  *string  `json:"initial_delay,omitempty"`
	BackoffFactor *float64 `json:"backoff_factor,omitempty"`
	MaxDelay      *string  `json:"max_delay,omitempty"`
	Jitter        *float64 `json:"jitter,omitempty"`
	RetryFor      []string `json:"retry_for,omitempty"`
}

// RateLimit allows Limit starts in each period Per, a duration such as "1s".
type RateLimit struct {
	Limit int    `json:"limit"`
	Per   string `json:"per"`
}

// Error is how a failure reaches an orchestrator.
type Error struct {
	Type    string          `json:"type"`
	Message string          `json:"message"`
	Details json.RawMessage `json:"details,omitempty"`
}

// Turn hands an orchestrator all that has happened.
type Turn struct {
	Protocol        int                        `json:"protocol"`
	Type            string                     `json:"type"` // "turn"
	Execution       TurnExecution              `json:"execution"`
	Task            TurnTask                   `json:"task"`
	Turn            TurnInfo                   `json:"turn"`
	Input           json.RawMessage            `json:"input"`
	CancelRequested bool                       `json:"cancel_requested"`
	CustomState     map[string]json.RawMessage `json:"custom_state"`
	Counters        map[string]int64           `json:"counters"`
	History         []Step                     `json:"history"`
}

// TurnExecution is the execution that a turn belongs to. Seed is the source of
// the orchestrator's deterministic randomness, the same in every turn of a run.
type TurnExecution struct {
	ID       string   `json:"id"`
	Function string   `json:"function"`
	Version  string   `json:"version"`
	Tags     []string `json:"tags"`
	Run      int      `json:"run"`
	Seed     string   `json:"seed"`
}

// TurnTask is the orchestrator task; Attempt counts the deliveries of this turn from 1.
type TurnTask struct {
	ID      string `json:"id"`
	Attempt int    `json:"attempt"`
}

// TurnInfo numbers the turns of a task from 1; Now is the service's time when the
// turn was handed out. ContinueAsNewSuggested is there once the history has
// SuggestContinueAsNew steps.
type TurnInfo struct {
	Number                 int       `json:"number"`
	Now                    time.Time `json:"now"`
	ContinueAsNewSuggested bool      `json:"continue_as_new_suggested,omitempty"`
}

// SuggestContinueAsNew is how many steps of a run are so many that the next should begin.
const SuggestContinueAsNew = 5_000

// Step is one step of an orchestrator as it stands. Seq is the order in which
// steps settled, nil for those that have not.
type Step struct {
	Seq    *int64          `json:"seq"`
	Key    string          `json:"key"`
	Op     string          `json:"op"`
	Name   string          `json:"name,omitempty"`
	Status string          `json:"status"`
	Value  json.RawMessage `json:"value,omitempty"`
	Error  *Error          `json:"error,omitempty"`
}

// Answer is what an orchestrator answers to a turn: what to do next, what to
// wait for, or how it ended.
type Answer struct {
	Commands []Command `json:"commands"`
	Await    *Await    `json:"await"`
	Outcome  *Outcome  `json:"outcome"`
	// Unaware are the keys of those commands that the code made before it could know of
	// the cancellation that the turn tells of: they are no compensation.
	Unaware []string `json:"unaware,omitempty"`
}

// Command is one step that an orchestrator commands. Which fields matter
// depends on Op: call, map, sleep, wait_signal, local, cancel, dispatch,
// version, counter or state.
type Command struct {
	Key         string            `json:"key"`
	Op          string            `json:"op"`
	Name        string            `json:"name,omitempty"`
	Input       json.RawMessage   `json:"input,omitempty"`
	Inputs      []json.RawMessage `json:"inputs,omitempty"`
	Options     *CallOptions      `json:"options,omitempty"`
	MaxInFlight int               `json:"max_in_flight,omitempty"`
	OnError     string            `json:"on_error,omitempty"`
	Duration    string            `json:"duration,omitempty"`
	Timeout     string            `json:"timeout,omitempty"`
	Value       json.RawMessage   `json:"value,omitempty"`
	Error       *Error            `json:"error,omitempty"` // local: it failed
	Add         int64             `json:"add,omitempty"`
	Targets     []string          `json:"targets,omitempty"`
}

// CallOptions override a function's registration for one call, map or dispatch.
type CallOptions struct {
	Timeout          string       `json:"timeout,omitempty"`
	HeartbeatTimeout string       `json:"heartbeat_timeout,omitempty"`
	RetryPolicy      *RetryPolicy `json:"retry_policy,omitempty"`
	Queue            string       `json:"queue,omitempty"`
	Priority         *int         `json:"priority,omitempty"`
	IdempotencyKey   string       `json:"idempotency_key,omitempty"`
	ConcurrencyKey   string       `json:"concurrency_key,omitempty"`
	Delay            string       `json:"delay,omitempty"`
	MaxDuration      string       `json:"max_duration,omitempty"` // dispatch only
	Tags             []string     `json:"tags,omitempty"`         // dispatch only
}

// Outcome ends a run: exactly one field is set.
type Outcome struct {
	Completed     json.RawMessage `json:"completed,omitempty"`
	Failed        *Failure        `json:"failed,omitempty"`
	ContinueAsNew *ContinueAsNew  `json:"continue_as_new,omitempty"`
}

// Failure is a run's failure. Retryable is for the parent of a sub-workflow to see.
type Failure struct {
	Error     Error `json:"error"`
	Retryable bool  `json:"retryable"`
}

// ContinueAsNew starts the next run of the same execution with a fresh history.
type ContinueAsNew struct {
	Input json.RawMessage `json:"input"`
}
