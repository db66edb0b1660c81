package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/wake"
	"github.com/stent-dev/stent/internal/workflow"
)

// BulkAction is something that is done to many executions.
type BulkAction string

// What can be done to many executions.
const (
	BulkCancel  BulkAction = "cancel"
	BulkPause   BulkAction = "pause"
	BulkResume  BulkAction = "resume"
	BulkRestart BulkAction = "restart" // from the beginning
)

// Bulk asks to do something to the executions that a filter selects.
type Bulk struct {
	Action BulkAction
	Filter ExecutionFilter // without Limit, Before and Paused
	Limit  int             // the most to act on
	DryRun bool            // only look how many they are
	Force  bool            // of a cancellation
}

// BulkDone tells what became of them.
type BulkDone struct {
	Matched  int  // selected, up to the limit
	Affected int  // it was done to them; others had ended, or were gone, before
	More     bool // more are selected than that
}

const (
	bulkBatch    = 100              // executions that are acted on at once
	countedBatch = 1000             // executions that are only counted, by one query
	bulkPatience = 30 * time.Second // for all of them
)

// Bulk does something to many executions, the newest first, each by a decision of its
// own; those to which it cannot be done any more, or has been, are not selected. When
// it takes too long, or the database goes away, it gives what was done by then, and
// says that there is more; error: ErrUnavailable or context.DeadlineExceeded when that is nothing.
func (e *Engine) Bulk(ctx context.Context, b Bulk) (done BulkDone, err error) {
	ctx, cancel := context.WithTimeout(ctx, bulkPatience)
	defer cancel()
	for _, f := range b.selections() {
		if err = e.bulk(ctx, b, f, &done); err != nil || done.More {
			break
		}
	}
	if b.Action == BulkResume && done.Affected > 0 {
		e.bus.Publish(wake.Hint{Queues: []string{anyQueue}}) // what was stepped over is in any of them
	}
	if err != nil && (done.Affected > 0 || b.DryRun && done.Matched > 0) {
		done.More = true
		return done, nil
	}
	return done, err
}

// selections splits the filter into such as select, without overlap, only executions
// that the action does something to.
func (b *Bulk) selections() []ExecutionFilter {
	paused, unpaused := true, false
	switch b.Action {
	case BulkCancel:
		if b.Force {
			return b.of(nil, db.OpenStates()...)
		}
		return b.of(nil, workflow.ExecutionPending, workflow.ExecutionRunning, workflow.ExecutionBlocked)
	case BulkPause:
		return b.of(&unpaused, db.OpenStates()...)
	case BulkResume:
		return append(b.of(&paused, db.OpenStates()...), b.of(&unpaused, workflow.ExecutionBlocked)...)
	default:
		return b.of(nil, db.ExecutionStates()...)
	}
}

// of restricts the filter to some states; if it selects none of them, there is nothing.
func (b *Bulk) of(paused *bool, states ...workflow.ExecutionState) []ExecutionFilter {
	f := b.Filter
	if len(f.States) > 0 {
		states = slices.DeleteFunc(states, func(s workflow.ExecutionState) bool { return !slices.Contains(f.States, s) })
	}
	if len(states) == 0 {
		return nil
	}
	f.States, f.Paused = states, paused
	return []ExecutionFilter{f}
}

// bulk goes through a list once, so that whatever it does, it meets each but once.
func (e *Engine) bulk(ctx context.Context, b Bulk, f ExecutionFilter, done *BulkDone) error {
	batch := bulkBatch
	if b.DryRun {
		batch = countedBatch
	}
	for {
		n := min(b.Limit-done.Matched, batch)
		f.Limit = n + 1 // the last one only tells that there are more
		ids, err := e.store.ExecutionIDs(ctx, f)
		if err != nil {
			return refusal(err)
		}
		more := len(ids) > n
		ids = ids[:min(len(ids), n)]
		if !b.DryRun {
			affected, err := e.bulkBatch(ctx, b, ids)
			done.Affected += affected
			if err != nil {
				return err
			}
		}
		done.Matched += len(ids)
		if !more {
			return nil
		}
		if done.Matched == b.Limit {
			done.More = true
			return nil
		}
		f.Before = ids[len(ids)-1]
	}
}

// bulkBatch acts on some executions at once.
func (e *Engine) bulkBatch(ctx context.Context, b Bulk, ids []workflow.ID) (affected int, failed error) {
	events := make([]workflow.Event, len(ids))
	for i, id := range ids {
		events[i] = b.event(id)
	}
	for _, err := range e.askAll(ctx, ids, events) {
		switch {
		case err == nil:
			affected++
		case !errors.Is(err, workflow.ErrNotFound) && !errors.Is(err, workflow.ErrAlreadyTerminal): // otherwise somebody was quicker
			failed = err
		}
	}
	return affected, failed
}

func (b *Bulk) event(id workflow.ID) workflow.Event {
	switch b.Action {
	case BulkCancel:
		return workflow.Cancel{Execution: id, Force: b.Force}
	case BulkPause, BulkResume:
		return workflow.Pause{Execution: id, Paused: b.Action == BulkPause}
	default:
		return workflow.Restart{Execution: id}
	}
}

// askAll commits an event of each of these executions, and gives their errors. It may
// take as long as ctx lives.
func (e *Engine) askAll(ctx context.Context, executions []workflow.ID, events []workflow.Event) []error {
	submissions := make([]*submission, len(events))
	for i, event := range events {
		submissions[i] = &submission{ctx: ctx, event: event, done: make(chan struct{})}
		e.enqueue(executions[i], submissions[i])
	}
	errs := make([]error, len(submissions))
	for i, s := range submissions {
		errs[i] = s.await(ctx).Err
	}
	return errs
}
