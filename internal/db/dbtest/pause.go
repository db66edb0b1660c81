package dbtest

import (
	"slices"
	"strconv"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

var pausing = map[string]func(*fixture){
	"ParkedTasksAreInNoLane":                   parkedAreInNoLane,
	"ParkLeavesWhatIsNotPending":               parkLeavesOthers,
	"ParkTakesWhatTheChangeMadeDue":            parkTakesNew,
	"ParkedItemsAreReleasedWhenResumed":        parkedItems,
	"TimersOfPausedExecutionsAreClaimed":       timersOfPaused,
	"WhatIsDueOfAPausedExecutionIsSteppedOver": pausedAreSteppedOver,
}

func (f *fixture) park(e *workflow.Execution, paused bool) {
	f.Helper()
	f.commit(workflow.Need{Executions: []workflow.ID{e.ID}}, func(l *workflow.Loaded, c *workflow.Change) {
		l.Executions[0].Paused = paused
		c.Executions = l.Executions
		c.Parks = []workflow.Park{{Execution: e.ID, Paused: paused}}
	})
}

// parkedAreInNoLane pauses a thousand tasks that are due before all others: a
// claim does not meet them, because nothing names their lane any more, and the
// lane that they share with a task of somebody else begins with that.
func parkedAreInNoLane(f *fixture) {
	const tasks = 1_000
	scheduler := f.join()
	e, root := f.start("f", waiting)
	parked := make([]*workflow.Task, tasks)
	for i := range parked {
		long := root.CreatedAt.Add(-time.Hour)
		parked[i] = newChild(root, strconv.Itoa(i), due(long), func(t *workflow.Task) { t.Name = []string{"alone", "shared"}[i%2] })
	}
	f.add(parked...)
	f.park(e, true)
	_, other := f.start("shared")
	lanes, err := f.store.Lanes(f.ctx)
	f.ok(err)
	f.equal("lanes", len(lanes), 1)
	f.equal("lane", []any{lanes[0].Function, lanes[0].Oldest}, []any{"shared", *other.DueAt})
	f.equal("claimed", claimedIDs(f.claim(scheduler, quota("shared", 10), quota("alone", 10))), []workflow.ID{other.ID})
	_, ok, err := f.store.NextDue(f.ctx)
	f.ok(err)
	f.equal("anything due later", ok, false)
	got := f.task(parked[0].ID)
	f.equal("a parked one", []any{got.State, got.DueAt == nil, got.ScheduledFor, got.Token},
		[]any{workflow.TaskPending, true, parked[0].ScheduledFor, int64(0)})

	f.park(e, false)
	f.equal("due again", f.task(parked[0].ID).DueAt, parked[0].DueAt)
	claimed := f.claim(scheduler, quota("shared", tasks), quota("alone", tasks))
	f.equal("claimed after it", len(claimed), tasks)
	f.equal("claimed again", len(f.claim(scheduler, quota("shared", tasks), quota("alone", tasks))), 0)
}

func parkLeavesOthers(f *fixture) {
	scheduler := f.join()
	e, root := f.start("f", waiting)
	m := newChild(root, "map", isMap)
	item := newItems(m, 1)[0]
	tasks := []*workflow.Task{
		newChild(root, "async", inState(workflow.TaskRunning), due(root.CreatedAt)),
		newChild(root, "held", heldBy(scheduler, 3)),
		newChild(root, "timer", inState(workflow.TaskWaiting), due(root.CreatedAt)),
		newChild(root, "done", inState(workflow.TaskCompleted), func(t *workflow.Task) { t.ScheduledFor = at(1) }),
		newCallback(root, "http://a"), m, item,
	}
	_, elsewhere := f.start("f")
	f.add(tasks...)
	for _, paused := range []bool{true, false} {
		f.park(e, paused)
		for _, t := range append(slices.Clone(tasks), elsewhere) {
			got := f.task(t.ID)
			f.equal(t.Key, []any{got.State, got.DueAt, got.Holder, got.Token}, []any{t.State, t.DueAt, t.Holder, t.Token})
		}
	}
}

func parkTakesNew(f *fixture) {
	e, root := f.start("f", waiting)
	m := newChild(root, "map", isMap)
	item := newItems(m, 1)[0]
	retried, fresh := newChild(root, "retried", heldBy(f.join(), 1)), newChild(root, "fresh", due(root.CreatedAt))
	f.add(m, item, retried)
	f.commit(workflow.Need{Executions: []workflow.ID{e.ID}, Tasks: []workflow.ID{retried.ID}}, func(l *workflow.Loaded, c *workflow.Change) {
		for _, t := range l.Tasks {
			if t.ID == retried.ID {
				t.State, t.Holder, t.DueAt, t.ScheduledFor = workflow.TaskPending, workflow.ID{}, &l.Now, &l.Now
				c.Tasks = []workflow.TaskUpdate{{Task: t, WasToken: t.Token}}
			}
		}
		c.NewTasks = []*workflow.Task{fresh}
		c.Releases = []workflow.Release{{Execution: e.ID, Map: m.ID, From: 0, To: 1}}
		c.Parks = []workflow.Park{{Execution: e.ID, Paused: true}}
	})
	for _, t := range []*workflow.Task{item, retried, fresh} {
		got := f.task(t.ID)
		f.equal(t.Key, []any{got.DueAt == nil, got.ScheduledFor != nil}, []any{true, true})
	}
	f.park(e, false)
	f.equal("claimed", len(f.claim(f.join(), quota("step", 10))), 3)
}

func parkedItems(f *fixture) {
	e, root := f.start("f", waiting)
	m := newChild(root, "map", isMap)
	items := newItems(m, 4)
	f.add(append([]*workflow.Task{m}, items...)...)
	f.park(e, true)
	f.commit(workflow.Need{Executions: []workflow.ID{e.ID}}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.Releases = []workflow.Release{
			{Execution: e.ID, Map: m.ID, From: 0, To: 2, Parked: true}, {Execution: e.ID, Map: m.ID, From: 2, To: 3},
		}
	})
	due := func() (due []bool) {
		for _, item := range items {
			due = append(due, f.task(item.ID).DueAt != nil)
		}
		return due
	}
	f.equal("due", due(), []bool{false, false, true, false})
	f.park(e, false)
	f.equal("due after it was resumed", due(), []bool{true, true, true, false})
}

