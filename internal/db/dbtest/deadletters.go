package dbtest

import (
	"encoding/json"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

var burying = map[string]func(*fixture){
	"DeadLetterRoundTripsInEveryField":     deadLetterRoundTrips,
	"DeadLettersAreLoadedOfTasks":          deadLettersAreLoaded,
	"DeadLetterIsTakenAwayByOneOfMany":     deadLetterIsTakenByOne,
	"DeadLettersAreListedNewestFirst":      deadLettersAreListed,
	"DeadLettersAreListedByFilters":        deadLettersAreFiltered,
	"OldDeadLettersExpireInBatches":        deadLettersExpire,
	"TreeIsLoadedWhole":                    treeIsLoaded,
	"ResultsOfATreeAreLoaded":              treeResultsAreLoaded,
	"ReopenedTaskHasNeitherResultNorError": reopenedTaskIsBlank,
	"ReopenedTaskIsLeasedFromItsNewQueue":  reopenedTaskHasItsQueue,
	"MovedStepLeavesItsKeyToAnother":       movedStepLeavesItsKey,
	"DeadlineOfAnExecutionChanges":         deadlineChanges,
}

// newLetter is a dead letter of a task, as changed.
func newLetter(of *workflow.Task, change ...func(*workflow.DeadLetter)) workflow.DeadLetter {
	d := workflow.DeadLetter{
		Task: of.ID, Execution: of.Execution, Function: "f", Queue: workflow.DefaultQueue, Kind: workflow.KindActivity,
		Error: &workflow.Error{Type: "t", Message: "m", Details: json.RawMessage(`{"a":1}`)}, Attempts: 3, FailedAt: *at(5),
	}
	for _, change := range change {
		change(&d)
	}
	return d
}

func (f *fixture) bury(letters ...workflow.DeadLetter) {
	f.Helper()
	f.commit(workflow.Need{}, func(_ *workflow.Loaded, c *workflow.Change) { c.DeadLetters = letters })
}

func deadLetterRoundTrips(f *fixture) {
	_, root := f.start("f")
	want := newLetter(root)
	f.bury(want)
	got, err := f.store.DeadLetter(f.ctx, root.ID)
	f.ok(err)
	f.equal("dead letter", *got, want)
	want.Queue, want.Kind, want.Error, want.Attempts, want.FailedAt = "other", workflow.KindOrchestrator, &workflow.Error{Type: "u"}, 4, *at(9)
	f.bury(want) // it failed once more
	got, err = f.store.DeadLetter(f.ctx, root.ID)
	f.ok(err)
	f.equal("replaced", *got, want)
	f.commit(workflow.Need{}, func(_ *workflow.Loaded, c *workflow.Change) { c.Exhumed = []workflow.ID{root.ID, newID()} })
	_, err = f.store.DeadLetter(f.ctx, root.ID)
	f.is(err, db.ErrNotFound)
}

func deadLettersAreLoaded(f *fixture) {
	_, a := f.start("f")
	_, b := f.start("f")
	f.bury(newLetter(a))
	loaded := f.load(workflow.Need{DeadLetters: []workflow.ID{a.ID, b.ID, newID()}})
	f.equal("dead", loaded.DeadLetters, []workflow.ID{a.ID})
}

// deadLetterIsTakenByOne lets many look at a dead letter under the lock of its execution.
func deadLetterIsTakenByOne(f *fixture) {
	_, root := f.start("f")
	f.bury(newLetter(root))
	var found atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			need := workflow.Need{Executions: []workflow.ID{root.Execution}, Tasks: []workflow.ID{root.ID}, DeadLetters: []workflow.ID{root.ID}}
			_, err := f.tryCommit(need, func(l *workflow.Loaded, c *workflow.Change) {
				if c.Exhumed = l.DeadLetters; len(l.DeadLetters) > 0 {
					found.Add(1)
				}
			})
			if err != nil {
				f.Error(err)
			}
		})
	}
	wg.Wait()
	f.equal("found by", found.Load(), int32(1))
}

// letters are eight dead letters, two at each moment, the older first.
func (f *fixture) letters() []workflow.DeadLetter {
	f.Helper()
	_, root := f.start("f")
	letters := make([]workflow.DeadLetter, 8)
	for i := range letters {
		letters[i] = newLetter(&workflow.Task{ID: newID(), Execution: root.Execution}, func(d *workflow.DeadLetter) {
			d.FailedAt = *at(10 + i/2)
			d.Function, d.Queue = []string{"f", "g", "h"}[i%3], []string{"p", "q"}[i%2]
			if i%4 == 3 {
				d.Kind = workflow.KindOrchestrator
			}
		})
	}
	f.bury(letters...)
	return letters
}

// listed gives the indexes of the dead letters that a filter lists, page by page.
func (f *fixture) listed(of []workflow.DeadLetter, filter db.DeadLetterFilter) (indexes []int) {
	f.Helper()
	filter.Limit = 3
	for {
		page, err := f.store.DeadLetters(f.ctx, filter)
		f.ok(err)
		for _, d := range page {
			i := slices.IndexFunc(of, func(l workflow.DeadLetter) bool { return l.Task == d.Task })
			f.equal("dead letter", *d, of[i])
			indexes = append(indexes, i)
		}
		if len(page) < filter.Limit {
			return indexes
		}
		last := page[len(page)-1]
		filter.Before = db.DeadLetterRef{FailedAt: last.FailedAt, Task: last.Task}
	}
}

