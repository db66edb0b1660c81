package db

import (
	"context"
	"time"
)

// Ended is what is done about executions that have ended.
type Ended interface {
	// EndedFunctions gives the functions of all that have ended, each once. Its cost
	// follows the number of functions.
	EndedFunctions(ctx context.Context) ([]string, error)
	// CountEnded counts the executions that ended that long ago or longer, without those
	// that DeleteEnded leaves.
	CountEnded(ctx context.Context, age time.Duration) (int64, error)
	// DeleteEnded deletes at most limit executions of the function that ended that long
	// ago or longer, the oldest first, with all that belongs to them; it tells how many
	// it deleted, and whether there may be more. Those of which a task is still open, as
	// a callback may be, stay, and so do results that others share. It deletes fewer
	// at once the more tasks they have.
	DeleteEnded(ctx context.Context, function string, age time.Duration, limit int) (deleted int, more bool, err error)
}

// DeletedTasks is about how many tasks DeleteEnded deletes at once, if they are not of
// one execution.
const DeletedTasks = 10_000
