package workflow

import (
	"encoding/json"
	"time"
)

// Command is one step that an orchestrator commands in a turn. Which fields
// matter depends on Op.
type Command struct {
	Key      string
	Op       Op
	Name     string
	Input    json.RawMessage   // call, dispatch
	Inputs   []json.RawMessage // map
	Options  *CallOptions      // call, map, dispatch
	Results  []ResultKey       // call, map, dispatch: the shared results of its calls, by NameResults
	Duration time.Duration     // sleep
	Timeout  *time.Duration    // wait_signal; nil: none
	Value    json.RawMessage   // local, version, state
	Error    *Error            // local that failed
	Add      int64             // counter
	Targets  []string          // cancel
}

// Outcome is how a run of an orchestrator ended: exactly one field is set.
type Outcome struct {
	Completed     json.RawMessage
	Failed        *Error
	ContinueAsNew json.RawMessage // the next run's input
}

// Limits bound what one orchestrator may command.
type Limits struct {
	History   int           // steps of one run
	Mailbox   int           // buffered signals of an execution
	Sleep     time.Duration // the longest sleep, delay or timeout
	BadTurns  int           // bad turns in a row until the execution shows blocked
	BlockedIn time.Duration // how long a blocked orchestrator waits for its next try
	LostLease int           // leases a task may lose in a row until it fails
}

// DefaultLimits are those that the service documents (docs/limits.md).
func DefaultLimits() Limits {
	return Limits{
		History:   20_000,
		Mailbox:   1_000,
		Sleep:     366 * 24 * time.Hour,
		BadTurns:  20,
		BlockedIn: 5 * time.Minute,
		LostLease: 10,
	}
}
