package engine

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

type (
	// DeadLetterFilter selects dead letters.
	DeadLetterFilter = db.DeadLetterFilter
	// DeadLetterRef is a dead letter's place in a list.
	DeadLetterRef = db.DeadLetterRef
)

// DeadLetterView is a dead letter with all that is shown of it.
type DeadLetterView struct {
	*workflow.DeadLetter
	Step     string
	Input    json.RawMessage
	Attempts []workflow.FailedAttempt
}

// DeadLetters lists dead letters, those that failed last first.
func (e *Engine) DeadLetters(ctx context.Context, f DeadLetterFilter) ([]*workflow.DeadLetter, error) {
	letters, err := e.store.DeadLetters(ctx, f)
	return letters, refusal(err)
}

// DeadLetter gives the dead letter of a task. Errors: workflow.ErrNotFound when it
// has none, ErrUnavailable.
func (e *Engine) DeadLetter(ctx context.Context, task workflow.ID) (*DeadLetterView, error) {
	letter, err := e.store.DeadLetter(ctx, task)
	if err != nil {
		return nil, refusal(err)
	}
	t, attempts, err := e.store.Task(ctx, task)
	if err != nil {
		return nil, refusal(err)
	}
	view := &DeadLetterView{DeadLetter: letter, Step: t.Key, Input: t.Input, Attempts: attempts}
	if t.Root() && t.Input == nil {
		x, err := e.store.Execution(ctx, t.Execution)
		if err != nil {
			return nil, refusal(err)
		}
		view.Input = x.Input
	}
	return view, nil
}

// ReplayRequest says how a task is run again.
type ReplayRequest struct {
	Queue string // that it goes through from now on; "": its own
	// ResetRetries counts its failures from none again; otherwise it has the attempts
	// that its policy has left, and one in any case.
	ResetRetries bool
}

// Replay runs the task of a dead letter again, in its execution, which goes on from
// there. Of several at the same time one does it. Errors: workflow.ErrNotFound when
// the task has no dead letter, *workflow.ConflictError when nobody waits for the task
// any more; ErrUnavailable, after which it may have been replayed.
func (e *Engine) Replay(ctx context.Context, task workflow.ID, r ReplayRequest) error {
	letter, err := e.store.DeadLetter(ctx, task)
	if err != nil {
		return refusal(err)
	}
	_, err = e.ask(ctx, letter.Execution, r.event(letter))
	return err
}

func (r ReplayRequest) event(letter *workflow.DeadLetter) workflow.Replay {
	return workflow.Replay{Execution: letter.Execution, Task: letter.Task, Queue: r.Queue, ResetRetries: r.ResetRetries}
}

// Discard deletes the dead letter of a task, which stays failed. Errors as of Replay.
func (e *Engine) Discard(ctx context.Context, task workflow.ID) error {
	letter, err := e.store.DeadLetter(ctx, task)
	if err != nil {
		return refusal(err)
	}
	_, err = e.ask(ctx, letter.Execution, workflow.Discard{Execution: letter.Execution, Task: task})
	return err
}

// BulkReplay asks for the replay of many dead letters.
type BulkReplay struct {
	Filter       DeadLetterFilter // without Limit, Before and Kinds
	Limit        int              // the most to replay
	ResetRetries bool
	DryRun       bool // only look how many they are
}

// BulkReplayed tells what became of them.
type BulkReplayed struct {
	Matched  int // selected; of a dry run, without orchestrators that activities open again
	Replayed int
	Refused  int  // nobody waits for their tasks any more
	More     bool // more are selected than that
}

const (
	replayBatch    = 100              // dead letters that are replayed at once
	replayPatience = 30 * time.Second // for all of them
)

