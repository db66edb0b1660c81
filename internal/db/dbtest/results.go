package dbtest

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

var sharing = map[string]func(*fixture){
	"ResultRoundTripsInEveryField":       resultRoundTrips,
	"ResultsAreLoadedByKeyAndByTask":     resultsAreLoaded,
	"OpenTaskThatSaysSoOwnsItsResult":    ownersAreOpen,
	"SweptTaskKeepsTheKeyOfItsResult":    sweptKeepsKey,
	"OneOfManyFirstCallersMakesAResult":  oneMakesAResult,
	"OneOfManyTakesAResultOver":          oneTakesOver,
	"ResultIsReadAfterItsOwnerCommitted": resultIsReadAfterCommit,
	"ResultsInAnyOrderDoNotDeadlock":     resultsDoNotDeadlock,
	"SettledResultsAreThoseOfNobody":     settledResults,
	"WaitersComeInTheirOrder":            waitersInOrder,
	"CompletedResultsAreInvalidated":     resultsAreInvalidated,
	"OldResultsAreDeleted":               oldResultsAreDeleted,
}

func resultKey(n byte) workflow.ResultKey { return workflow.ResultKey{0: n, 31: 1} }

// newResult is a running result of a task.
func newResult(key workflow.ResultKey, owner *workflow.Task) *workflow.Result {
	return &workflow.Result{
		Namespace: db.DefaultNamespace, Key: key, Function: "f", Version: "v1", State: workflow.ResultRunning,
		Execution: owner.Execution, Task: owner.ID, CreatedAt: owner.CreatedAt,
	}
}

func completed(r *workflow.Result, value string) *workflow.Result {
	r.State, r.Value, r.CompletedAt = workflow.ResultCompleted, json.RawMessage(value), &r.CreatedAt
	return r
}

func owns(key workflow.ResultKey) func(*workflow.Execution, *workflow.Task) {
	return func(_ *workflow.Execution, t *workflow.Task) { t.OwnsResult = key }
}

// awaits makes a root task wait for a result.
func awaits(key workflow.ResultKey) func(*workflow.Execution, *workflow.Task) {
	return func(_ *workflow.Execution, t *workflow.Task) {
		t.State, t.DueAt, t.AwaitsResult = workflow.TaskWaiting, nil, key
	}
}

func (f *fixture) addResults(results ...*workflow.Result) {
	f.Helper()
	f.commit(workflow.Need{}, func(_ *workflow.Loaded, c *workflow.Change) { c.NewResults = results })
}

func (f *fixture) results(keys ...workflow.ResultKey) map[workflow.ResultKey]workflow.LoadedResult {
	f.Helper()
	found := map[workflow.ResultKey]workflow.LoadedResult{}
	for _, r := range f.load(workflow.Need{Results: keys}).Results {
		found[r.Key] = r
	}
	return found
}

// change changes a task under its execution's lock.
func (f *fixture) change(t *workflow.Task, change func(*workflow.Task)) {
	f.Helper()
	f.commit(workflow.Need{Executions: []workflow.ID{t.Execution}, Tasks: []workflow.ID{t.ID}}, func(l *workflow.Loaded, c *workflow.Change) {
		for _, loaded := range l.Tasks {
			if loaded.ID == t.ID {
				change(loaded)
				c.Tasks = []workflow.TaskUpdate{{Task: loaded, WasToken: t.Token}}
			}
		}
	})
}

func resultRoundTrips(f *fixture) {
	_, root := f.start("f")
	want := newResult(resultKey(1), root)
	f.addResults(want)
	f.equal("made", f.results(want.Key)[want.Key].Result, want)
	for _, value := range []string{`0`, `""`, `null`, `false`, `[]`, "{\"b\": 1,\n\"a\":2}"} {
		was := *want
		*want = workflow.Result{
			Namespace: db.DefaultNamespace, Key: want.Key, Function: "f", Version: "v2", State: workflow.ResultCompleted,
			Execution: newID(), Task: newID(), Value: json.RawMessage(value), CreatedAt: *at(1), CompletedAt: at(2), ExpiresAt: at(3),
		}
		f.commit(workflow.Need{Results: []workflow.ResultKey{want.Key}}, func(_ *workflow.Loaded, c *workflow.Change) {
			c.Results = []workflow.ResultUpdate{{Result: want, WasState: was.State, WasTask: was.Task}}
		})
		f.equal("updated", f.results(want.Key)[want.Key].Result, want)
	}
	for _, stale := range []workflow.ResultUpdate{
		{Result: want, WasState: workflow.ResultRunning, WasTask: want.Task}, {Result: want, WasState: want.State, WasTask: newID()},
	} {
		_, err := f.tryCommit(workflow.Need{Results: []workflow.ResultKey{want.Key}}, func(_ *workflow.Loaded, c *workflow.Change) {
			c.Results = []workflow.ResultUpdate{stale}
		})
		f.is(err, db.ErrConflict)
	}
}

