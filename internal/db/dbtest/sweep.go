package dbtest

import (
	"encoding/json"
	"slices"

	"github.com/stent-dev/stent/internal/workflow"
)

var sweeping = map[string]func(*fixture){
	"SweepCancelsBelow":             sweepCancelsBelow,
	"SweepCancelsTheWholeExecution": sweepCancelsAll,
	"SweepTakesWhatTheChangeMade":   sweepTakesNew,
	"ReleaseMakesItemsDue":          releaseMakesItemsDue,
	"GatherComposesInOrder":         gatherComposesInOrder,
	"GatherCollectsFailures":        gatherCollects,
}

func sweepCancelsBelow(f *fixture) {
	scheduler := f.join()
	e, root := f.start("f", waiting)
	sub := newChild(root, "sub", isOrchestrator, func(t *workflow.Task) { t.Token = 3 })
	ended := newChild(sub, "ended", func(t *workflow.Task) { t.Kind, t.State = workflow.KindOrchestrator, workflow.TaskCompleted })
	below := newChild(ended, "below", heldBy(scheduler, 5))
	m := newChild(sub, "map", isMap)
	items := newItems(m, 2)
	items[0].State, items[0].Result = workflow.TaskCompleted, json.RawMessage(`1`)
	wait := newChild(sub, "wait", func(t *workflow.Task) { t.State, t.WaitingFor = workflow.TaskWaiting, "go" })
	timer := newChild(sub, "timer", inState(workflow.TaskWaiting), due(root.CreatedAt))
	beside := newChild(root, "beside", heldBy(scheduler, 1))
	f.add(sub, ended, below, m, items[0], items[1], wait, timer, beside)

	saved := f.commit(workflow.Need{Executions: []workflow.ID{e.ID}}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.Sweeps = []workflow.Sweep{{Execution: e.ID, Under: sub.ID}, {Execution: e.ID, Under: sub.ID}}
	})
	f.equal("held ones", saved.Swept, []workflow.Lease{{Execution: e.ID, Task: below.ID, Token: 5}})
	for _, t := range []*workflow.Task{root, sub, ended, items[0], beside} {
		got := f.task(t.ID)
		f.equal(t.Key+" stays", []any{got.State, got.Token}, []any{t.State, t.Token})
	}
	for _, t := range []*workflow.Task{below, m, items[1], wait, timer} {
		got := f.task(t.ID)
		f.equal(t.Key+" is cancelled", got.State, workflow.TaskCancelled)
		f.equal(t.Key+" has a new token", got.Token > t.Token, true)
		f.equal(t.Key+" is nobody's", []any{got.Holder, got.DueAt == nil, got.WaitingFor, got.CompletedAt != nil}, []any{workflow.ID{}, true, "", true})
	}
	f.equal("waits", len(f.load(workflow.Need{Waiters: []workflow.NameRef{{Execution: e.ID, Name: "go"}}}).Tasks), 0)
}

func sweepCancelsAll(f *fixture) {
	scheduler := f.join()
	e, root := f.start("f")
	other, otherRoot := f.start("f")
	step := newChild(root, "step", heldBy(scheduler, 7))
	done := newChild(root, "done", inState(workflow.TaskFailed))
	f.add(step, done)
	saved := f.commit(workflow.Need{Executions: []workflow.ID{e.ID}}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.Sweeps = []workflow.Sweep{{Execution: e.ID}}
	})
	f.equal("held ones", saved.Swept, []workflow.Lease{{Execution: e.ID, Task: step.ID, Token: 7}})
	f.equal("root", f.task(root.ID).State, workflow.TaskCancelled)
	f.equal("step", f.task(step.ID).State, workflow.TaskCancelled)
	f.equal("settled one", f.task(done.ID).State, workflow.TaskFailed)
	f.equal("other's", []any{f.task(otherRoot.ID).State, f.execution(other.ID).State}, []any{workflow.TaskPending, workflow.ExecutionPending})
	claimed := f.claim(scheduler, quota("f", 10))
	f.equal("claimable", claimedIDs(claimed), []workflow.ID{otherRoot.ID})
}

