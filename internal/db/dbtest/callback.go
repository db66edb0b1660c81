package dbtest

import (
	"encoding/json"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

var calling = map[string]func(*fixture){
	"SweepLeavesTheCallback":               sweepLeavesCallback,
	"CallbackIsNeitherStepNorOpenTask":     callbackIsNoStep,
	"CallbacksHaveALaneForEachReceiver":    callbackLanes,
	"CallbackOfATerminalExecutionIsLeased": callbackIsLeased,
}

// newCallback is a callback to a receiver that is due.
func newCallback(of *workflow.Task, receiver string) *workflow.Task {
	return newChild(of, "callback", due(of.CreatedAt), func(t *workflow.Task) {
		t.Parent, t.ParentRun, t.Op, t.Name, t.Input = workflow.ID{}, 0, workflow.OpCallback, receiver, json.RawMessage(`{"event":"e"}`)
	})
}

// ended makes an execution one that has ended.
func ended(e *workflow.Execution, root *workflow.Task) {
	e.State, e.CompletedAt, e.CallbackURL = workflow.ExecutionCompleted, &e.CreatedAt, "http://r/x"
	root.State, root.DueAt, root.CompletedAt = workflow.TaskCompleted, nil, &e.CreatedAt
}

func sweepLeavesCallback(f *fixture) {
	scheduler := f.join()
	e, root := f.start("f", waiting)
	held, step := newCallback(root, "http://a"), newChild(root, "step")
	held.State, held.DueAt, held.Holder, held.Token = workflow.TaskRunning, nil, scheduler, 3
	f.add(held, step)
	fresh := newCallback(root, "http://b")
	saved := f.commit(workflow.Need{Executions: []workflow.ID{e.ID}}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.NewTasks = []*workflow.Task{fresh}
		c.Sweeps = []workflow.Sweep{{Execution: e.ID}, {Execution: e.ID, Under: root.ID}}
	})
	f.equal("swept leases", len(saved.Swept), 0)
	f.equal("the step", f.task(step.ID).State, workflow.TaskCancelled)
	for _, t := range []*workflow.Task{held, fresh} {
		got := f.task(t.ID)
		f.equal("callback to "+t.Name, []any{got.State, got.Token, got.Holder, got.DueAt}, []any{t.State, t.Token, t.Holder, t.DueAt})
	}
}

func callbackIsNoStep(f *fixture) {
	e, root := f.start("f", waiting)
	call := newCallback(root, "http://a")
	f.add(call)
	f.equal("progress", len(f.overview(e.ID).Progress), 0)
	f.equal("open tasks", idsOf(f.load(workflow.Need{Open: []workflow.ID{e.ID}}).Tasks), set(root.ID))
	f.equal("by id", idsOf(f.load(workflow.Need{Tasks: []workflow.ID{call.ID}}).Tasks), set(call.ID))
	tasks, err := f.store.Tasks(f.ctx, db.TaskFilter{Limit: 10, Execution: e.ID})
	f.ok(err)
	f.equal("listed", idsOf(tasks.Tasks), set(root.ID, call.ID))
}

func callbackLanes(f *fixture) {
	_, root := f.start("f", ended)
	a, b := newCallback(root, "http://a"), newCallback(root, "http://b")
	function := newChild(root, "step", due(root.CreatedAt), func(t *workflow.Task) { t.Name = "http://a" })
	f.add(a, b, newCallback(root, "http://b"), function)
	lanes, err := f.store.Lanes(f.ctx)
	f.ok(err)
	names := map[string]bool{}
	for _, lane := range lanes {
		names[lane.Function] = true
	}
	f.equal("lanes", names, map[string]bool{a.Lane(): true, b.Lane(): true, "http://a": true})
	f.equal("claimed", claimedIDs(f.claim(f.join(), quota(a.Lane(), 10))), []workflow.ID{a.ID})
}

func callbackIsLeased(f *fixture) {
	scheduler := f.join()
	e, root := f.start("f", ended)
	call := newCallback(root, "http://a")
	f.add(call)
	claimed := f.claim(scheduler, quota(call.Lane(), 10))
	f.equal("claimed", claimedIDs(claimed), []workflow.ID{call.ID})
	t, x := claimed[0].Task, claimed[0].Execution
	f.equal("task", []any{t.Op, t.Name, t.State, t.Attempt, t.Token, string(t.Input)},
		[]any{workflow.OpCallback, "http://a", workflow.TaskRunning, 1, int64(1), `{"event":"e"}`})
	f.equal("execution", []any{x.ID, x.State}, []any{e.ID, workflow.ExecutionCompleted})
	f.ok(f.store.Expire(f.ctx, -time.Hour))
	orphans, err := f.store.Orphans(f.ctx, 10)
	f.ok(err)
	f.equal("orphans", orphans, []workflow.Lease{{Execution: e.ID, Task: call.ID, Token: 1}})
}
