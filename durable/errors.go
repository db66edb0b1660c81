package durable

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/stent-dev/stent/internal/wire"
)

// The error types that this package itself reports, as retry policies
// (RetryPolicy.RetryFor) and callers of other languages see them.
const (
	TypeError         = "error"          // an error that names no type of its own
	TypePanic         = "panic"          // a function panicked
	TypeInvalidInput  = "invalid_input"  // the input does not decode into the function's type
	TypeInvalidOutput = "invalid_output" // the result does not encode as JSON
	TypeCancelled     = "cancelled"      // a step was cancelled
	TypeTimeout       = "timeout"        // a signal did not come in time
)

// ErrCancelled matches, with errors.Is, the error of a step that was cancelled:
// by Cancel, or because the execution is being cancelled.
var ErrCancelled = errors.New("durable: step cancelled")

// ErrTimeout matches, with errors.Is, the error of a WaitSignal whose signal did not come in time.
var ErrTimeout = errors.New("durable: no signal in time")

// StepError is the failure of a step, as it is recorded: an orchestrator sees
// the same value when the step fails and at every replay. Find it with errors.As.
type StepError struct {
	Step    string          // the step's key, such as "charge#0"; in a Map's items "resize#0[3]"
	Type    string          // the error's type, such as "card_declined"
	Message string          // what happened
	Details json.RawMessage // whatever else the function said, or nil

	op        string
	cancelled bool
}

// Error tells the step, the type and the message.
func (e *StepError) Error() string {
	return fmt.Sprintf("step %s failed: %s: %s", e.Step, e.Type, e.Message)
}

// Is makes errors.Is match ErrCancelled and ErrTimeout.
func (e *StepError) Is(target error) bool {
	switch target {
	case ErrCancelled:
		return e.cancelled
	case ErrTimeout:
		return e.op == wire.OpWaitSignal && e.Type == TypeTimeout
	}
	return false
}

func newStepError(key, op, status string, from *wire.Error) *StepError {
	e := &StepError{Step: key, op: op, cancelled: status == wire.StatusCancelled, Type: TypeError}
	if e.cancelled {
		e.Type, e.Message = TypeCancelled, "the step was cancelled"
	}
	if from != nil {
		e.Type, e.Message, e.Details = from.Type, from.Message, from.Details
	}
	return e
}

// Errorf makes an error of a type, for callers and retry policies to tell apart.
// The message is formatted as by fmt.Errorf, %w included.
//
//	return Receipt{}, durable.Errorf("card_declined", "the bank said %s", code)
func Errorf(errorType, format string, args ...any) error {
	return &typedError{errorType, fmt.Errorf(format, args...)}
}

type typedError struct {
	errorType string
	err       error
}

func (e *typedError) Error() string { return e.err.Error() }
func (e *typedError) Unwrap() error { return e.err }
func (e *typedError) Type() string  { return e.errorType }

// WithDetails attaches a value, written as JSON, that travels with the error as
// StepError.Details. A nil err stays nil.
func WithDetails(err error, details any) error {
	if err == nil {
		return nil
	}
	return &detailedError{err, details}
}

type detailedError struct {
	err     error
	details any
}

func (e *detailedError) Error() string { return e.err.Error() }
func (e *detailedError) Unwrap() error { return e.err }

// Terminal marks err as final: an activity that returns it is not retried,
// whatever its retry policy says. A nil err stays nil.
func Terminal(err error) error {
	if err == nil {
		return nil
	}
	return &markedError{err: err}
}

// Retryable marks err as worth another attempt. That is the default of an
// activity, so it serves to overrule a Terminal further down, and to ask in after
// for a longer wait than the retry policy's: at least that long (rounded up to
// seconds, 24 h at most; 0: as the policy says). The attempt counts; see
// Throttled for one that does not. From an orchestrator it tells the parent of a
// sub-workflow that the failure may pass. A nil err stays nil.
func Retryable(err error, after time.Duration) error {
	if err == nil {
		return nil
	}
	return &markedError{err: err, retryable: true, after: after}
}

// Throttled says that an activity could not be started now, for example because
// of another service's limit: it is delivered again after that time (rounded up
// to seconds, 1 s to 24 h), and no attempt is used up.
func Throttled(after time.Duration) error {
	return &markedError{err: Errorf("throttled", "try again in %v", after), retryable: true, throttled: true, after: after}
}

type markedError struct {
	err       error
	retryable bool
	throttled bool
	after     time.Duration
}

func (e *markedError) Error() string { return e.err.Error() }
func (e *markedError) Unwrap() error { return e.err }

// retryAfter is the wait in the whole seconds of a Retry-After header, or 0 for none.
func (e *markedError) retryAfter() int {
	if e.after <= 0 && !e.throttled {
		return 0
	}
	const day = 24 * 60 * 60
	return int(min(max(math.Ceil(e.after.Seconds()), 1), day))
}

// ContinueAsNew is returned as the error of an orchestrator: it ends this run and
// starts the next one of the same execution with a new input and an empty
// history. Loops that go on for long use it, so that their history stays short;
// Context.Steps tells how long it is. Unread signals, counters and custom state
// carry over; steps still open are left behind.
func ContinueAsNew(in any) error { return &continueAsNew{in} }

type continueAsNew struct{ input any }

func (*continueAsNew) Error() string { return "durable: continue as new" }

// wireError is how err is recorded: its type from Errorf, StepError or a method
// Type() string, its message, and its details.
func wireError(err error) wire.Error {
	out := wire.Error{Type: TypeError, Message: err.Error()}
	var step *StepError
	var typed interface{ Type() string }
	switch {
	case errors.As(err, &typed):
		out.Type = typed.Type()
	case errors.As(err, &step):
		out.Type, out.Details = step.Type, step.Details
	}
	var detailed *detailedError
	if errors.As(err, &detailed) {
		b, encErr := encode(detailed.details)
		if encErr != nil {
			b, _ = json.Marshal("details that do not encode: " + encErr.Error())
		}
		out.Details = b
	}
	if out.Type == "" {
		out.Type = TypeError
	}
	return out
}

// encode writes v as JSON the way history brings it back.
func encode(v any) (json.RawMessage, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return b, nil
}

// decode reads a value of any type. No bytes at all count as null.
func decode[T any](b []byte) (T, error) {
	var v T
	if b = bytes.TrimSpace(b); len(b) == 0 {
		return v, nil
	}
	err := json.Unmarshal(b, &v)
	return v, err
}