// ReplayAll replays the dead letters that the filter selects, those of activities
// first: that opens again, and so takes away, the orchestrators' that failed because
// of them. When it takes too long, or the database goes away, it gives what was done
// by then, and says that there is more; error: ErrUnavailable or
// context.DeadlineExceeded when that is nothing.
func (e *Engine) ReplayAll(ctx context.Context, r BulkReplay) (done BulkReplayed, err error) {
	ctx, cancel := context.WithTimeout(ctx, replayPatience)
	defer cancel()
	take := func(letters []*workflow.DeadLetter) (int, error) { return e.replayBatch(ctx, letters, r, &done) }
	if r.DryRun {
		take = counting(&done)
	}
	left := r.Limit
	for _, kind := range []workflow.Kind{workflow.KindActivity, workflow.KindOrchestrator} {
		r.Filter.Kinds = []workflow.Kind{kind}
		if done.More, err = e.eachLetter(ctx, r.Filter, &left, take); err != nil || done.More {
			break
		}
	}
	if err != nil && (done.Replayed > 0 || r.DryRun && done.Matched > 0) {
		done.More = true
		return done, nil
	}
	return done, err
}

// eachLetter goes through a list once, so that what fails again meanwhile is not met
// again, until take has taken as many as are left. more tells that the list goes on.
func (e *Engine) eachLetter(ctx context.Context, f DeadLetterFilter, left *int, take func([]*workflow.DeadLetter) (int, error)) (more bool, err error) {
	for {
		n := min(*left, replayBatch)
		f.Limit = n + 1 // the last one only tells that there are more
		letters, err := e.store.DeadLetters(ctx, f)
		if err != nil {
			return false, refusal(err)
		}
		more := len(letters) > n
		letters = letters[:min(len(letters), n)]
		taken, err := take(letters)
		if *left -= taken; err != nil || !more || *left == 0 {
			return more, err
		}
		last := letters[n-1]
		f.Before = DeadLetterRef{FailedAt: last.FailedAt, Task: last.Task}
	}
}

// counting counts what a replay would take, activities first: their replay takes the
// dead letters of orchestrators of the same execution away.
func counting(done *BulkReplayed) func([]*workflow.DeadLetter) (int, error) {
	opened := map[workflow.ID]bool{}
	return func(letters []*workflow.DeadLetter) (n int, err error) {
		for _, letter := range letters {
			if letter.Kind == workflow.KindActivity {
				opened[letter.Execution] = true
			} else if opened[letter.Execution] {
				continue
			}
			n++
		}
		done.Matched += n
		return n, nil
	}
}

// replayBatch replays some dead letters at once, and tells how many were.
func (e *Engine) replayBatch(ctx context.Context, letters []*workflow.DeadLetter, r BulkReplay, done *BulkReplayed) (replayed int, failed error) {
	request := ReplayRequest{ResetRetries: r.ResetRetries}
	executions, events := make([]workflow.ID, len(letters)), make([]workflow.Event, len(letters))
	for i, letter := range letters {
		executions[i], events[i] = letter.Execution, request.event(letter)
	}
	done.Matched += len(letters)
	for _, err := range e.askAll(ctx, executions, events) {
		var conflict *workflow.ConflictError
		switch {
		case err == nil:
			replayed++
		case errors.As(err, &conflict):
			done.Refused++
		case !errors.Is(err, workflow.ErrNotFound): // otherwise somebody was quicker
			failed = err
		}
	}
	done.Replayed += replayed
	return replayed, failed
}

// Restart runs an execution again, whatever its state: from the beginning, or with
// fromStep not nil keeping the steps that were made before that one. Errors:
// workflow.ErrNotFound, ErrNoSuchStep; ErrUnavailable, after which it may have been restarted.
func (e *Engine) Restart(ctx context.Context, id workflow.ID, fromStep *string) error {
	_, err := e.ask(ctx, id, workflow.Restart{Execution: id, FromStep: fromStep})
	return err
}

// ExpireDeadLetters deletes a batch of dead letters whose tasks failed that long
// ago, and tells whether there may be more of them.
func (e *Engine) ExpireDeadLetters(ctx context.Context, age time.Duration) (more bool, err error) {
	n, err := e.store.ExpireDeadLetters(ctx, age, cleaningBatch)
	return n >= cleaningBatch, refusal(err)
}

// ForgetMeters deletes a batch of meters that say nothing any more, and tells
// whether there may be more of them.
func (e *Engine) ForgetMeters(ctx context.Context) (more bool, err error) {
	n, err := e.store.ForgetMeters(ctx, cleaningBatch)
	return n >= cleaningBatch, refusal(err)
}
