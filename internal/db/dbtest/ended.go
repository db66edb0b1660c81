package dbtest

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

var ending = map[string]func(*fixture){
	"EndedExecutionsGoWithAllThatBelongsToThem": endedGoWithAll,
	"OnlyExecutionsThatEndedLongAgoGo":          onlyOldOnesGo,
	"ExecutionsWithOpenTasksStay":               openTasksKeep,
	"SharedResultsOutliveTheirExecutions":       resultsOutlive,
	"EndedExecutionsGoInBatches":                endedGoInBatches,
	"WideExecutionsGoInSmallerBatches":          wideGoInSmallerBatches,
	"WhoeverOpensAnExecutionKeepsItWhole":       openedAreKept,
	"OldDeadLettersAreCounted":                  oldLettersAreCounted,
	"SeveralMayCleanAtOnce":                     severalMayClean,
}

// endedAgo makes an execution that ended some time ago, with its root task.
func endedAgo(ago time.Duration) func(*workflow.Execution, *workflow.Task) {
	return func(e *workflow.Execution, root *workflow.Task) {
		at := time.Now().Add(-ago).UTC().Truncate(time.Microsecond)
		e.State, e.CompletedAt = workflow.ExecutionCompleted, &at
		root.State, root.DueAt, root.CompletedAt = workflow.TaskCompleted, nil, &at
	}
}

func (f *fixture) deleteEnded(function string, age time.Duration, limit int) (deleted int, more bool) {
	f.Helper()
	deleted, more, err := f.store.DeleteEnded(f.ctx, function, age, limit)
	f.ok(err)
	return deleted, more
}

// left gives those of the executions that are there.
func (f *fixture) left(executions ...*workflow.Execution) (ids []workflow.ID) {
	f.Helper()
	for _, e := range executions {
		_, err := f.store.Execution(f.ctx, e.ID)
		switch {
		case err == nil:
			ids = append(ids, e.ID)
		case !errors.Is(err, db.ErrNotFound):
			f.Fatal(err)
		}
	}
	return ids
}

func endedGoWithAll(f *fixture) {
	e, root := f.start("f", endedAgo(2*time.Hour), func(e *workflow.Execution, _ *workflow.Task) { e.IdempotencyKey = "key" })
	step := newChild(root, "step", inState(workflow.TaskFailed))
	f.commit(workflow.Need{}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.NewTasks = []*workflow.Task{step}
		c.Attempts = []workflow.FailedAttempt{{Execution: e.ID, Task: step.ID, Number: 1, StartedAt: *at(1), EndedAt: *at(2)}}
		c.DeadLetters = []workflow.DeadLetter{newLetter(step)}
		c.NewSignals = []*workflow.Signal{newSignal(e.ID, 1, "go")}
		c.Counters = []workflow.Counter{{Execution: e.ID, Name: "n", Value: 1}}
		c.State = []workflow.StateEntry{{Execution: e.ID, Key: "k", Value: []byte(`2`)}}
	})
	deleted, more := f.deleteEnded("f", time.Hour, 10)
	f.equal("deleted", []any{deleted, more}, []any{1, false})
	f.equal("left", f.left(e), []workflow.ID(nil))
	for _, task := range []workflow.ID{root.ID, step.ID} {
		_, _, err := f.store.Task(f.ctx, task)
		f.is(err, db.ErrNotFound)
	}
	_, err := f.store.DeadLetter(f.ctx, step.ID)
	f.is(err, db.ErrNotFound)
	signals, err := f.store.Signals(f.ctx, e.ID, db.Page{Limit: 10})
	f.ok(err)
	f.equal("signals", len(signals), 0)

	// The same ids and key again have nothing of what was.
	again := *e
	again.State, again.CompletedAt = workflow.ExecutionPending, nil
	f.commit(workflow.Need{}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.NewExecutions, c.NewTasks = []*workflow.Execution{&again}, []*workflow.Task{root, step}
	})
	view := f.overview(e.ID)
	f.equal("counters and state", []any{len(view.Counters), len(view.State)}, []any{0, 0})
	_, attempts, err := f.store.Task(f.ctx, step.ID)
	f.ok(err)
	f.equal("attempts", len(attempts), 0)
	list, err := f.store.ExecutionIDs(f.ctx, db.ExecutionFilter{Page: db.Page{Limit: 10}, Tags: []string{"a"}})
	f.ok(err)
	f.equal("by its tag", list, []workflow.ID{e.ID})
}