func sweepTakesNew(f *fixture) {
	e, root := f.start("f", waiting)
	old, fresh := newChild(root, "old"), newChild(root, "fresh")
	f.add(old)
	f.commit(workflow.Need{Executions: []workflow.ID{e.ID}, Tasks: []workflow.ID{old.ID}}, func(l *workflow.Loaded, c *workflow.Change) {
		changed := *old
		changed.DueAt, changed.Token = &l.Now, 1
		c.NewTasks = []*workflow.Task{fresh}
		c.Tasks = []workflow.TaskUpdate{{Task: &changed, WasToken: old.Token}}
		c.Sweeps = []workflow.Sweep{{Execution: e.ID, Under: root.ID}}
	})
	f.equal("updated", f.task(old.ID).State, workflow.TaskCancelled)
	f.equal("made", f.task(fresh.ID).State, workflow.TaskCancelled)
	f.equal("root", f.task(root.ID).State, workflow.TaskWaiting)
}

func releaseMakesItemsDue(f *fixture) {
	e, root := f.start("f", waiting)
	m, twin := newChild(root, "m", isMap), newChild(root, "twin", isMap)
	items := newItems(m, 5)
	items[2].State = workflow.TaskCancelled
	f.add(slices.Concat([]*workflow.Task{m, twin}, items, newItems(twin, 5))...)
	f.commit(workflow.Need{Executions: []workflow.ID{e.ID}}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.Releases = []workflow.Release{{Execution: e.ID, Map: m.ID, From: 1, To: 4}}
	})
	var dueItems []int
	for _, item := range items {
		if got := f.task(item.ID); got.DueAt != nil {
			dueItems = append(dueItems, got.Item)
			f.equal("scheduled for", got.ScheduledFor, got.DueAt)
		}
	}
	f.equal("due", dueItems, []int{1, 3})
	scheduler := f.join()
	f.equal("claimable", len(f.claim(scheduler, quota("step", 100))), 2)
}

func gatherComposesInOrder(f *fixture) {
	e, root := f.start("f", waiting)
	a, b := newChild(root, "a", isMap), newChild(root, "b", isMap)
	itemsOf := func(m *workflow.Task, n int) []*workflow.Task {
		items := newItems(m, n)
		for _, item := range items {
			item.State, item.Result = workflow.TaskCompleted, json.RawMessage(`{"i": `+item.Key+`}`)
		}
		return items
	}
	as, bs := itemsOf(a, 12), itemsOf(b, 1)
	last := as[11]
	last.State, last.Result = workflow.TaskRunning, nil
	f.add(slices.Concat([]*workflow.Task{a, b}, as, bs)...)
	need := workflow.Need{Executions: []workflow.ID{e.ID}, Tasks: []workflow.ID{last.ID, b.ID}}
	f.commit(need, func(l *workflow.Loaded, c *workflow.Change) {
		for _, t := range l.Tasks {
			switch t.ID {
			case last.ID:
				t.State, t.Result = workflow.TaskCompleted, json.RawMessage(`"last"`)
			case a.ID, b.ID:
				t.State = workflow.TaskCompleted
			default:
				continue
			}
			c.Tasks = append(c.Tasks, workflow.TaskUpdate{Task: t, WasToken: t.Token})
		}
		c.Gathers = []workflow.Gather{{Execution: e.ID, Map: b.ID}, {Execution: e.ID, Map: a.ID}}
	})
	f.equal("a", string(f.task(a.ID).Result), `[{"i": 0},{"i": 1},{"i": 2},{"i": 3},{"i": 4},{"i": 5},{"i": 6},{"i": 7},{"i": 8},{"i": 9},{"i": 10},"last"]`)
	f.equal("b", string(f.task(b.ID).Result), `[{"i": 0}]`)
}

func gatherCollects(f *fixture) {
	e, root := f.start("f", waiting)
	m := newChild(root, "m", isMap)
	items := newItems(m, 2)
	items[0].State, items[0].Error = workflow.TaskFailed, &workflow.Error{Type: "t", Message: "m"}
	items[1].State, items[1].Result = workflow.TaskCompleted, json.RawMessage(`1`)
	f.add(m, items[0], items[1])
	f.commit(workflow.Need{Executions: []workflow.ID{e.ID}, Tasks: []workflow.ID{m.ID}}, func(_ *workflow.Loaded, c *workflow.Change) {
		done := *m
		done.State = workflow.TaskCompleted
		c.Tasks = []workflow.TaskUpdate{{Task: &done, WasToken: m.Token}}
		c.Gathers = []workflow.Gather{{Execution: e.ID, Map: m.ID, Collect: true}}
	})
	f.equal("result", string(f.task(m.ID).Result), `[{"status":"failed","error":{"type":"t","message":"m"}},{"status":"completed","value":1}]`)
}
