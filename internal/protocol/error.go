package protocol

import (
	"github.com/stent-dev/stent/internal/wire"
	"github.com/stent-dev/stent/internal/workflow"
)

// FromError reads a failure; none given is one that says so.
func FromError(e *wire.Error) workflow.Error {
	if e == nil {
		return workflow.Error{Type: "error", Message: "no reason was given"}
	}
	return workflow.Error{Type: e.Type, Message: e.Message, Details: e.Details}
}

// ToError writes a failure; nil for none.
func ToError(e *workflow.Error) *wire.Error {
	if e == nil {
		return nil
	}
	return &wire.Error{Type: e.Type, Message: e.Message, Details: e.Details}
}
