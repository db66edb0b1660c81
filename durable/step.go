package durable

import (
	"encoding/json"

	"github.com/stent-dev/stent/internal/wire"
)

// step is one step that the code of a run has commanded, and what became of it.
type step struct {
	run  *run
	key  string
	op   string
	name string

	// command is what to send; nil once a history has shown that it is stored.
	command *wire.Command

	status string // "" while open
	value  json.RawMessage
	err    *wire.Error
	// order numbers the steps of a run as they settle for its code, from 1. It
	// is the same in every replay, and decides races.
	order int

	cancelled bool // by the code itself
	unaware   bool // commanded before the code could know of a cancellation
}

func (s *step) settle(status string, value json.RawMessage, err *wire.Error) {
	s.run.settled++
	s.order, s.status, s.value, s.err = s.run.settled, status, value, err
}

// failure is why the step, which has settled, did not complete; nil if it did.
func (s *step) failure() error {
	if s.status == wire.StatusCompleted {
		return nil
	}
	return newStepError(s.key, s.op, s.status, s.err)
}

// agrees tells whether a history shows the step as this run knows it.
func (s *step) agrees(h *wire.Step) bool {
	if s.op != h.Op || s.name != h.Name {
		return false
	}
	if s.op != wire.OpLocal && s.op != wire.OpVersion {
		return true // what is awaited is compared by digest; the others have no result
	}
	return (s.status == wire.StatusFailed) == (h.Status == wire.StatusFailed) &&
		sameJSON(s.value, h.Value) && sameError(s.err, h.Error)
}

func sameError(a, b *wire.Error) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Type == b.Type && a.Message == b.Message && sameJSON(a.Details, b.Details)
}

func (s *step) settledAt() (int, bool) { return s.order, s.order > 0 }
func (s *step) await() wire.Await      { return wire.Await{Key: s.key} }
func (s *step) belongs(r *run) bool    { return s.run == r }
