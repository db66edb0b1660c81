package workflow

import (
	"encoding/json"
	"time"
)

// Event is something that happened to one execution. Decide applies it.
type Event interface {
	// needs adds what must be loaded to decide the event.
	needs(n *Need)
	// apply decides the event; an error refuses it, and nothing of it is stored.
	apply(d *decision) error
}

// Start begins a new execution. A start with an idempotency key that an
// execution has already gives that execution back in Verdict.Execution,
// Replayed, or ErrKeyReused if the request was another one.
type Start struct {
	Execution *Execution    // its fixed fields; ID, Seed, RootTask and CreatedAt may be unset
	Function  *Function     // what it runs
	Delay     time.Duration // from now to the start
	StartAt   *time.Time    // or the start itself
	Duration  time.Duration // max_duration, from the start; 0: none
	Result    ResultKey     // the shared result of its root task; zero: none
	// Again says that the start may have been stored already, by a commit whose
	// answer was lost; Execution.ID is set.
	Again bool
}

// Succeeded says that an attempt of an activity gave its result, and what it adds
// to the counters and sets of the state of its execution.
type Succeeded struct {
	Lease Lease
	Value json.RawMessage
	// Unshared says that the task is known to own no result, which spares looking.
	Unshared bool
	ContextUpdate
}

// Failed says that an attempt of an activity failed.
type Failed struct {
	Lease      Lease
	Error      Error
	Retryable  bool
	StatusCode int
	RetryAfter time.Duration // the least wait before the next attempt; the policy may make it longer
}

// Accepted says that an activity answered that a report will follow.
type Accepted struct{ Lease Lease }

// Released gives a lease back: the attempt did not run and is not counted.
type Released struct {
	Lease Lease
	After time.Duration // until it is due again
}

// TurnAnswered carries what an orchestrator answered to a turn.
type TurnAnswered struct {
	Lease      Lease
	Run        int
	CancelSeen bool // the turn said that cancellation was requested
	// WasBlocked says that the execution was blocked when the turn was delivered; then
	// all that is open is looked at to tell whether it still is.
	WasBlocked bool
	Commands   []Command
	Await      *Await
	Outcome    *Outcome
	// Unaware are the keys of those commands that are no compensation though the turn
	// told of the cancellation.
	Unaware  []string
	Unshared bool // as of Succeeded
}

// TurnFailed says that a turn could not be delivered or was not answered well.
type TurnFailed struct {
	Lease      Lease
	Error      Error
	StatusCode int
	Blocked    bool // it will not get better by itself, so the execution shows blocked at once
}

// Elapsed says that a lease on a task whose time has come was taken: a timer, the
// timeout of a wait, the deadline of an asynchronous attempt.
type Elapsed struct{ Lease Lease }

// Beginning says that a task is about to be delivered that shares a result and has
// not been decided by it: it was not due when it was made, or its function did not
// share results then. Verdict.Withheld tells not to deliver it.
type Beginning struct {
	Lease  Lease
	Result ResultKey
}

// Woken says that the result that a task waits for may be there, or belong to nobody.
type Woken struct {
	Execution ID
	Task      ID
}

// Orphaned says that the scheduler which held the lease is gone.
type Orphaned struct{ Lease Lease }

// Beat is a heartbeat of a running attempt; Details nil leaves the earlier ones.
type Beat struct {
	Lease   Lease
	Details json.RawMessage
}

// Send puts a signal into an execution's mailbox. One with an idempotency key that
// the execution has had already gives the signal of then in Verdict.Signal,
// Replayed, or ErrKeyReused if it was another request; the execution may have ended.
type Send struct {
	Execution      ID
	Name           string
	Payload        json.RawMessage
	IdempotencyKey string // "": none
	RequestHash    []byte // of the request that carries IdempotencyKey
}

// Cancel asks an execution to end.
type Cancel struct {
	Execution ID
	Force     bool // at once, without letting orchestrators compensate
}

// Pause stops the delivery of an execution's tasks, or lets it go on; timers, the
// deadline, signals and reports are not stopped. Going on also makes its blocked
// orchestrators due at once.
type Pause struct {
	Execution ID
	Paused    bool
}

// Count adds to a counter of an execution.
type Count struct {
	Execution ID
	Name      string
	Add       int64
}

// SetState sets one key of an execution's custom state.
type SetState struct {
	Execution ID
	Key       string
	Value     json.RawMessage
}

// Replay runs the task of a dead letter again, in its execution.
type Replay struct {
	Execution ID
	Task      ID
	Queue     string // that it goes through from now on; "": its own
	// ResetRetries counts its failures from none again; otherwise it has the attempts
	// that its policy has left, and one in any case.
	ResetRetries bool
}

// Discard deletes a dead letter; its task stays failed.
type Discard struct {
	Execution ID
	Task      ID
}

// Restart runs an execution again, whatever its state.
type Restart struct {
	Execution ID
	FromStep  *string // keeps what had settled before this step of the current run; nil: nothing
}

// Lease names an attempt: a task of an execution, and the token that fences it.
type Lease struct {
	Execution ID
	Task      ID
	Token     int64
}

// Repeatable tells whether an event that may have been stored already can be
// applied again without harm: fenced ones are refused then, starts find their
// execution, and signals with a key theirs.
func Repeatable(e Event) bool {
	switch e := e.(type) {
	case Send:
		return e.IdempotencyKey != ""
	case Count, Replay, Discard, Restart:
		return false
	}
	return true
}

// Verdict is what became of one event.
type Verdict struct {
	// Err is the refusal; nil when the event was applied (or had been before).
	Err error
	// Replayed says that a start found its execution, a signal itself, or that a report
	// was a repetition.
	Replayed bool
	// Execution is the execution as it then stands.
	Execution *Execution
	// Task is the task that the event was about, if any.
	Task *Task
	// Signal is what was sent, Delivered whether a wait took it.
	Signal    *Signal
	Delivered bool
	// Value is the counter's new value.
	Value int64
	// Cancel tells a heartbeat that the attempt is no longer wanted.
	Cancel bool
	// Withheld tells not to deliver a task that was about to be: it has another
	// task's result, or waits for it.
	Withheld bool
}

// Becoming bounds how many tasks an event may make due at once, for whoever
// reserves room for them.
func Becoming(e Event) int {
	turn, ok := e.(TurnAnswered)
	if !ok {
		return 1
	}
	n := 1
	for i := range turn.Commands {
		switch c := &turn.Commands[i]; c.Op {
		case OpMap:
			n += len(c.Inputs)
		case OpCall, OpDispatch:
			n++
		default:
		}
	}
	return n
}
