package dbtest

import (
	"sync"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

var leasing = map[string]func(*fixture){
	"ClaimLeasesAndStarts":              claimLeases,
	"RunningTaskIsNotLeasedTwice":       notLeasedTwice,
	"ClaimHonoursLanesAndLimits":        claimHonoursLanes,
	"ClaimTakesTheLongestDueFirst":      longestDueFirst,
	"PinnedVersionsAreLanesOfTheirOwn":  pinnedLanes,
	"ClaimOfElapsedCountsNoAttempt":     elapsedCountsNoAttempt,
	"ClaimAdoptsTheRegisteredKind":      claimAdoptsKind,
	"RetriedTurnKeepsItsStart":          retriedTurnKeepsStart,
	"LanesAreThoseThatAreDue":           lanesAreDue,
	"NextDueIsTheNearestInTheFuture":    nextDue,
	"ConcurrentClaimsAreDisjoint":       claimsAreDisjoint,
	"ClaimsOfOneLeaveTheRestToOthers":   claimsLeaveTheRest,
	"ClaimsAndCommitsDoNotDeadlock":     claimsAndCommits,
	"HastenMakesWhatWasPutOffDue":       hasten,
	"ClaimedTokenFencesTheOneBefore":    claimFences,
	"LockedExecutionDoesNotDelayClaims": lockedDoesNotDelay,
}

func claimLeases(f *fixture) {
	scheduler := f.join()
	e, root := f.start("f", func(e *workflow.Execution, _ *workflow.Task) {
		e.Version, e.TraceParent, e.DeadlineAt, e.CancelRequested = "v", "00-1", at(1), true
	})
	claimed := f.claim(scheduler, quota("f", 5))
	f.equal("claimed", claimedIDs(claimed), []workflow.ID{root.ID})
	t, x := claimed[0].Task, claimed[0].Execution
	f.equal("task", []any{t.State, t.Holder, t.Token, t.Attempt, t.DueAt == nil, t.StartedAt != nil, string(t.Input)},
		[]any{workflow.TaskRunning, scheduler, int64(1), 1, true, true, string(e.Input)})
	f.equal("scheduled for", t.ScheduledFor, root.DueAt)
	f.equal("elapsed", claimed[0].Elapsed, false)
	f.equal("execution", []any{x.ID, x.Function, x.Version, x.State, x.Tags, x.Seed, x.TraceParent, x.DeadlineAt, x.CancelRequested},
		[]any{e.ID, "f", "v", workflow.ExecutionRunning, e.Tags, "seed", "00-1", e.DeadlineAt, true})
	stored := f.execution(e.ID)
	f.equal("stored execution", []any{stored.State, stored.StartedAt != nil}, []any{workflow.ExecutionRunning, true})
	f.equal("stored holder", f.task(root.ID).Holder, scheduler)
	held, err := f.store.Held(f.ctx, scheduler, nil)
	f.ok(err)
	f.equal("held", held, []workflow.Lease{{Execution: e.ID, Task: root.ID, Token: 1}})
}

func notLeasedTwice(f *fixture) {
	f.start("f")
	f.equal("first", len(f.claim(f.join(), quota("f", 5))), 1)
	f.equal("second", len(f.claim(f.join(), quota("f", 5))), 0)
}

func claimHonoursLanes(f *fixture) {
	scheduler := f.join()
	for range 3 {
		f.start("f")
		f.start("g")
		f.start("f", func(_ *workflow.Execution, t *workflow.Task) { t.Priority = 5 })
		f.start("f", func(_ *workflow.Execution, t *workflow.Task) { t.Queue = "eu" })
	}
	eu := db.Quota{Lane: db.Lane{Queue: "eu", Function: "f"}, Limit: 1}
	high := quota("f", 10)
	high.Priority = 5
	none := quota("g", 0)
	claimed := f.claim(scheduler, quota("f", 2), eu, high, none, quota("h", 10))
	count := map[string]int{}
	for _, c := range claimed {
		count[c.Task.Queue+" "+c.Task.Name+" "+string(rune('0'+c.Task.Priority))]++
	}
	f.equal("claimed", count, map[string]int{"default f 0": 2, "default f 5": 3, "eu f 0": 1})
	f.equal("no lanes", len(f.claim(scheduler)), 0)
}

func longestDueFirst(f *fixture) {
	scheduler := f.join()
	ago := func(d time.Duration) workflow.ID {
		_, root := f.start("f", func(_ *workflow.Execution, t *workflow.Task) {
			then := t.DueAt.Add(-d)
			t.DueAt = &then
		})
		return root.ID
	}
	a, b, c := ago(time.Minute), ago(time.Hour), ago(time.Second)
	f.equal("first two", claimedIDs(f.claim(scheduler, quota("f", 2))), []workflow.ID{b, a})
	f.equal("the rest", claimedIDs(f.claim(scheduler, quota("f", 2))), []workflow.ID{c})
}

func pinnedLanes(f *fixture) {
	scheduler := f.join()
	pinned := func(version string) func(*workflow.Execution, *workflow.Task) {
		return func(_ *workflow.Execution, t *workflow.Task) { t.Version = &version }
	}
	_, current := f.start("f")
	_, unnamed := f.start("f", pinned(""))
	_, second := f.start("f", pinned("v2"))
	lanes, err := f.store.Lanes(f.ctx)
	f.ok(err)
	f.equal("lanes", len(lanes), 3)
	for _, lane := range lanes {
		want := current.ID
		switch {
		case lane.Pinned && lane.Version == "":
			want = unnamed.ID
		case lane.Pinned:
			want = second.ID
		}
		claimed := f.claim(scheduler, db.Quota{Lane: lane, Limit: 10, Kind: workflow.KindActivity})
		f.equal("claimed", claimedIDs(claimed), []workflow.ID{want})
		f.equal("pinned", claimed[0].Task.Version != nil, lane.Pinned)
	}
}

func elapsedCountsNoAttempt(f *fixture) {
	scheduler := f.join()
	_, root := f.start("f", waiting)
	past := root.CreatedAt.Add(-time.Second)
	timer := newChild(root, "timer", inState(workflow.TaskWaiting), due(past), func(t *workflow.Task) {
		t.Op, t.Kind, t.Queue, t.Name = workflow.OpSleep, workflow.KindTimer, "", ""
	})
	async := newChild(root, "async", inState(workflow.TaskRunning), due(past), func(t *workflow.Task) { t.Token, t.Attempt, t.StartedAt = 2, 2, at(1) })
	f.add(timer, async)
	late := db.Quota{Lane: db.Lane{Queue: workflow.DefaultQueue}, Limit: 10}
	claimed := f.claim(scheduler, db.Quota{Limit: 10}, late, quota("step", 10))
	f.equal("claimed", len(claimed), 2)
	for _, c := range claimed {
		f.equal("elapsed", c.Elapsed, true)
		want := timer
		if c.Task.ID == async.ID {
			want = async
			f.equal("started", c.Task.StartedAt, async.StartedAt)
		}
		f.equal("task", []any{c.Task.State, c.Task.Attempt, c.Task.Token, c.Task.Kind, c.Task.Holder},
			[]any{want.State, want.Attempt, want.Token + 1, want.Kind, scheduler})
	}
}

func claimAdoptsKind(f *fixture) {
	scheduler := f.join()
	f.start("f")
	f.start("f", func(_ *workflow.Execution, t *workflow.Task) { t.Attempt = 1 })
	q := quota("f", 10)
	q.Kind = workflow.KindOrchestrator
	for _, c := range f.claim(scheduler, q) {
		want := workflow.KindActivity
		if c.Task.Attempt == 1 {
			want = workflow.KindOrchestrator
		}
		f.equal("kind", c.Task.Kind, want)
		f.equal("stored kind", f.task(c.Task.ID).Kind, want)
	}
}

func retriedTurnKeepsStart(f *fixture) {
	scheduler := f.join()
	retried := func(kind workflow.Kind) func(*workflow.Execution, *workflow.Task) {
		return func(_ *workflow.Execution, t *workflow.Task) {
			t.Kind, t.Attempt, t.Turn, t.StartedAt = kind, 1, 1, at(1)
		}
	}
	_, orchestrator := f.start("f", retried(workflow.KindOrchestrator))
	f.start("f", retried(workflow.KindActivity))
	for _, c := range f.claim(scheduler, quota("f", 10)) {
		f.equal("started at first", c.Task.StartedAt.Equal(*at(1)), c.Task.ID == orchestrator.ID)
	}
}

func lanesAreDue(f *fixture) {
	lanes, err := f.store.Lanes(f.ctx)
	f.ok(err)
	f.equal("lanes of nothing", len(lanes), 0)
	var oldest time.Time
	for i := range 20 {
		_, root := f.start("f", func(_ *workflow.Execution, t *workflow.Task) { t.Priority = i % 2 })
		if i == 0 {
			oldest = *root.DueAt
		}
	}
	_, root := f.start("g", waiting)
	f.start("later", func(_ *workflow.Execution, t *workflow.Task) { t.DueAt = at(0) })
	f.add(newChild(root, "timer", due(root.CreatedAt), func(t *workflow.Task) {
		t.Kind, t.Op, t.Queue, t.Name, t.State = workflow.KindTimer, workflow.OpSleep, "", "", workflow.TaskWaiting
	}))
	lanes, err = f.store.Lanes(f.ctx)
	f.ok(err)
	found := map[db.Lane]bool{}
	for _, lane := range lanes {
		if lane.Function == "f" && lane.Priority == 0 {
			f.equal("oldest", lane.Oldest, oldest)
		}
		lane.Oldest = time.Time{}
		found[lane] = true
	}
	f.equal("lanes", len(lanes), 3)
	for _, lane := range []db.Lane{{}, {Queue: "default", Function: "f"}, {Queue: "default", Function: "f", Priority: 1}} {
		if !found[lane] {
			f.Fatalf("lane %+v is missing in %+v", lane, lanes)
		}
	}
}

func nextDue(f *fixture) {
	_, ok, err := f.store.NextDue(f.ctx)
	f.ok(err)
	f.equal("of nothing", ok, false)
	f.start("f")
	_, ok, err = f.store.NextDue(f.ctx)
	f.ok(err)
	f.equal("of what is due already", ok, false)
	for _, hours := range []int{5, 2, 3} {
		f.start("f", func(_ *workflow.Execution, t *workflow.Task) {
			then := t.DueAt.Add(time.Duration(hours) * time.Hour)
			t.DueAt = &then
		})
	}
	in, ok, err := f.store.NextDue(f.ctx)
	f.ok(err)
	if !ok || in > 2*time.Hour || in < time.Hour {
		f.Fatalf("the next is due in %s, %t; want somewhat less than 2 h", in, ok)
	}
}

func claimsAreDisjoint(f *fixture) {
	const tasks, claimers = 300, 6
	f.commit(workflow.Need{}, func(l *workflow.Loaded, c *workflow.Change) {
		for range tasks {
			e, root := newExecution("f", l.Now)
			c.NewExecutions, c.NewTasks = append(c.NewExecutions, e), append(c.NewTasks, root)
		}
	})
	var mu sync.Mutex
	seen := map[workflow.ID]int{}
	var done sync.WaitGroup
	for range claimers {
		scheduler := f.join()
		done.Go(func() {
			for empty := 0; empty < 3; {
				claimed, _, err := f.store.Claim(f.ctx, scheduler, []db.Quota{quota("f", 7)})
				if err != nil {
					f.Errorf("claiming: %v", err)
					return
				}
				if len(claimed) == 0 {
					empty++
				}
				mu.Lock()
				for _, c := range claimed {
					seen[c.Task.ID]++
				}
				mu.Unlock()
			}
		})
	}
	done.Wait()
	f.equal("claimed", len(seen), tasks)
	for id, n := range seen {
		if n != 1 {
			f.Fatalf("task %s was claimed %d times", id, n)
		}
	}
}

// claimsLeaveTheRest claims one task at a time by many at once: as long as there are
// enough for all, nobody comes back with nothing because others look at the same ones.
func claimsLeaveTheRest(f *fixture) {
	const claimers, each = 8, 10
	f.commit(workflow.Need{}, func(l *workflow.Loaded, c *workflow.Change) {
		for range claimers * each {
			e, root := newExecution("f", l.Now)
			c.NewExecutions, c.NewTasks = append(c.NewExecutions, e), append(c.NewTasks, root)
		}
	})
	var done sync.WaitGroup
	for range claimers {
		scheduler := f.join()
		done.Go(func() {
			for i := range each {
				claimed, _, err := f.store.Claim(f.ctx, scheduler, []db.Quota{quota("f", 1)})
				if err != nil || len(claimed) != 1 {
					f.Errorf("claim %d gave %d tasks, %v", i, len(claimed), err)
				}
			}
		})
	}
	done.Wait()
	f.equal("left", len(f.claim(f.join(), quota("f", 1))), 0)
}

// claimsAndCommits lets one scheduler claim tasks of executions that it commits to meanwhile.
func claimsAndCommits(f *fixture) {
	scheduler := f.join()
	e, root := f.start("f", waiting)
	var done sync.WaitGroup
	stop := make(chan struct{})
	done.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, _, err := f.store.Claim(f.ctx, scheduler, []db.Quota{quota("step", 3)}); err != nil {
				f.Errorf("claiming: %v", err)
				return
			}
		}
	})
	for i := range 60 {
		_, err := f.tryCommit(workflow.Need{Executions: []workflow.ID{e.ID}, Open: []workflow.ID{e.ID}}, func(l *workflow.Loaded, c *workflow.Change) {
			c.NewTasks = []*workflow.Task{newChild(root, time.Duration(i).String(), due(l.Now))}
			c.Lessee, c.Holds = scheduler, []workflow.Hold{{Scheduler: scheduler, Execution: e.ID}}
			for _, t := range l.Tasks {
				if t.Op == workflow.OpCall {
					was := t.Token
					t.State, t.Holder, t.DueAt = workflow.TaskCompleted, workflow.ID{}, nil
					c.Tasks = append(c.Tasks, workflow.TaskUpdate{Task: t, WasToken: was})
				}
			}
		})
		if err != nil {
			f.is(err, db.ErrConflict)
		}
	}
	close(stop)
	done.Wait()
}