func resultsAreLoaded(f *fixture) {
	_, owner := f.start("f", owns(resultKey(1)))
	_, waiter := f.start("f", awaits(resultKey(2)))
	_, plain := f.start("f")
	f.addResults(newResult(resultKey(1), owner), newResult(resultKey(2), plain), newResult(resultKey(3), plain))
	stored := f.task(waiter.ID)
	f.equal("stored", []any{f.task(owner.ID).OwnsResult, stored.AwaitsResult, stored.OwnsResult}, []any{resultKey(1), resultKey(2), workflow.ResultKey{}})
	tasks := []workflow.ID{owner.ID, waiter.ID, plain.ID, newID()}
	for _, test := range []struct {
		name string
		need workflow.Need
		want []byte
	}{
		{"nothing", workflow.Need{}, nil},
		{"keys", workflow.Need{Results: []workflow.ResultKey{resultKey(3), resultKey(9)}}, []byte{3}},
		{"of tasks", workflow.Need{Tasks: tasks, ResultsOf: tasks}, []byte{1, 2}},
		{"each once", workflow.Need{Tasks: tasks, ResultsOf: tasks, Results: []workflow.ResultKey{resultKey(1), resultKey(3)}}, []byte{1, 2, 3}},
	} {
		var found []byte
		for _, r := range f.load(test.need).Results {
			found = append(found, r.Key[0])
		}
		slices.Sort(found)
		f.equal(test.name, found, test.want)
	}
}

func ownersAreOpen(f *fixture) {
	owned := func() bool { return f.results(resultKey(1))[resultKey(1)].Owned }
	_, owner := f.start("f", owns(resultKey(1)))
	_, other := f.start("f")
	f.addResults(newResult(resultKey(1), owner), newResult(resultKey(2), other))
	f.equal("by an open task", owned(), true)
	f.equal("by one that does not say so", f.results(resultKey(2))[resultKey(2)].Owned, false)
	f.change(owner, func(t *workflow.Task) { t.State, t.DueAt = workflow.TaskFailed, nil })
	f.equal("by one that has ended", owned(), false)
	f.change(owner, func(t *workflow.Task) {
		t.State, t.OwnsResult, t.CacheHit = workflow.TaskWaiting, workflow.ResultKey{}, true
	})
	f.equal("by one that opened again", owned(), false)
	f.equal("cache hit", f.task(owner.ID).CacheHit, true)
}

func sweptKeepsKey(f *fixture) {
	e, root := f.start("f", owns(resultKey(1)))
	wait := newChild(root, "wait", inState(workflow.TaskWaiting), func(t *workflow.Task) { t.AwaitsResult = resultKey(1) })
	below := newChild(root, "below", func(t *workflow.Task) { t.OwnsResult = resultKey(2) })
	f.add(wait, below)
	f.addResults(newResult(resultKey(1), root), newResult(resultKey(2), below))
	f.commit(workflow.Need{Executions: []workflow.ID{e.ID}}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.Sweeps = []workflow.Sweep{{Execution: e.ID, Under: root.ID}}
	})
	for _, t := range []*workflow.Task{wait, below} {
		got := f.task(t.ID)
		f.equal(t.Key, []any{got.OwnsResult, got.AwaitsResult}, []any{cmp.Or(t.OwnsResult, t.AwaitsResult), workflow.ResultKey{}})
	}
	found := f.results(resultKey(1), resultKey(2))
	f.equal("owned", []any{found[resultKey(1)].Owned, found[resultKey(2)].Owned}, []any{true, false})
	f.commit(workflow.Need{Executions: []workflow.ID{e.ID}}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.Sweeps = []workflow.Sweep{{Execution: e.ID}}
	})
	f.equal("owned after all was swept", f.results(resultKey(1))[resultKey(1)].Owned, false)
}

