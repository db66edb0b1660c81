package delivery

import (
	"encoding/json"
	"time"

	"github.com/stent-dev/stent/internal/wire"
	"github.com/stent-dev/stent/internal/workflow"
)

// Outcome is what a delivery came to.
type Outcome int

// The outcomes. Only Completed, Accepted and Failed cost an attempt.
const (
	Failed      Outcome = iota // the handler failed, or may have run without a usable answer
	Completed                  // the handler answered
	Accepted                   // an activity: the handler will report later
	Throttled                  // the worker asks for another time
	Unreachable                // no connection: the handler did not run
)

var outcomeNames = [...]string{"failed", "completed", "accepted", "throttled", "unreachable"}

func (o Outcome) String() string { return outcomeNames[o] }

// Contact is what a delivery shows about its endpoint, for a Breaker.
type Contact int

// The contacts.
const (
	ContactUnknown Contact = iota // nothing: cancelled, denied, or cut without an answer
	ContactMade                   // an HTTP answer came
	ContactFailed                 // no connection could be made
)

// Result is what came of delivering an activity.
//
// Error is set unless Outcome is Completed or Accepted. Its type is what the
// worker said, or http_<status>, or one of: timeout, connection_lost,
// invalid_response, invalid_json, json_too_deep, result_too_large,
// content_encoding, redirect, unreachable, address_denied, invalid_url,
// invalid_secret, invalid_request, cancelled (ctx was; whoever did that knows
// what is to become of the attempt).
type Result struct {
	Outcome       Outcome
	Value         json.RawMessage        // Completed: the worker's bytes without surrounding space
	Context       workflow.ContextUpdate // Completed: of the headers Stent-Counters and Stent-State
	Error         *wire.Error
	Retryable     bool          // Failed: whether the retry policy applies
	RetryAfter    time.Duration // Throttled, and Failed if Retryable: 1 s to 24 h as the worker asked; 0: it did not
	StatusCode    int           // 0 without an answer
	DisableWorker bool          // the worker says that it is gone for good
	Contact       Contact
}

// TurnResult is what came of delivering an orchestrator's turn: Completed,
// Failed, Throttled or Unreachable. The error types are those of Result, and
// missing_protocol, unsupported_protocol and invalid_answer.
type TurnResult struct {
	Outcome       Outcome
	Answer        *wire.Answer // Completed
	Error         *wire.Error
	RetryAfter    time.Duration // Throttled: 1 s to 24 h
	StatusCode    int           // 0 without an answer
	DisableWorker bool
	Contact       Contact
}

// failure is why there is no result. The zero outcome is Failed, the zero
// retryability is "for good".
type failure struct {
	outcome            Outcome
	errorType, message string
	details            json.RawMessage
	retryable          bool
	retryAfter         time.Duration
	disable            bool
	contact            Contact
	unreachable        string // why, with ContactFailed
	status             int
}

func (f *failure) wireError() *wire.Error {
	return &wire.Error{Type: f.errorType, Message: f.message, Details: f.details}
}

func (f *failure) result() Result {
	return Result{
		Outcome: f.outcome, Error: f.wireError(), Retryable: f.retryable && f.outcome == Failed, RetryAfter: f.retryAfter,
		StatusCode: f.status, DisableWorker: f.disable, Contact: f.contact,
	}
}

func (f *failure) turnResult() TurnResult {
	r := TurnResult{Outcome: f.outcome, Error: f.wireError(), StatusCode: f.status, DisableWorker: f.disable, Contact: f.contact}
	if f.outcome == Throttled {
		r.RetryAfter = f.retryAfter
	}
	return r
}