func hasten(f *fixture) {
	scheduler := f.join()
	put := func(failures int, name string) workflow.ID {
		_, root := f.start(name, func(_ *workflow.Execution, t *workflow.Task) {
			t.DueAt, t.Failures, t.Attempt = at(0), failures, failures
		})
		return root.ID
	}
	retried := put(2, "f")
	put(0, "f")
	put(1, "g")
	f.ok(f.store.Hasten(f.ctx, "f"))
	f.equal("claimed", claimedIDs(f.claim(scheduler, quota("f", 10), quota("g", 10))), []workflow.ID{retried})
}

func claimFences(f *fixture) {
	scheduler := f.join()
	_, root := f.start("f")
	f.equal("claimed", len(f.claim(scheduler, quota("f", 1))), 1)
	_, err := f.tryCommit(workflow.Need{}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.Tasks = []workflow.TaskUpdate{{Task: root, WasToken: root.Token}}
	})
	f.is(err, db.ErrConflict)
	f.equal("holder", f.task(root.ID).Holder, scheduler)
}

// lockedDoesNotDelay claims while a commit is deciding: what it has locked is
// passed over or, on a store that takes turns, waited for, but never claimed twice.
func lockedDoesNotDelay(f *fixture) {
	scheduler := f.join()
	e, root := f.start("f")
	claims := make(chan []db.Claimed, 1)
	f.commit(workflow.Need{Executions: []workflow.ID{e.ID}, Tasks: []workflow.ID{root.ID}}, func(l *workflow.Loaded, c *workflow.Change) {
		go func() {
			claimed, _, err := f.store.Claim(f.ctx, scheduler, []db.Quota{quota("f", 1)})
			if err != nil {
				f.Errorf("claiming: %v", err)
			}
			claims <- claimed
		}()
		l.Executions[0].Retries = 1
		c.Executions = l.Executions
	})
	first := <-claims
	second := f.claim(scheduler, quota("f", 1))
	f.equal("claims", len(first)+len(second), 1)
	f.equal("retries", f.execution(e.ID).Retries, 1)
	f.equal("state", f.execution(e.ID).State, workflow.ExecutionRunning)
}