// callers run a commit at the same time, each again after a conflict.
func (f *fixture) callers(n int, commit func(i int) error) {
	f.Helper()
	var done sync.WaitGroup
	for i := range n {
		done.Go(func() {
			err := db.ErrConflict
			for tries := 0; errors.Is(err, db.ErrConflict) && tries < 100; tries++ {
				err = commit(i)
			}
			if err != nil {
				f.Errorf("caller %d: %v", i, err)
			}
		})
	}
	done.Wait()
}

func oneMakesAResult(f *fixture) {
	key := resultKey(1)
	var made atomic.Int64
	f.callers(8, func(int) error {
		mine := false
		_, err := f.tryCommit(workflow.Need{Results: []workflow.ResultKey{key}}, func(l *workflow.Loaded, c *workflow.Change) {
			e, root := newExecution("f", l.Now)
			c.NewExecutions, c.NewTasks = []*workflow.Execution{e}, []*workflow.Task{root}
			if mine = len(l.Results) == 0; mine {
				root.OwnsResult = key
				c.NewResults = []*workflow.Result{newResult(key, root)}
			} else if !l.Results[0].Owned {
				f.Error("a result was seen without its owner")
			}
		})
		if err == nil && mine {
			made.Add(1)
		}
		return err
	})
	f.equal("made", made.Load(), int64(1))
}

func oneTakesOver(f *fixture) {
	key := resultKey(1)
	_, gone := f.start("f")
	expired := newResult(resultKey(2), gone)
	f.addResults(newResult(key, gone), completed(expired, "1"))
	var took atomic.Int64
	f.callers(8, func(int) error {
		mine := 0
		_, err := f.tryCommit(workflow.Need{Results: []workflow.ResultKey{key, expired.Key}}, func(l *workflow.Loaded, c *workflow.Change) {
			mine = 0
			e, root := newExecution("f", l.Now)
			c.NewExecutions, c.NewTasks = []*workflow.Execution{e}, []*workflow.Task{root}
			for _, r := range l.Results {
				if r.Owned || r.Key == expired.Key && r.State == workflow.ResultRunning {
					continue
				}
				mine++
				if r.Key == key {
					root.OwnsResult = key
				}
				c.Results = append(c.Results, workflow.ResultUpdate{Result: newResult(r.Key, root), WasState: r.State, WasTask: r.Task})
			}
		})
		if err == nil {
			took.Add(int64(mine))
		}
		return err
	})
	f.equal("taken over", took.Load(), int64(2))
}

func resultIsReadAfterCommit(f *fixture) {
	e, owner := f.start("f", owns(resultKey(1)))
	f.addResults(newResult(resultKey(1), owner))
	deciding, read := make(chan struct{}), make(chan workflow.LoadedResult)
	go func() {
		<-deciding
		read <- f.results(resultKey(1))[resultKey(1)]
	}()
	need := workflow.Need{Executions: []workflow.ID{e.ID}, Tasks: []workflow.ID{owner.ID}, ResultsOf: []workflow.ID{owner.ID}}
	f.commit(need, func(l *workflow.Loaded, c *workflow.Change) {
		close(deciding)
		time.Sleep(20 * time.Millisecond) // the other one waits by then, or reads later still
		t, r := l.Tasks[0], l.Results[0].Result
		t.State, t.DueAt, t.OwnsResult = workflow.TaskCompleted, nil, workflow.ResultKey{}
		c.Tasks = []workflow.TaskUpdate{{Task: t, WasToken: t.Token}}
		c.Results = []workflow.ResultUpdate{{Result: completed(r, "false"), WasState: workflow.ResultRunning, WasTask: t.ID}}
	})
	got := <-read
	f.equal("read", []any{got.State, string(got.Value)}, []any{workflow.ResultCompleted, "false"})
}

func resultsDoNotDeadlock(f *fixture) {
	_, gone := f.start("f")
	var keys []workflow.ResultKey
	for i := range byte(8) {
		keys = append(keys, resultKey(i))
		f.addResults(newResult(keys[i], gone))
	}
	f.callers(6, func(i int) error {
		for round := range 10 {
			order := slices.Clone(keys)
			slices.Reverse(order[:(i+round)%len(order)])
			if _, err := f.tryCommit(workflow.Need{Results: order}, func(l *workflow.Loaded, c *workflow.Change) {
				for _, r := range l.Results {
					was := r.Task
					r.Task = newID()
					c.Results = append(c.Results, workflow.ResultUpdate{Result: r.Result, WasState: r.State, WasTask: was})
				}
			}); err != nil {
				return err
			}
		}
		return nil
	})
}

