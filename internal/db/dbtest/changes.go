package dbtest

import (
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

var changing = map[string]func(*fixture){
	"ChangesAreWhatWasCommittedSinceAMark": changesSinceAMark,
	"EveryWriteOfATaskIsAChangeOfIt":       everyWriteOfATask,
	"ARoughMarkMissesNothing":              roughMark,
	"AMarkOfNobodyIsBeforeAll":             markOfNobody,
	"AnOutlineIsAnOverviewWithoutProgress": outlineWithoutProgress,
	"TasksAreReadByTheirIDs":               tasksByID,
}

// changes reads what changed since a mark.
func (f *fixture) changes(e *workflow.Execution, since db.Mark) *db.Changes {
	f.Helper()
	c, err := f.store.Changes(f.ctx, e.ID, since)
	f.ok(err)
	return c
}

func changesSinceAMark(f *fixture) {
	e, root := f.start("f", waiting)
	f.start("f")
	all := f.changes(e, "")
	f.equal("at first", []any{all.State, all.Execution, all.Tasks}, []any{workflow.ExecutionPending, true, []workflow.ID{root.ID}})
	none := f.changes(e, all.Mark)
	f.equal("nothing", []any{none.Execution, len(none.Tasks)}, []any{false, 0})

	a, b := newChild(root, "a"), newChild(root, "b")
	f.add(a, b)
	added := f.changes(e, none.Mark)
	f.equal("new tasks", []any{added.Execution, added.Tasks}, []any{false, []workflow.ID{a.ID, b.ID}})
	f.equal("since the first mark", f.changes(e, all.Mark).Tasks, []workflow.ID{a.ID, b.ID})

	f.commit(workflow.Need{Executions: []workflow.ID{e.ID}}, func(l *workflow.Loaded, c *workflow.Change) {
		c.Counters = []workflow.Counter{{Execution: e.ID, Name: "n", Value: 1}}
		l.Executions[0].ContextSeq++
		c.Executions = l.Executions
	})
	counted := f.changes(e, added.Mark)
	f.equal("of the execution", []any{counted.Execution, len(counted.Tasks)}, []any{true, 0})

	f.commit(workflow.Need{Executions: []workflow.ID{e.ID}}, func(l *workflow.Loaded, c *workflow.Change) {
		l.Executions[0].State = workflow.ExecutionFailed
		c.Executions, c.Sweeps = l.Executions, []workflow.Sweep{{Execution: e.ID}}
	})
	ended := f.changes(e, counted.Mark)
	f.equal("at the end", []any{ended.State, ended.Execution, ended.Tasks},
		[]any{workflow.ExecutionFailed, true, []workflow.ID{root.ID, a.ID, b.ID}})
	_, err := f.store.Changes(f.ctx, newID(), "")
	f.is(err, db.ErrNotFound)
}

func everyWriteOfATask(f *fixture) {
	scheduler := f.join()
	e, root := f.start("f", waiting)
	step := newChild(root, "step", due(time.Now().Add(-time.Second)))
	later := newChild(root, "later", due(time.Now().Add(time.Hour)), func(t *workflow.Task) { t.Failures = 1 })
	m := newChild(root, "map", isMap)
	items := newItems(m, 2)
	f.add(append(items, step, later, m)...)
	mark := f.changes(e, "").Mark
	expect := func(what string, tasks ...*workflow.Task) {
		f.Helper()
		c := f.changes(e, mark)
		mark = c.Mark
		var want []workflow.ID
		for _, t := range tasks {
			want = append(want, t.ID)
		}
		f.equal(what, set(c.Tasks...), set(want...))
	}
	f.equal("claimed", len(f.claim(scheduler, quota("step", 1))), 1)
	expect("a claim", step)
	f.commit(workflow.Need{}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.Releases = []workflow.Release{{Execution: e.ID, Map: m.ID, From: 0, To: 1}}
	})
	expect("a release", items[0])
	f.commit(workflow.Need{}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.Parks = []workflow.Park{{Execution: e.ID, Paused: true}}
	})
	expect("parking", items[0], later)
	f.commit(workflow.Need{}, func(_ *workflow.Loaded, c *workflow.Change) { c.Parks = []workflow.Park{{Execution: e.ID}} })
	expect("unparking", items[0], later)
	f.ok(f.store.Hasten(f.ctx, "step"))
	expect("hastening", later)
	f.commit(workflow.Need{}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.Inputs = []workflow.TaskInput{{Execution: e.ID, Task: root.ID, Input: []byte(`2`)}}
		c.Gathers = []workflow.Gather{{Execution: e.ID, Map: m.ID}}
	})
	expect("an input and a gathering", root, m)
	f.commit(workflow.Need{}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.Sweeps = []workflow.Sweep{{Execution: e.ID, Under: m.ID}}
	})
	expect("a sweep below a task", items...)
}

func roughMark(f *fixture) {
	e, root := f.start("f", waiting)
	rough := f.changes(e, "").Rough
	if rough == "" || len(rough) > 100 {
		f.Fatalf("the rough mark is %q", rough)
	}
	a := newChild(root, "a")
	f.add(a)
	c := f.changes(e, rough)
	f.equal("has the new one", set(c.Tasks...)[a.ID], true)
}

func markOfNobody(f *fixture) {
	e, root := f.start("f")
	for _, mark := range []db.Mark{"nonsense", "9/1:2:3", "1/5:4:", "1/1:9:7,3", "99999999999999999/1:1:", "-5", "1/1:1:';"} {
		c := f.changes(e, mark)
		f.equal(string(mark), []any{c.Execution, c.Tasks}, []any{true, []workflow.ID{root.ID}})
	}
}

func outlineWithoutProgress(f *fixture) {
	e, root := f.start("f", waiting)
	f.add(newChild(root, "a"))
	f.commit(workflow.Need{Executions: []workflow.ID{e.ID}}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.Counters = []workflow.Counter{{Execution: e.ID, Name: "n", Value: 1}}
		c.State = []workflow.StateEntry{{Execution: e.ID, Key: "k", Value: []byte(`2`)}}
	})
	want := f.overview(e.ID)
	f.equal("steps", len(want.Progress), 1)
	want.Progress = nil
	got, err := f.store.Outline(f.ctx, e.ID)
	f.ok(err)
	f.equal("outline", got, want)
	_, err = f.store.Outline(f.ctx, newID())
	f.is(err, db.ErrNotFound)
}

func tasksByID(f *fixture) {
	e, root := f.start("f", waiting)
	a, b := newChild(root, "a"), newChild(root, "b")
	f.add(a, b)
	got, err := f.store.TasksByID(f.ctx, []workflow.ID{b.ID, newID(), root.ID, b.ID})
	f.ok(err)
	f.equal("how many", len(got), 2)
	f.equal("ids", []workflow.ID{got[0].ID, got[1].ID}, []workflow.ID{root.ID, b.ID})
	f.equal("whole", []any{got[1].Execution, string(got[1].Input)}, []any{e.ID, "1"})
}
