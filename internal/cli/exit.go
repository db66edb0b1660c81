package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"

	"github.com/stent-dev/stent/durable"
)

// Exit is an exit code that scripts can rely on.
type Exit int

// The exit codes.
const (
	ExitOK          Exit = 0
	ExitFailed      Exit = 1   // the execution ended, and did not complete; or anything that is not below
	ExitUsage       Exit = 2   // the command line is wrong, or the service refused a value in it
	ExitUnreachable Exit = 3   // the service or its database cannot be reached, or has a fault: try again later
	ExitNotFound    Exit = 4   // there is nothing with this name or id
	ExitRefused     Exit = 5   // the state of things does not allow it
	ExitForbidden   Exit = 6   // the API key is missing or wrong
	ExitDeclined    Exit = 7   // it was not confirmed
	ExitNotEnded    Exit = 8   // the execution has not ended in the time that --timeout gave it
	ExitInterrupted Exit = 130 // Ctrl-C
)

// Exits says what each exit code means, in their order.
func Exits() []struct {
	Code    Exit
	Meaning string
} {
	return []struct {
		Code    Exit
		Meaning string
	}{
		{ExitOK, "done"},
		{ExitFailed, "the execution that was waited for failed, timed out or was cancelled; or a failure that is none of those below"},
		{ExitUsage, "the command line is wrong, or the service refused a value in it"},
		{ExitUnreachable, "the service, or the database of `stent migrate`, cannot be reached or has a fault; the same command may succeed later"},
		{ExitNotFound, "there is nothing with this name or id"},
		{ExitRefused, "the state of things does not allow it: the execution has ended, the function is not registered, the idempotency key was used for something else"},
		{ExitForbidden, "the API key is missing or wrong"},
		{ExitDeclined, "it was not confirmed, or nobody could be asked and `--force` was not given"},
		{ExitNotEnded, "the execution had not ended when the time of `--timeout` was up"},
		{ExitInterrupted, "it was interrupted"},
	}
}

// exitError is an error that knows its exit code.
type exitError struct {
	code Exit
	err  error
	hint string // what to do about it; may be empty
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// Usage makes an error one of the command line or of the settings: ExitUsage.
func Usage(err error) error { return &exitError{code: ExitUsage, err: err} }

// Unreachable makes an error one of a server that cannot be reached: ExitUnreachable.
// The hint says what to do about it.
func Unreachable(err error, hint string) error { return &exitError{ExitUnreachable, err, hint} }

func usagef(format string, args ...any) error { return Usage(fmt.Errorf(format, args...)) }

// explain finds the exit code of an error, and words for people.
func explain(err error, s *session) (code Exit, message, hint string) {
	var known *exitError
	var refused *durable.APIError
	var unsent *url.Error
	var lost net.Error
	var malformed *json.SyntaxError
	var mistyped *json.UnmarshalTypeError
	switch {
	case errors.As(err, &known):
		return known.code, known.Error(), known.hint
	case errors.Is(err, context.Canceled):
		return ExitInterrupted, "interrupted", ""
	case s.http == nil: // it never spoke to the service
	case errors.As(err, &refused):
		return s.explainRefusal(refused)
	case errors.As(err, &unsent):
		return ExitUnreachable, fmt.Sprintf("cannot reach Stent at %s: %v", s.url, unsent.Err), hintUnreachable
	case errors.As(err, &lost), errors.Is(err, io.ErrUnexpectedEOF):
		return ExitUnreachable, fmt.Sprintf("lost the connection to Stent at %s: %v", s.url, err), hintUnreachable
	case errors.As(err, &malformed), errors.As(err, &mistyped):
		return explain(s.stranger(), s)
	}
	return ExitFailed, strings.TrimPrefix(err.Error(), "stent: "), ""
}

const hintUnreachable = "Is it running? `stent dev` starts one here; STENT_URL or --url says where it is."

// stranger is the error of a service whose answers are not those of Stent.
func (s *session) stranger() error {
	return &exitError{ExitUnreachable, errors.New(s.url + " does not answer as Stent does"), s.hintURL()}
}
