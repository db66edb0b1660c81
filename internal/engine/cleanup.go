package engine

import (
	"context"
	"errors"
	"time"
)

// Cleanup says what to delete.
type Cleanup struct {
	OlderThan   time.Duration // since it ended
	Executions  bool          // that have ended, whatever the retention of their functions
	DeadLetters bool
	DryRun      bool // only count
}

// Cleaned is how much was deleted, or would be.
type Cleaned struct {
	Executions, DeadLetters int64
	More                    bool // there was no time for all
}

const (
	endedBatch      = 100              // executions that are deleted in one transaction
	cleanupPatience = 30 * time.Second // for all of a request
)

// Cleanup deletes executions that ended long ago, with all that belongs to them, and
// dead letters as old, batch by batch. When it takes too long, or the database goes
// away, it gives what was done by then, and says that there is more; error:
// ErrUnavailable or context.DeadlineExceeded when that is nothing.
func (e *Engine) Cleanup(ctx context.Context, what Cleanup) (done Cleaned, err error) {
	ctx, cancel := context.WithTimeout(ctx, cleanupPatience)
	defer cancel()
	if what.DryRun {
		return e.countOld(ctx, what)
	}
	if what.DeadLetters {
		err = e.deleteOldLetters(ctx, what.OlderThan, &done)
	}
	if err == nil && what.Executions {
		err = e.deleteOldExecutions(ctx, what.OlderThan, &done)
	}
	if err != nil && done.Executions+done.DeadLetters > 0 {
		done.More = true
		return done, nil
	}
	return done, err
}

func (e *Engine) countOld(ctx context.Context, what Cleanup) (found Cleaned, err error) {
	if what.Executions {
		if found.Executions, err = e.store.CountEnded(ctx, what.OlderThan); err != nil {
			return found, refusal(err)
		}
	}
	if what.DeadLetters {
		found.DeadLetters, err = e.store.CountDeadLetters(ctx, what.OlderThan)
	}
	return found, refusal(err)
}

func (e *Engine) deleteOldLetters(ctx context.Context, age time.Duration, done *Cleaned) error {
	for {
		n, err := e.store.ExpireDeadLetters(ctx, age, cleaningBatch)
		if err != nil {
			return refusal(err)
		}
		if done.DeadLetters += int64(n); n < cleaningBatch {
			return nil
		}
	}
}

func (e *Engine) deleteOldExecutions(ctx context.Context, age time.Duration, done *Cleaned) error {
	functions, err := e.store.EndedFunctions(ctx)
	if err != nil {
		return refusal(err)
	}
	for _, function := range functions {
		for more := true; more; {
			var n int
			if n, more, err = e.store.DeleteEnded(ctx, function, age, endedBatch); err != nil {
				return refusal(err)
			}
			done.Executions += int64(n)
		}
	}
	return nil
}

// ExpireExecutions deletes a batch of executions of each function whose retention has
// passed since they ended; retention is that of functions that have none of their own,
// or are not registered any more. 0 keeps them for good. It tells whether there may be
// more of them. What fails of one function keeps nothing from the others.
func (e *Engine) ExpireExecutions(ctx context.Context, retention time.Duration) (more bool, err error) {
	functions, err := e.store.EndedFunctions(ctx)
	if err == nil {
		err = e.functions.refresh(ctx)
	}
	if err != nil {
		return false, refusal(err)
	}
	var failed []error
	for _, function := range functions {
		keep := retention
		if f := e.functions.Lookup(function, nil); f != nil && f.Retention != nil {
			keep = *f.Retention
		}
		if keep == 0 {
			continue
		}
		_, left, err := e.store.DeleteEnded(ctx, function, keep, endedBatch)
		if err != nil {
			failed = append(failed, err)
		}
		more = more || left
	}
	return more, refusal(errors.Join(failed...))
}
