package workflow

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Error is how a failure is stored and shown: to orchestrators, on executions and on tasks.
type Error struct {
	Type    string          `json:"type"`
	Message string          `json:"message"`
	Details json.RawMessage `json:"details,omitempty"`
}

func (e *Error) Error() string { return e.Type + ": " + e.Message }

// Types of the errors that the service itself gives.
const (
	ErrorTimeout      = "timeout"       // a deadline passed
	ErrorCancelled    = "cancelled"     // cancelled before it settled
	ErrorMismatch     = "mismatch"      // a turn's command contradicts the journal
	ErrorInvalidTurn  = "invalid_turn"  // a turn's answer cannot be carried out
	ErrorLeaseLost    = "lease_lost"    // the scheduler died holding the task; too many did, if the task failed
	ErrorNotStorable  = "not_storable"  // the database refuses what the handler answered
	ErrorHistoryLimit = "history_limit" // more steps, or more bytes of them, than an orchestrator may have
	ErrorMapItem      = "map_item"      // an item of a map failed
	ErrorDeadlock     = "deadlock"      // the call would wait for itself
)

// Refusals: the event could not be applied, nothing of it is stored.
var (
	ErrNotFound         = errors.New("not found")
	ErrLeaseLost        = errors.New("lease lost: a newer attempt holds the task, or it is settled")
	ErrAlreadyTerminal  = errors.New("the execution is already terminal")
	ErrMailboxFull      = errors.New("the mailbox is full")
	ErrKeyReused        = errors.New("the idempotency key was used for another request")
	ErrNotRegistered    = errors.New("function not registered")
	ErrAlreadyExists    = errors.New("already exists")
	ErrHistoryTooLong   = errors.New("the history has too many steps")
	ErrInvalidOperation = errors.New("the operation does not apply")
	ErrNoSuchStep       = errors.New("the run has no step with this key")
)

// ConflictError says why something cannot be done as things stand, in a sentence
// that is safe to show.
type ConflictError struct{ Reason string }

func (e *ConflictError) Error() string { return e.Reason }

// MismatchError says that a turn contradicts the journal. Nothing of the turn is
// stored and the execution is blocked until a turn matches again.
type MismatchError struct {
	Key                    string
	ExpectedOp, CameOp     Op
	ExpectedName, CameName string
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("step %q was %s %q when it was first commanded, and now came as %s %q: "+
		"the orchestrator's code is not deterministic or was changed; deploy code that commands the same steps in the same order",
		e.Key, e.ExpectedOp, e.ExpectedName, e.CameOp, e.CameName)
}

// InvalidTurnError says why a turn's answer cannot be carried out.
type InvalidTurnError struct{ Reason string }

func (e *InvalidTurnError) Error() string { return e.Reason }

// SweptError is the error of a task that a Sweep cancels, unless it has one already.
func SweptError() *Error {
	return &Error{Type: ErrorCancelled, Message: "what it belonged to has ended"}
}
