package workflow

import (
	"encoding/json"
	"time"
)

// TaskState is where a task stands.
type TaskState string

// The states of a task; see the package comment for the transitions.
const (
	TaskPending   TaskState = "pending"
	TaskRunning   TaskState = "running"
	TaskWaiting   TaskState = "waiting"
	TaskCompleted TaskState = "completed"
	TaskFailed    TaskState = "failed"
	TaskCancelled TaskState = "cancelled"
)

// Settled tells whether the state is final.
func (s TaskState) Settled() bool {
	return s == TaskCompleted || s == TaskFailed || s == TaskCancelled
}

// Kind is what a task does.
type Kind string

// The kinds of tasks. KindLocal covers every step that is done as soon as it is stored.
const (
	KindOrchestrator Kind = "orchestrator"
	KindActivity     Kind = "activity"
	KindTimer        Kind = "timer"
	KindSignal       Kind = "signal"
	KindLocal        Kind = "local"
	KindMap          Kind = "map"
)

// Delivered tells whether tasks of this kind are POSTed to a worker.
func (k Kind) Delivered() bool { return k == KindActivity || k == KindOrchestrator }

// Op is the command that made a task.
type Op string

// The commands of an orchestrator. OpStart, OpItem, OpDeadline and OpCallback are the
// service's own: an execution's root task, an item of a map, the timer of
// max_duration, the call of callback_url after the end.
const (
	OpCall       Op = "call"
	OpMap        Op = "map"
	OpSleep      Op = "sleep"
	OpWaitSignal Op = "wait_signal"
	OpLocal      Op = "local"
	OpCancel     Op = "cancel"
	OpDispatch   Op = "dispatch"
	OpVersion    Op = "version"
	OpCounter    Op = "counter"
	OpState      Op = "state"

	OpStart    Op = "start"
	OpItem     Op = "item"
	OpDeadline Op = "deadline"
	OpCallback Op = "callback"
)

// Task is one call inside an execution. What follows CreatedAt changes; what
// comes before it is fixed when the task is made.
type Task struct {
	Namespace  string
	ID         ID
	Execution  ID
	Parent     ID  // zero: the root task, the deadline timer, a callback
	ParentRun  int // the parent's run that made it; negative: a replay took it out of the history
	ParentTurn int // of an orchestrator, that commanded it
	Key        string
	Op         Op
	Name       string  // the function, signal, counter, state key, change id or receiver
	Version    *string // the version of an orchestrator; nil: whichever is current
	Queue      string  // of tasks that are delivered; "" for the others
	Priority   int
	Input      json.RawMessage // nil on a root task: the execution's
	Options    *CallOptions
	Item       int // index in its map
	CreatedAt  time.Time

	Kind  Kind
	State TaskState
	DueAt *time.Time // due, and from when; nil: held, waiting or settled
	// ScheduledFor is when it was last made due, or will be once it is not parked any more.
	ScheduledFor *time.Time
	Holder       ID
	Token        int64
	Attempt      int  // deliveries of this task (of this turn) that may have executed
	Slot         bool // it is counted against its function's limits: an attempt of it runs
	Failures     int  // of those, the ones that failed and count against the policy
	LostLeases   int
	StartedAt    *time.Time // of the newest attempt; of the first turn, for an orchestrator
	CompletedAt  *time.Time
	Seq          int64 // order in which it settled under its parent, from 1; 0: it has not
	Result       json.RawMessage
	Error        *Error
	Detail       json.RawMessage // the last heartbeat's details
	WaitingFor   string          // the signal that a waiting task wants; "" otherwise
	// OwnsResult is the shared result that the task runs for, or if it has settled that
	// it ran or waited for; AwaitsResult the one that it waits for while another task
	// runs for it; zero: none. Never both.
	OwnsResult   ResultKey
	AwaitsResult ResultKey
	// CacheHit says that it was settled with another task's result, and never delivered.
	CacheHit bool
	// AwaitedBy is the parent's turn that awaited it, followed by the nodes of that
	// turn's await which it decides; it means nothing in a later turn.
	AwaitedBy []int

	// Orchestrators and maps: what they know of their children.
	Run     int   // raised by continue_as_new
	Turn    int   // turns of an orchestrator that were stored
	Settled int64 // children settled in this run
	Open    int   // children not settled in this run
	Next    int   // the first item of a map that is not released yet
	Items   int   // items of a map
	Await   []AwaitNode
	// CancelRequested says that an orchestrator is to see the cancellation.
	CancelRequested bool
}

// ConcurrencyKey is what its function's limits are counted apart by.
func (t *Task) ConcurrencyKey() string {
	if t.Options == nil {
		return ""
	}
	return t.Options.ConcurrencyKey
}

// Root tells whether the task runs its execution's own function.
func (t *Task) Root() bool { return t.Op == OpStart }

// CallOptions override a function's registration for one call. Zero fields override nothing.
type CallOptions struct {
	Timeout          time.Duration   `json:"timeout,omitempty"`
	HeartbeatTimeout time.Duration   `json:"heartbeat_timeout,omitempty"`
	Retry            *RetryOverrides `json:"retry,omitempty"`
	Queue            string          `json:"queue,omitempty"`
	Priority         *int            `json:"priority,omitempty"`
	IdempotencyKey   string          `json:"idempotency_key,omitempty"`
	ConcurrencyKey   string          `json:"concurrency_key,omitempty"`
	Delay            time.Duration   `json:"delay,omitempty"`
	MaxDuration      time.Duration   `json:"max_duration,omitempty"`
	Tags             []string        `json:"tags,omitempty"`
	MaxInFlight      int             `json:"max_in_flight,omitempty"` // of a map
	Collect          bool            `json:"collect,omitempty"`       // of a map: gather failures too
}

// FailedAttempt is the record of one attempt that did not succeed.
type FailedAttempt struct {
	Execution  ID
	Task       ID
	Number     int
	StartedAt  time.Time
	EndedAt    time.Time
	StatusCode int // 0: there was no answer
	Error      Error
}