func onlyOldOnesGo(f *fixture) {
	old, _ := f.start("f", endedAgo(2*time.Hour))
	young, _ := f.start("f", endedAgo(time.Minute))
	other, _ := f.start("g", endedAgo(3*time.Hour))
	open, _ := f.start("f", waiting)
	functions, err := f.store.EndedFunctions(f.ctx)
	f.ok(err)
	f.equal("functions", functions, []string{"f", "g"})
	for age, want := range map[time.Duration]int64{time.Hour: 2, 150 * time.Minute: 1, 0: 3} {
		n, err := f.store.CountEnded(f.ctx, age)
		f.ok(err)
		f.equal("that ended "+age.String()+" ago", n, want)
	}
	deleted, _ := f.deleteEnded("f", time.Hour, 10)
	f.equal("deleted", deleted, 1)
	f.equal("left", f.left(old, young, other, open), []workflow.ID{young.ID, other.ID, open.ID})
}

// A callback is open after its execution has ended. It does not hold others up.
func openTasksKeep(f *fixture) {
	count := func(want int64) {
		f.Helper()
		n, err := f.store.CountEnded(f.ctx, time.Hour)
		f.ok(err)
		f.equal("counted", n, want)
	}
	calling, root := f.start("f", endedAgo(3*time.Hour), func(e *workflow.Execution, _ *workflow.Task) { e.CallbackURL = "http://there" })
	callback := newChild(root, "callback", due(time.Now()), func(t *workflow.Task) { t.Parent, t.Op = workflow.ID{}, workflow.OpCallback })
	f.add(callback)
	done, _ := f.start("f", endedAgo(2*time.Hour))
	count(1)
	deleted, _ := f.deleteEnded("f", time.Hour, 1)
	f.equal("deleted", deleted, 1)
	f.equal("left", f.left(calling, done), []workflow.ID{calling.ID})
	count(0)
	f.change(callback, func(t *workflow.Task) { t.State, t.DueAt = workflow.TaskCompleted, nil })
	count(1)
	deleted, _ = f.deleteEnded("f", time.Hour, 1)
	f.equal("deleted in the end", deleted, 1)
}

func resultsOutlive(f *fixture) {
	_, root := f.start("f", endedAgo(2*time.Hour))
	_, failed := f.start("f", endedAgo(2*time.Hour), owns(resultKey(2)))
	f.addResults(completed(newResult(resultKey(1), root), `"v"`), newResult(resultKey(2), failed))
	deleted, _ := f.deleteEnded("f", time.Hour, 10)
	f.equal("deleted", deleted, 2)
	results := f.results(resultKey(1), resultKey(2))
	f.equal("the value", string(results[resultKey(1)].Value), `"v"`)
	f.equal("what nobody runs for is nobody's", results[resultKey(2)].Owned, false)
}

func endedGoInBatches(f *fixture) {
	var all []*workflow.Execution
	for i := range 5 {
		e, _ := f.start("f", endedAgo(time.Duration(10-i)*time.Hour))
		all = append(all, e)
	}
	for _, want := range []struct {
		left int
		more bool
	}{{3, true}, {1, true}, {0, false}} {
		_, more := f.deleteEnded("f", time.Hour, 2)
		f.equal("left", f.left(all...), append([]workflow.ID(nil), idsOfAll(all[5-want.left:])...))
		f.equal("more", more, want.more)
	}
	deleted, more := f.deleteEnded("f", time.Hour, 2)
	f.equal("in the end", []any{deleted, more}, []any{0, false})
}

func idsOfAll(executions []*workflow.Execution) (ids []workflow.ID) {
	for _, e := range executions {
		ids = append(ids, e.ID)
	}
	return ids
}

func wideGoInSmallerBatches(f *fixture) {
	var all []*workflow.Execution
	for i := range 3 {
		e, root := f.start("f", endedAgo(time.Duration(10-i)*time.Hour))
		all = append(all, e)
		for _, part := range slices.Collect(slices.Chunk(newItems(root, db.DeletedTasks/2+1), 2600)) {
			for _, item := range part {
				item.State = workflow.TaskCompleted
			}
			f.add(part...)
		}
	}
	deleted, more := f.deleteEnded("f", time.Hour, 10)
	f.equal("at first", []any{deleted, more}, []any{2, true})
	f.equal("left", f.left(all...), idsOfAll(all[2:]))
	deleted, more = f.deleteEnded("f", time.Hour, 10)
	f.equal("then", []any{deleted, more}, []any{1, false})
}

