package db

import (
	"context"
	"time"

	"github.com/stent-dev/stent/internal/workflow"
)

// DeadLetters is what is done about dead letters beside commits, which make them
// and take them away.
type DeadLetters interface {
	// DeadLetters lists dead letters, those that failed last first. A page costs what is
	// on it, whatever the number of dead letters, if one field at most is filtered by.
	DeadLetters(ctx context.Context, f DeadLetterFilter) ([]*workflow.DeadLetter, error)
	DeadLetter(ctx context.Context, task workflow.ID) (*workflow.DeadLetter, error) // ErrNotFound
	// ExpireDeadLetters deletes at most limit dead letters of tasks that failed that
	// long ago or longer, the oldest first, and tells how many it deleted.
	ExpireDeadLetters(ctx context.Context, age time.Duration, limit int) (int, error)
	// CountDeadLetters counts the dead letters of tasks that failed that long ago or longer.
	CountDeadLetters(ctx context.Context, age time.Duration) (int64, error)
}

// DeadLetterFilter selects dead letters; empty fields select all. Several values of
// one field are alternatives.
type DeadLetterFilter struct {
	Limit  int
	Before DeadLetterRef // only those that come after this one in the list; zero: all

	Functions    []string
	Queues       []string
	Kinds        []workflow.Kind
	FailedAfter  *time.Time
	FailedBefore *time.Time
}

// DeadLetterRef is a dead letter's place in the order of lists.
type DeadLetterRef struct {
	FailedAt time.Time
	Task     workflow.ID
}

// Bounds gives what the filter bounds the time and the place of dead letters by,
// with bounds that no dead letter reaches where it has none.
func (f *DeadLetterFilter) Bounds() (after, before time.Time, place DeadLetterRef) {
	after, before, place = time.Unix(0, 0), endOfTime, f.Before
	if f.FailedAfter != nil {
		after = *f.FailedAfter
	}
	if f.FailedBefore != nil {
		before = *f.FailedBefore
	}
	if place.Task.IsZero() {
		place.FailedAt = endOfTime
	}
	return after, before, place
}

var endOfTime = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
