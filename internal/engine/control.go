package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/stent-dev/stent/internal/wake"
	"github.com/stent-dev/stent/internal/workflow"
)

// SignalReceipt says what became of a signal.
type SignalReceipt struct {
	ID        workflow.ID
	Delivered bool // a wait took it; otherwise it is buffered
	Replayed  bool // an earlier request with the same key had sent it
}

// Signal puts a message into an execution's mailbox. With a key, which may be
// empty, a repetition gives the same message, also once the execution has ended.
// Errors: workflow.ErrNotFound, ErrAlreadyTerminal, ErrMailboxFull, ErrKeyReused;
// ErrUnavailable, after which a signal without a key may have been stored.
func (e *Engine) Signal(ctx context.Context, id workflow.ID, name string, payload json.RawMessage, key string) (SignalReceipt, error) {
	event := workflow.Send{Execution: id, Name: name, Payload: payload, IdempotencyKey: key}
	if key != "" {
		event.RequestHash = hashOf(struct {
			Name    string
			Payload json.RawMessage
		}{name, canonical(payload)}, payload)
	}
	v, err := e.ask(ctx, id, event)
	if err != nil {
		return SignalReceipt{}, err
	}
	return SignalReceipt{ID: v.Signal.ID, Delivered: v.Delivered, Replayed: v.Replayed}, nil
}

// Cancel asks an execution to end: gracefully, so that orchestrators may
// compensate, or at once. Errors as of Signal.
func (e *Engine) Cancel(ctx context.Context, id workflow.ID, force bool) error {
	_, err := e.ask(ctx, id, workflow.Cancel{Execution: id, Force: force})
	return err
}

// Pause keeps the execution's tasks from being delivered. Errors as of Signal.
func (e *Engine) Pause(ctx context.Context, id workflow.ID) error {
	_, err := e.ask(ctx, id, workflow.Pause{Execution: id, Paused: true})
	return err
}

// Resume lets the execution's tasks be delivered again, and those of a blocked one at once.
func (e *Engine) Resume(ctx context.Context, id workflow.ID) error {
	_, err := e.ask(ctx, id, workflow.Pause{Execution: id})
	if err == nil {
		e.bus.Publish(wake.Hint{Queues: []string{anyQueue}}) // what was stepped over is in any of them
	}
	return err
}

// Count adds to a counter and gives its new value. Errors as of Signal.
func (e *Engine) Count(ctx context.Context, id workflow.ID, name string, add int64) (int64, error) {
	v, err := e.ask(ctx, id, workflow.Count{Execution: id, Name: name, Add: add})
	return v.Value, err
}

// SetState sets one key of an execution's custom state. Errors as of Signal.
func (e *Engine) SetState(ctx context.Context, id workflow.ID, key string, value json.RawMessage) error {
	_, err := e.ask(ctx, id, workflow.SetState{Execution: id, Key: key, Value: value})
	return err
}

// HeartbeatReply tells a running attempt whether it is still wanted, and until
// when it counts unless another heartbeat comes.
type HeartbeatReply struct {
	Cancel         bool
	LeaseExpiresAt *time.Time
}

// Complete reports the result of an attempt that runs asynchronously, with what
// it adds to counters and sets of the state. The same report again is no error,
// and changes nothing. Errors: workflow.FieldErrors, ErrBadToken,
// workflow.ErrLeaseLost, ErrNotFound, ErrUnavailable.
func (e *Engine) Complete(ctx context.Context, task workflow.ID, token string, value json.RawMessage, update workflow.ContextUpdate) error {
	if err := update.Check(); err != nil {
		return err
	}
	v, err := e.report(ctx, task, token, func(l workflow.Lease) workflow.Event {
		return workflow.Succeeded{Lease: l, Value: value, ContextUpdate: update}
	})
	if err != nil || !v.Replayed {
		return err
	}
	return e.repeats(ctx, task, func(t *workflow.Task, _ []workflow.FailedAttempt) bool {
		return t.State == workflow.TaskCompleted && bytes.Equal(t.Result, value)
	})
}

// repeats gives nil if a report of an attempt that was reported before says the
// same as what is stored of it, which changes no more, and workflow.ErrLeaseLost if not.
func (e *Engine) repeats(ctx context.Context, task workflow.ID, same func(*workflow.Task, []workflow.FailedAttempt) bool) error {
	t, attempts, err := e.store.Task(ctx, task)
	if err != nil {
		return refusal(err)
	}
	if !same(t, attempts) {
		return workflow.ErrLeaseLost
	}
	return nil
}

// Fail reports the failure of an attempt. Errors as of Complete.
func (e *Engine) Fail(ctx context.Context, task workflow.ID, token string, failure workflow.Error, retryable bool) error {
	v, err := e.report(ctx, task, token, func(l workflow.Lease) workflow.Event {
		return workflow.Failed{Lease: l, Error: failure, Retryable: retryable}
	})
	if err != nil || !v.Replayed {
		return err
	}
	return e.repeats(ctx, task, func(t *workflow.Task, attempts []workflow.FailedAttempt) bool {
		return slices.ContainsFunc(attempts, func(a workflow.FailedAttempt) bool {
			return a.Number == t.Attempt && a.Error.Type == failure.Type && a.Error.Message == failure.Message &&
				bytes.Equal(a.Error.Details, failure.Details)
		})
	})
}

// Heartbeat reports that an attempt goes on. Errors as of Complete.
func (e *Engine) Heartbeat(ctx context.Context, task workflow.ID, token string, details json.RawMessage) (HeartbeatReply, error) {
	v, err := e.report(ctx, task, token, func(l workflow.Lease) workflow.Event {
		return workflow.Beat{Lease: l, Details: details}
	})
	reply := HeartbeatReply{Cancel: v.Cancel}
	if err == nil && v.Task != nil {
		reply.LeaseExpiresAt = v.Task.DueAt
	}
	return reply, err
}

func (e *Engine) report(ctx context.Context, task workflow.ID, token string, event func(workflow.Lease) workflow.Event) (workflow.Verdict, error) {
	lease, err := e.tokens.read(token)
	if err != nil {
		return workflow.Verdict{}, err
	}
	if lease.Task != task {
		return workflow.Verdict{}, workflow.ErrLeaseLost
	}
	return e.ask(ctx, lease.Execution, event(lease))
}

// Token is the text by which a handler can report on a lease.
func (e *Engine) Token(l workflow.Lease) string { return e.tokens.sign(l) }

// Submit commits what became of a lease. Errors: workflow.ErrLeaseLost,
// workflow.ErrNotFound, ErrUnavailable.
func (e *Engine) Submit(ctx context.Context, execution workflow.ID, event workflow.Event) (workflow.Verdict, error) {
	if turn, ok := event.(workflow.TurnAnswered); ok {
		var names []string
		for i := range turn.Commands {
			switch turn.Commands[i].Op {
			case workflow.OpCall, workflow.OpMap, workflow.OpDispatch:
				names = append(names, turn.Commands[i].Name)
			default:
			}
		}
		if err := e.functions.know(ctx, names...); err != nil {
			return workflow.Verdict{}, refusal(err)
		}
		workflow.NameResults(turn.Commands, e.functions)
	}
	return e.submit(ctx, execution, event)
}