func settledResults(f *fixture) {
	settled := func() map[byte]bool {
		results, err := f.store.SettledResults(f.ctx)
		f.ok(err)
		found := map[byte]bool{}
		for _, r := range results {
			found[r.Key[0]] = r.Completed
		}
		return found
	}
	f.equal("of nothing", settled(), map[byte]bool{})
	_, owner := f.start("f", owns(resultKey(1)))
	_, gone := f.start("f")
	for i := range byte(5) {
		f.start("f", awaits(resultKey(i)))
		f.start("f", awaits(resultKey(i)))
	}
	f.addResults(newResult(resultKey(1), owner), newResult(resultKey(2), gone), completed(newResult(resultKey(3), gone), "1"),
		completed(newResult(resultKey(7), gone), "1"))
	f.equal("settled", settled(), map[byte]bool{0: false, 2: false, 3: true, 4: false})
}

func waitersInOrder(f *fixture) {
	key := resultKey(1)
	var want []workflow.Lease
	for i := range 4 {
		e, root := f.start("f", awaits(key), func(e *workflow.Execution, t *workflow.Task) {
			e.Paused = i == 1
			t.CreatedAt = *at(9 - i)
		})
		if i != 1 {
			want = append([]workflow.Lease{{Execution: e.ID, Task: root.ID}}, want...)
		}
	}
	f.start("f", awaits(resultKey(2)))
	for limit := 1; limit <= 4; limit++ {
		got, err := f.store.ResultWaiters(f.ctx, key, limit)
		f.ok(err)
		f.equal("waiters", got, want[:min(limit, len(want))])
	}
}

func resultsAreInvalidated(f *fixture) {
	_, root := f.start("f")
	made := byte(0)
	add := func(function, version string, complete bool) workflow.ResultKey {
		made++
		r := newResult(resultKey(made), root)
		if complete {
			completed(r, "1")
		}
		r.Function, r.Version = function, version
		f.addResults(r)
		return r.Key
	}
	running, first, second, other := add("f", "v1", false), add("f", "v1", true), add("f", "v2", true), add("g", "v1", true)
	left := func() (keys []workflow.ResultKey) {
		found := f.results(running, first, second, other)
		for _, key := range []workflow.ResultKey{running, first, second, other} {
			if found[key].Result != nil {
				keys = append(keys, key)
			}
		}
		return keys
	}
	version := "v1"
	invalidate := func(version *string, limit, want int) {
		n, err := f.store.InvalidateResults(f.ctx, "f", version, limit)
		f.ok(err)
		f.equal("deleted", n, want)
	}
	invalidate(&version, 10, 1)
	f.equal("left of the other version", left(), []workflow.ResultKey{running, second, other})
	add("f", "v3", true)
	invalidate(nil, 1, 1)
	invalidate(nil, 10, 1)
	invalidate(nil, 10, 0)
	f.equal("left of others", left(), []workflow.ResultKey{running, other})
}

func oldResultsAreDeleted(f *fixture) {
	now := f.load(workflow.Need{}).Now
	_, owner := f.start("f", owns(resultKey(1)))
	_, gone := f.start("f")
	ago := func(key byte, d time.Duration, t *workflow.Task) *workflow.Result {
		r := newResult(resultKey(key), t)
		r.CreatedAt = now.Add(-d)
		return r
	}
	expires := func(key byte, d time.Duration) *workflow.Result {
		r := completed(ago(key, 10*time.Hour, gone), "1")
		then := now.Add(d)
		r.ExpiresAt = &then
		return r
	}
	f.addResults(ago(1, 10*time.Hour, owner), ago(2, 10*time.Hour, gone), ago(3, 30*time.Minute, gone),
		completed(ago(4, 10*time.Hour, gone), "1"), expires(5, time.Hour), expires(6, -time.Second), expires(7, -time.Hour), expires(8, -2*time.Hour))
	for _, want := range []int{2, 1, 0} {
		n, err := f.store.DeleteOldResults(f.ctx, 1)
		f.ok(err)
		f.equal("deleted", n, want)
	}
	var left []byte
	for i := range byte(9) {
		if f.results(resultKey(i))[resultKey(i)].Result != nil {
			left = append(left, i)
		}
	}
	f.equal("left", left, []byte{1, 3, 4, 5, 6})
}
