package workflow

import (
	"encoding/json"
	"time"
)

// ExecutionState is where an execution stands.
type ExecutionState string

// The states of an execution; see the package comment for the transitions.
const (
	ExecutionPending    ExecutionState = "pending"
	ExecutionRunning    ExecutionState = "running"
	ExecutionCompleted  ExecutionState = "completed"
	ExecutionFailed     ExecutionState = "failed"
	ExecutionTimedOut   ExecutionState = "timed_out"
	ExecutionCancelling ExecutionState = "cancelling"
	ExecutionCancelled  ExecutionState = "cancelled"
	ExecutionBlocked    ExecutionState = "blocked"
)

// Terminal tells whether the state is final.
func (s ExecutionState) Terminal() bool {
	switch s {
	case ExecutionCompleted, ExecutionFailed, ExecutionTimedOut, ExecutionCancelled:
		return true
	case ExecutionPending, ExecutionRunning, ExecutionCancelling, ExecutionBlocked:
	}
	return false
}

// Execution is one run of a function. What follows CreatedAt changes; what comes
// before it is fixed when the execution starts.
type Execution struct {
	Namespace      string
	ID             ID
	Function       string
	Version        string
	Input          json.RawMessage
	Tags           []string
	Priority       int
	Queue          string
	Seed           string
	RootTask       ID
	CallbackURL    string
	TraceParent    string
	IdempotencyKey string // empty: none
	RequestHash    []byte // of the request that carried IdempotencyKey
	DispatchedBy   ID     // the task whose command dispatched it; zero: a client did
	CreatedAt      time.Time

	State           ExecutionState
	Result          json.RawMessage
	Error           *Error
	Retries         int // failed attempts of its tasks that were tried again
	StartedAt       *time.Time
	CompletedAt     *time.Time
	DeadlineAt      *time.Time // nil: none, or one that had passed when the execution was opened again
	CancelRequested bool
	Paused          bool
	SignalSeq       int64 // signals ever sent
	Buffered        int   // signals that no wait has taken
	ContextSeq      int64 // changes of counters and custom state: whoever knows them up to it knows them all
}

// open gives the state that an execution which is not terminal shows when nothing blocks it.
func (e *Execution) open() ExecutionState {
	if e.CancelRequested {
		return ExecutionCancelling
	}
	return ExecutionRunning
}

// Signal is one message in an execution's mailbox.
type Signal struct {
	ID         ID
	Execution  ID
	Name       string
	Seq        int64 // order of arrival in the execution, from 1
	Payload    json.RawMessage
	ReceivedAt time.Time
	TakenBy    ID // the wait's task; zero while buffered

	IdempotencyKey string // unique in the execution; "": none
	RequestHash    []byte // of the request that carried IdempotencyKey
}