func deadLettersAreListed(f *fixture) {
	letters := f.letters()
	f.equal("all", f.listed(letters, db.DeadLetterFilter{}), []int{7, 6, 5, 4, 3, 2, 1, 0})
	f.equal("between", f.listed(letters, db.DeadLetterFilter{FailedAfter: at(10), FailedBefore: at(13)}), []int{5, 4, 3, 2})
	place := db.DeadLetterRef{FailedAt: letters[5].FailedAt, Task: letters[5].Task}
	f.commit(workflow.Need{}, func(_ *workflow.Loaded, c *workflow.Change) { c.Exhumed = []workflow.ID{letters[5].Task} })
	f.equal("after one that is gone", f.listed(letters, db.DeadLetterFilter{Before: place}), []int{4, 3, 2, 1, 0})
}

func deadLettersAreFiltered(f *fixture) {
	letters := f.letters()
	f.equal("function", f.listed(letters, db.DeadLetterFilter{Functions: []string{"f"}}), []int{6, 3, 0})
	f.equal("functions", f.listed(letters, db.DeadLetterFilter{Functions: []string{"f", "h", "f", "none"}}), []int{6, 5, 3, 2, 0})
	f.equal("queue", f.listed(letters, db.DeadLetterFilter{Queues: []string{"q"}}), []int{7, 5, 3, 1})
	f.equal("queues", f.listed(letters, db.DeadLetterFilter{Queues: []string{"q", "p"}}), []int{7, 6, 5, 4, 3, 2, 1, 0})
	f.equal("kind", f.listed(letters, db.DeadLetterFilter{Kinds: []workflow.Kind{workflow.KindOrchestrator}}), []int{7, 3})
	f.equal("queue and kind", f.listed(letters, db.DeadLetterFilter{Queues: []string{"q"}, Kinds: []workflow.Kind{workflow.KindActivity}}), []int{5, 1})
	f.equal("all of it", f.listed(letters, db.DeadLetterFilter{
		Functions: []string{"f", "g"}, Queues: []string{"q"}, Kinds: []workflow.Kind{workflow.KindOrchestrator}, FailedAfter: at(10), FailedBefore: at(14),
	}), []int{7, 3})
	f.equal("nothing", f.listed(letters, db.DeadLetterFilter{Functions: []string{"none"}}), []int(nil))
}

func deadLettersExpire(f *fixture) {
	_, root := f.start("f")
	now := f.load(workflow.Need{}).Now
	var letters []workflow.DeadLetter
	for _, age := range []time.Duration{4 * time.Hour, 3 * time.Hour, 2 * time.Hour, time.Minute} {
		letters = append(letters, newLetter(&workflow.Task{ID: newID(), Execution: root.Execution}, func(d *workflow.DeadLetter) { d.FailedAt = now.Add(-age) }))
	}
	f.bury(letters...)
	expire := func(limit int) int {
		f.Helper()
		n, err := f.store.ExpireDeadLetters(f.ctx, time.Hour, limit)
		f.ok(err)
		return n
	}
	f.equal("first batch", expire(2), 2)
	f.equal("left", f.listed(letters, db.DeadLetterFilter{}), []int{3, 2})
	f.equal("the rest", expire(2), 1)
	f.equal("left", f.listed(letters, db.DeadLetterFilter{}), []int{3})
	f.equal("nothing", expire(2), 0)
}

func treeIsLoaded(f *fixture) {
	e, root := f.start("f", waiting)
	_, other := f.start("f", waiting)
	m := newChild(root, "m", isMap)
	items := newItems(m, 2)
	items[0].State = workflow.TaskFailed
	sub := newChild(root, "sub", func(t *workflow.Task) { t.Kind, t.State = workflow.KindOrchestrator, workflow.TaskCancelled })
	below := newChild(sub, "below", inState(workflow.TaskCompleted))
	call := newCallback(root, "http://a")
	f.add(m, items[0], items[1], sub, below, call, newChild(other, "other"))
	signal := func(seq int64, takenBy workflow.ID) *workflow.Signal {
		return &workflow.Signal{ID: newID(), Execution: e.ID, Name: "s" + string(rune('0'+seq)), Seq: seq, Payload: json.RawMessage("1"), ReceivedAt: *at(1), TakenBy: takenBy}
	}
	f.commit(workflow.Need{}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.NewSignals = []*workflow.Signal{signal(1, workflow.ID{}), signal(2, newID()), signal(3, workflow.ID{})}
	})
	need := workflow.Need{Executions: []workflow.ID{e.ID}, Trees: []workflow.ID{e.ID}, Tasks: []workflow.ID{items[0].ID}, Open: []workflow.ID{e.ID}}
	loaded := f.load(need)
	f.equal("tasks", idsOf(loaded.Tasks), set(root.ID, m.ID, items[0].ID, items[1].ID, sub.ID, below.ID, call.ID))
	f.equal("each once", len(loaded.Tasks), 7)
	var seqs []int64
	for _, s := range loaded.Signals {
		seqs = append(seqs, s.Seq)
	}
	f.equal("signals", seqs, []int64{1, 3})
}