// openedAreKept opens executions again while they are deleted: each is either gone or whole.
func openedAreKept(f *fixture) {
	roots := make([]*workflow.Task, 40)
	for i := range roots {
		_, roots[i] = f.start("f", endedAgo(2*time.Hour))
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for range len(roots) {
			if _, _, err := f.store.DeleteEnded(f.ctx, "f", time.Hour, 3); err != nil && !errors.Is(err, db.ErrConflict) {
				f.Error(err)
			}
		}
	})
	steps := make([]*workflow.Task, len(roots))
	for i := len(roots) - 1; i >= 0; i-- {
		root := roots[i]
		steps[i] = newChild(root, "again")
		_, err := f.tryCommit(workflow.Need{Executions: []workflow.ID{root.Execution}}, func(l *workflow.Loaded, c *workflow.Change) {
			if len(l.Executions) == 0 {
				return
			}
			l.Executions[0].State, l.Executions[0].CompletedAt = workflow.ExecutionRunning, nil
			c.Executions, c.NewTasks = l.Executions, []*workflow.Task{steps[i]}
		})
		f.ok(err)
	}
	wg.Wait()
	kept := 0
	for i, root := range roots {
		_, err := f.store.Execution(f.ctx, root.Execution)
		there := err == nil
		if there {
			kept++
		}
		for _, task := range []workflow.ID{root.ID, steps[i].ID} {
			if _, _, err := f.store.Task(f.ctx, task); (err == nil) != there {
				f.Fatalf("execution %s is there: %t; its task %s: %v", root.Execution, there, task, err)
			}
		}
	}
	f.Logf("%d of %d were opened before they were deleted", kept, len(roots))
}

func oldLettersAreCounted(f *fixture) {
	_, root := f.start("f")
	for _, ago := range []time.Duration{time.Minute, 2 * time.Hour, 3 * time.Hour} {
		f.bury(newLetter(&workflow.Task{ID: newID(), Execution: root.Execution}, func(d *workflow.DeadLetter) {
			d.FailedAt = time.Now().Add(-ago)
		}))
	}
	n, err := f.store.CountDeadLetters(f.ctx, time.Hour)
	f.ok(err)
	f.equal("old ones", n, int64(2))
}

// severalMayClean deletes from several sides: what is gone was deleted once, and nothing
// else is.
func severalMayClean(f *fixture) {
	const cleaners, many = 4, 60
	for i := range many {
		_, root := f.start("f", endedAgo(2*time.Hour))
		if i%2 == 0 {
			f.bury(newLetter(root, func(d *workflow.DeadLetter) { d.FailedAt = time.Now().Add(-2 * time.Hour) }))
		}
	}
	young, _ := f.start("f", endedAgo(time.Minute))
	var executions, letters [cleaners]int
	var wg sync.WaitGroup
	for i := range cleaners {
		wg.Go(func() {
			for more := true; more; {
				n, err := f.store.ExpireDeadLetters(f.ctx, time.Hour, 3)
				if err != nil && !errors.Is(err, db.ErrConflict) {
					f.Error(err)
				}
				letters[i] += n
				if n, more, err = f.store.DeleteEnded(f.ctx, "f", time.Hour, 7); err != nil && !errors.Is(err, db.ErrConflict) {
					f.Error(err)
				}
				executions[i] += n
			}
		})
	}
	wg.Wait()
	rest, _ := f.deleteEnded("f", time.Hour, many)
	sum := func(all [cleaners]int) (n int) {
		for _, of := range all {
			n += of
		}
		return n
	}
	f.equal("deleted", sum(executions)+rest, many)
	f.equal("the others", f.left(young), []workflow.ID{young.ID})
	if n := sum(letters); n > many/2 {
		f.Errorf("%d dead letters of %d were deleted", n, many/2)
	}
	n, err := f.store.CountDeadLetters(f.ctx, 0)
	f.ok(err)
	f.equal("dead letters that are left", n, int64(0))
}
