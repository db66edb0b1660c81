package http

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/http/api"
	"github.com/stent-dev/stent/internal/workflow"
)

// refusal is an error that is told to the client as it stands.
type refusal struct {
	status int
	code   api.ProblemCode
	title  string
	detail string
	fields workflow.FieldErrors
}

func (e *refusal) Error() string {
	if len(e.fields) == 0 {
		return e.detail
	}
	return e.detail + " " + e.fields.Error()
}

// inItem gives the refusal as one of an item of a batch.
func (e *refusal) inItem(i int) *refusal {
	of := *e
	of.fields = make(workflow.FieldErrors, len(e.fields))
	for n, f := range e.fields {
		of.fields[n] = workflow.FieldError{Pointer: fmt.Sprintf("/executions/%d%s", i, f.Pointer), Detail: f.Detail}
	}
	return &of
}

// refusals says what each error of the use cases is over HTTP. An error that is
// not here, nor handled by refuse, is an internal one.
var refusals = []struct {
	err error
	refusal
}{
	{workflow.ErrNotFound, refusal{http.StatusNotFound, api.ProblemCodeNotFound, "Not found", "There is nothing with this name or id.", nil}},
	{workflow.ErrAlreadyTerminal, refusal{http.StatusConflict, api.ProblemCodeAlreadyTerminal, "Already terminal", "The execution has ended.", nil}},
	{workflow.ErrLeaseLost, refusal{
		http.StatusConflict, api.ProblemCodeLeaseLost, "Lease lost", "A newer attempt holds the task, or it is settled: this attempt's report does not count.", nil,
	}},
	{engine.ErrBadToken, refusal{
		http.StatusBadRequest, api.ProblemCodeInvalidRequest, "Invalid request", "The task token was not made by this service.",
		workflow.FieldErrors{{Pointer: "/header/Stent-Task-Token", Detail: "is not a task token of this service"}},
	}},
	{workflow.ErrMailboxFull, refusal{
		http.StatusTooManyRequests, api.ProblemCodeMailboxFull, "Mailbox full", "The execution buffers as many signals as it may; try again once some were taken.", nil,
	}},
	{workflow.ErrKeyReused, refusal{
		http.StatusUnprocessableEntity, api.ProblemCodeIdempotencyKeyReused, "Idempotency key reused", "Another request was made with this Idempotency-Key.",
		workflow.FieldErrors{{Pointer: "/header/Idempotency-Key", Detail: "was used for another request"}},
	}},
	{workflow.ErrNotRegistered, refusal{
		http.StatusUnprocessableEntity, api.ProblemCodeFunctionNotRegistered, "Function not registered", "No function of this name is registered.",
		workflow.FieldErrors{{Pointer: "/function", Detail: "is not registered"}},
	}},
	{workflow.ErrAlreadyExists, refusal{http.StatusConflict, api.ProblemCodeConflict, "Conflict", "It exists already.", nil}},
	{workflow.ErrInvalidOperation, refusal{http.StatusConflict, api.ProblemCodeConflict, "Conflict", "As things stand, that cannot be done to it.", nil}},
	{workflow.ErrNoSuchStep, refusal{
		http.StatusUnprocessableEntity, api.ProblemCodeInvalidRequest, "Invalid request", "The execution's current run has no step with this key.",
		workflow.FieldErrors{{Pointer: "/from_step", Detail: "is not a step of the execution's current run"}},
	}},
	{engine.ErrUnavailable, unavailable},
	{context.DeadlineExceeded, unavailable},
	{context.Canceled, unavailable},
}

var unavailable = refusal{http.StatusServiceUnavailable, api.ProblemCodeUnavailable, "Unavailable", "The service cannot serve this now; try again.", nil}

// refuse finds what an error is to the client; nil: nothing that it may know.
func refuse(err error) *refusal {
	var told *refusal
	var fields workflow.FieldErrors
	var manifest *engine.ManifestError
	var named *subjectError
	var conflict *workflow.ConflictError
	switch {
	case errors.As(err, &told):
		return told
	case errors.As(err, &manifest):
		pointer := "/url"
		if manifest.Secret {
			pointer = "/secret"
		}
		return unprocessable(workflow.FieldError{Pointer: pointer, Detail: manifest.Error()})
	case errors.As(err, &conflict):
		return &refusal{http.StatusConflict, api.ProblemCodeConflict, "Conflict", conflict.Reason, nil}
	case errors.As(err, &fields):
		return unprocessable(fields...)
	}
	for i := range refusals {
		if !errors.Is(err, refusals[i].err) {
			continue
		}
		found := refusals[i].refusal
		if found.code == api.ProblemCodeNotFound && errors.As(err, &named) {
			found.detail = "There is no " + named.subject + "."
		}
		return &found
	}
	return nil
}

// subjectError says what an error is about.
type subjectError struct {
	error
	subject string
}

func (e *subjectError) Unwrap() error { return e.error }

// about says what an error is about, should it be that it does not exist; nil stays nil.
func about(err error, kind, name string) error {
	if err == nil {
		return nil
	}
	return &subjectError{err, kind + " " + name}
}

// malformed refuses a request of the wrong shape.
func malformed(fields ...workflow.FieldError) *refusal {
	return &refusal{http.StatusBadRequest, api.ProblemCodeInvalidRequest, "Invalid request", "The request is not valid; errors names the fields.", fields}
}

// invalid refuses a request of which one field has the wrong shape.
func invalid(pointer, detail string) *refusal {
	return malformed(workflow.FieldError{Pointer: pointer, Detail: detail})
}

// unprocessable refuses a request that is well formed but cannot be carried out.
func unprocessable(fields ...workflow.FieldError) *refusal {
	return &refusal{
		http.StatusUnprocessableEntity, api.ProblemCodeInvalidRequest, "Invalid request", "The request cannot be carried out; errors names the fields.", fields,
	}
}

// tooLarge refuses a value, or with an empty pointer the body.
func tooLarge(pointer, detail string) *refusal {
	return &refusal{
		http.StatusRequestEntityTooLarge, api.ProblemCodePayloadTooLarge, "Payload too large", "The request holds more than it may; errors names the fields.",
		workflow.FieldErrors{{Pointer: pointer, Detail: detail}},
	}
}

// unsupported refuses a body of another media type.
func unsupported(header, detail string) *refusal {
	return &refusal{
		http.StatusUnsupportedMediaType, api.ProblemCodeInvalidRequest, "Unsupported media type", `Send JSON, with "Content-Type: application/json".`,
		workflow.FieldErrors{{Pointer: "/header/" + header, Detail: detail}},
	}
}
