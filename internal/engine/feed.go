package engine

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

// Bounds of what those who follow executions may ask of the database.
const (
	maxFollowers = 1000                   // of one process
	maxRounds    = 4                      // of reading, at once, of one process
	roundAgain   = 250 * time.Millisecond // between two rounds of one follower, at least
	roundPoll    = 2 * time.Second        // after which one is due that nobody hinted at
	feedChunk    = 50                     // tasks that are in memory at once
)

// A round of a large execution takes longer, and so comes less often: reading takes
// at most a quarter of a follower's time while there are hints, else a twentieth.
const (
	roundShare     = 4
	roundPollShare = 20
)

// ErrBadCursor says that a cursor was not given by this service.
var ErrBadCursor = errors.New("not a cursor of this service")

// Feed follows one execution: it gives what is new or has changed, each time as it
// then stands, until the execution is terminal. It is for one goroutine.
type Feed interface {
	// Next gives a part as soon as there is one, and an empty one after idle. While the
	// database cannot be read, there is none. Error: the context's.
	Next(ctx context.Context, idle time.Duration) (FeedPart, error)
	// Close ends the following.
	Close()
}

type feed struct {
	engine *Engine
	id     workflow.ID
	woken  chan struct{}
	close  []func()

	at      place
	round   *db.Changes   // since at.since, what is left to give of it
	exact   db.Mark       // at.since, but not rounded
	ended   bool          // End was given
	begun   time.Time     // of the last round
	took    time.Duration // the last round
	readErr error         // of the last round, which is told once
}

// FeedPart is a part of what has changed. All of its fields may be unset: then
// nothing has, for a while.
type FeedPart struct {
	Execution *ExecutionView // without Progress; nil: it has not changed
	Tasks     []*workflow.Task
	End       bool // the execution is terminal (or gone), and all was given
	at        place
}

// Follow begins to follow an execution: from the beginning, or with a cursor not
// empty from where that was given. Close ends it. Errors: workflow.ErrNotFound,
// ErrBadCursor, ErrUnavailable.
func (e *Engine) Follow(ctx context.Context, id workflow.ID, cursor string) (Feed, error) {
	at, err := decodeCursor(cursor)
	if err != nil {
		return nil, err
	}
	leave, err := e.enter()
	if err != nil {
		return nil, err
	}
	f := &feed{engine: e, id: id, woken: make(chan struct{}, 1), at: at, exact: at.since}
	f.close = []func(){e.watching.add(id, f.woken), leave}
	if err := f.read(ctx); err != nil {
		f.Close()
		return nil, refusal(err)
	}
	f.round.Execution = true // whoever comes back shall not have to know
	return f, nil
}

// Close is Feed.Close.
func (f *feed) Close() {
	for _, end := range f.close {
		end()
	}
	f.close = nil
}

// enter counts one more who follows.
func (e *Engine) enter() (leave func(), err error) {
	if e.followers.Add(1) > maxFollowers {
		e.followers.Add(-1)
		return nil, fmt.Errorf("%w: %d streams of events are open", ErrUnavailable, maxFollowers)
	}
	return func() { e.followers.Add(-1) }, nil
}

// Next is Feed.Next.
func (f *feed) Next(ctx context.Context, idle time.Duration) (FeedPart, error) {
	timer := time.NewTimer(idle)
	defer timer.Stop()
	for {
		part, some, err := f.part(ctx)
		if some || ctx.Err() != nil {
			return part, ctx.Err()
		}
		f.tell(ctx, err)
		poll := time.NewTimer(time.Until(f.begun.Add(max(roundPoll, roundPollShare*f.took))))
		select {
		case <-ctx.Done():
		case <-f.woken:
		case <-poll.C:
		case <-timer.C:
			poll.Stop()
			return FeedPart{at: f.at}, nil
		}
		poll.Stop()
		if err := sleepUntil(ctx, f.begun.Add(max(roundAgain, roundShare*f.took))); err != nil {
			return FeedPart{}, err
		}
		f.tell(ctx, f.read(ctx))
	}
}