func timersOfPaused(f *fixture) {
	_, root := f.start("f", waiting, func(e *workflow.Execution, _ *workflow.Task) { e.Paused = true })
	timer := newChild(root, "timer", inState(workflow.TaskWaiting), due(root.CreatedAt), func(t *workflow.Task) {
		t.Kind, t.Op, t.Queue, t.Name = workflow.KindTimer, workflow.OpSleep, "", ""
	})
	async := newChild(root, "async", inState(workflow.TaskRunning), due(root.CreatedAt))
	f.add(timer, async)
	late := db.Quota{Lane: db.Lane{Queue: workflow.DefaultQueue}, Limit: 10}
	claimed := f.claim(f.join(), db.Quota{Limit: 10}, late)
	ids := claimedIDs(claimed)
	slices.SortFunc(ids, workflow.ID.Compare)
	f.equal("claimed", ids, []workflow.ID{timer.ID, async.ID})
	f.equal("elapsed", []bool{claimed[0].Elapsed, claimed[1].Elapsed}, []bool{true, true})
}

// pausedAreSteppedOver is for tasks that an older program made due.
func pausedAreSteppedOver(f *fixture) {
	for range 5 {
		f.start("f", func(e *workflow.Execution, _ *workflow.Task) { e.Paused = true })
	}
	_, root := f.start("f")
	f.equal("claimed", claimedIDs(f.claim(f.join(), quota("f", 2))), []workflow.ID{root.ID})
}