func treeResultsAreLoaded(f *fixture) {
	e, root := f.start("f", waiting)
	failed := newChild(root, "a", inState(workflow.TaskFailed), func(t *workflow.Task) { t.OwnsResult = resultKey(1) })
	awaiting := newChild(root, "b", inState(workflow.TaskWaiting), func(t *workflow.Task) { t.AwaitsResult = resultKey(2) })
	f.add(failed, awaiting)
	f.addResults(newResult(resultKey(1), failed), newResult(resultKey(2), root), newResult(resultKey(3), root))
	loaded := f.load(workflow.Need{Executions: []workflow.ID{e.ID}, Trees: []workflow.ID{e.ID}})
	owned := map[workflow.ResultKey]bool{}
	for _, r := range loaded.Results {
		owned[r.Key] = r.Owned
	}
	f.equal("results", owned, map[workflow.ResultKey]bool{resultKey(1): false, resultKey(2): false})
}

func reopenedTaskIsBlank(f *fixture) {
	_, root := f.start("f", waiting)
	step := newChild(root, "a", inState(workflow.TaskFailed), func(t *workflow.Task) {
		t.Result, t.Error, t.Token = json.RawMessage("1"), &workflow.Error{Type: "t"}, 2
	})
	f.add(step)
	reopen := func(queue string) {
		f.Helper()
		f.commit(workflow.Need{Executions: []workflow.ID{root.Execution}, Tasks: []workflow.ID{step.ID}}, func(l *workflow.Loaded, c *workflow.Change) {
			c.Reopened = []workflow.Reopened{{Execution: root.Execution, Task: step.ID, Queue: queue}}
			for _, t := range l.Tasks {
				if t.ID == step.ID {
					t.State, t.CompletedAt = workflow.TaskPending, nil
					c.Tasks = []workflow.TaskUpdate{{Task: t, WasToken: t.Token}}
				}
			}
		})
	}
	reopen("")
	got := f.task(step.ID)
	f.equal("task", []any{got.State, got.Result, got.Error, got.Queue, string(got.Input)},
		[]any{workflow.TaskPending, json.RawMessage(nil), (*workflow.Error)(nil), workflow.DefaultQueue, "1"})
	reopen("other")
	f.equal("queue", f.task(step.ID).Queue, "other")
}

func reopenedTaskHasItsQueue(f *fixture) {
	_, root := f.start("f", waiting)
	step := newChild(root, "a", inState(workflow.TaskFailed))
	f.add(step)
	f.commit(workflow.Need{Executions: []workflow.ID{root.Execution}, Tasks: []workflow.ID{step.ID}}, func(l *workflow.Loaded, c *workflow.Change) {
		c.Reopened = []workflow.Reopened{{Execution: root.Execution, Task: step.ID, Queue: "other"}}
		for _, t := range l.Tasks {
			if t.ID == step.ID {
				t.State, t.DueAt, t.ScheduledFor, t.Queue = workflow.TaskPending, &l.Now, &l.Now, "other"
				c.Tasks = []workflow.TaskUpdate{{Task: t, WasToken: t.Token}}
			}
		}
	})
	scheduler := f.join()
	f.equal("its old queue", len(f.claim(scheduler, quota("step", 10))), 0)
	q := quota("step", 10)
	q.Queue = "other"
	f.equal("its new queue", claimedIDs(f.claim(scheduler, q)), []workflow.ID{step.ID})
}

func movedStepLeavesItsKey(f *fixture) {
	e, root := f.start("f", waiting)
	old := newChild(root, "a", inState(workflow.TaskCompleted))
	f.add(old)
	fresh := newChild(root, "a")
	f.commit(workflow.Need{Executions: []workflow.ID{e.ID}}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.Moves = []workflow.Move{{Execution: e.ID, Task: old.ID, Run: -3}}
		c.NewTasks = []*workflow.Task{fresh}
	})
	f.equal("run", f.task(old.ID).ParentRun, -3)
	turns, err := f.store.Turns(f.ctx, []workflow.ID{root.ID})
	f.ok(err)
	f.equal("history", idsOf(turns[0].Steps), set(fresh.ID))
}

func deadlineChanges(f *fixture) {
	e, _ := f.start("f", func(e *workflow.Execution, _ *workflow.Task) { e.DeadlineAt = at(3) })
	f.equal("made", f.execution(e.ID).DeadlineAt, at(3))
	for _, want := range []*time.Time{nil, at(4)} {
		f.commit(workflow.Need{Executions: []workflow.ID{e.ID}}, func(l *workflow.Loaded, c *workflow.Change) {
			l.Executions[0].DeadlineAt = want
			c.Executions = l.Executions
		})
		f.equal("changed", f.execution(e.ID).DeadlineAt, want)
	}
}