// tell logs that a round failed, once until one succeeds.
func (f *feed) tell(ctx context.Context, err error) {
	if err != nil && f.readErr == nil && ctx.Err() == nil {
		f.engine.log.WarnContext(ctx, "what changed of an execution could not be read", "execution_id", f.id.String(), "error", err)
	}
	f.readErr = err
}

// read begins a round: it finds out what has changed.
func (f *feed) read(ctx context.Context) error {
	select {
	case f.engine.rounds <- struct{}{}:
		defer func() { <-f.engine.rounds }()
	case <-ctx.Done():
		return ctx.Err()
	}
	f.begun = time.Now()
	defer func() { f.took = time.Since(f.begun) }()
	round, err := f.engine.store.Changes(ctx, f.id, f.exact)
	if errors.Is(err, db.ErrNotFound) && f.round != nil {
		f.round = &db.Changes{State: workflow.ExecutionCancelled, Mark: f.exact, Rough: f.at.since} // it was cleaned away
		return nil
	}
	if err != nil {
		return err
	}
	if !f.at.after.IsZero() {
		if err := f.takeUp(ctx, round); err != nil {
			return err
		}
	}
	f.round, f.at.until, f.at.after = round, round.Rough, workflow.ID{}
	return nil
}

// takeUp makes a round go on where one stopped that began at the same mark: of the
// tasks that were given then, it keeps those that have changed again.
func (f *feed) takeUp(ctx context.Context, round *db.Changes) error {
	again, err := f.engine.store.Changes(ctx, f.id, f.at.until)
	if err != nil {
		return err
	}
	given := func(id workflow.ID) bool { return id.Compare(f.at.after) <= 0 }
	round.Tasks = append(
		slices.DeleteFunc(again.Tasks, func(id workflow.ID) bool { return !given(id) }),
		slices.DeleteFunc(round.Tasks, given)...)
	return nil
}

// part gives the next part of the round, if there is one left.
func (f *feed) part(ctx context.Context) (part FeedPart, some bool, err error) {
	round := f.round
	part.at = f.at
	if round.Execution {
		if part.Execution, err = f.engine.store.Outline(ctx, f.id); err != nil && !errors.Is(err, db.ErrNotFound) {
			return part, false, err
		}
		round.Execution = false
		return part, part.Execution != nil, nil
	}
	for len(round.Tasks) > 0 {
		chunk := round.Tasks[:min(len(round.Tasks), feedChunk)]
		if part.Tasks, err = f.engine.store.TasksByID(ctx, chunk); err != nil {
			return part, false, err
		}
		f.at.after = chunk[len(chunk)-1]
		round.Tasks = round.Tasks[len(chunk):]
		if len(part.Tasks) > 0 {
			return part, true, nil
		}
	}
	f.exact, f.at = round.Mark, place{since: round.Rough}
	if round.State.Terminal() && !f.ended {
		f.ended, part.End, part.at = true, true, f.at
		return part, true, nil
	}
	return part, false, nil
}

// Cursor is where to follow on from once the task, or with nil what came before the
// part's tasks, was given. It may give some again.
func (p *FeedPart) Cursor(t *workflow.Task) string {
	at := p.at
	if t != nil {
		at.after = t.ID
	}
	return at.cursor()
}

// place is how far whoever follows an execution has come: everything before since
// was given, and of the tasks that changed between since and until those up to after.
type place struct {
	since, until db.Mark
	after        workflow.ID
}

// cursorForm begins every cursor, so that its form may change.
const cursorForm = "1"

func (p place) cursor() string {
	parts := []string{cursorForm, string(p.since)}
	if !p.after.IsZero() {
		parts = append(parts, string(p.until), p.after.String())
	}
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Join(parts, " ")))
}

func decodeCursor(cursor string) (p place, err error) {
	if cursor == "" {
		return place{}, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	parts := strings.Split(string(text), " ")
	if err != nil || parts[0] != cursorForm || len(parts) != 2 && len(parts) != 4 {
		return place{}, ErrBadCursor
	}
	p.since = db.Mark(parts[1])
	if len(parts) == 2 {
		return p, nil
	}
	p.until = db.Mark(parts[2])
	if p.after, err = workflow.ParseID(parts[3]); err != nil {
		return place{}, ErrBadCursor
	}
	return p, nil
}
