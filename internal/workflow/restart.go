package workflow

import (
	"cmp"
	"encoding/json"
	"slices"
)

func (ev Restart) needs(n *Need) {
	n.Executions = append(n.Executions, ev.Execution)
	n.Trees = append(n.Trees, ev.Execution)
}

// apply runs an execution again: its orchestrator in a new run, whose history has
// what had settled of the steps before FromStep, or nothing. Signals, counters and
// custom state stay as they are. If it made the result that it shares with others, it
// makes it anew; if another task has, or is at it, the execution takes that one.
func (ev Restart) apply(d *decision) error {
	e, err := d.execution(ev.Execution)
	if err != nil {
		return err
	}
	root := d.tasks[e.RootTask]
	if root == nil {
		return ErrNotFound
	}
	d.verdict.Execution = e
	var kept []*Task
	if ev.FromStep != nil {
		if kept, err = d.settledBefore(root, *ev.FromStep); err != nil {
			return err
		}
	}
	for _, t := range d.tasks {
		if t.Execution == e.ID && t.State == TaskFailed {
			d.exhume(t)
		}
	}
	d.sweep(e.ID, root.ID)
	d.renewDeadline(e)
	d.reopen(e)
	e.CancelRequested, e.Paused = false, false
	d.restart(root, ev.FromStep == nil)
	if d.lost(root) {
		d.shareAgain(root)
		return nil
	}
	d.ownAgain(root)
	d.keep(root, kept)
	d.makeDue(root, d.now)
	return nil
}

// restart takes back what a root task had come to.
func (d *decision) restart(root *Task, fromTheBeginning bool) {
	root.Token++
	root.Failures, root.LostLeases, root.CancelRequested = 0, 0, false
	root.State, root.Holder, root.DueAt, root.Slot, root.Await = TaskWaiting, ID{}, nil, false, nil
	root.CompletedAt, root.CacheHit = nil, false
	if !root.AwaitsResult.IsZero() {
		root.OwnsResult, root.AwaitsResult = root.AwaitsResult, ResultKey{}
	}
	d.forget(root, "")
	if root.Kind != KindOrchestrator {
		return
	}
	root.Run++
	root.Attempt, root.Settled, root.Open = 0, 0, 0
	if fromTheBeginning {
		d.setInput(root, nil) // the execution's own
	}
}

// settledBefore gives the steps of an orchestrator's run that were made before the
// one with this key and have settled.
func (d *decision) settledBefore(root *Task, key string) ([]*Task, error) {
	steps := d.stepsOf(root)
	at := slices.IndexFunc(steps, func(t *Task) bool { return t.Key == key })
	if at < 0 {
		return nil, ErrNoSuchStep
	}
	return slices.DeleteFunc(steps[:at], func(t *Task) bool { return t.Seq == 0 }), nil
}

// keep moves steps into an orchestrator's new run, with all that is beneath them. They
// settled in the order of the old places, which had gaps where other steps are left out.
func (d *decision) keep(root *Task, steps []*Task) {
	slices.SortFunc(steps, func(a, b *Task) int { return cmp.Compare(a.Seq, b.Seq) })
	for _, t := range steps {
		d.move(t, root.Run)
		root.Settled++
		t.Seq = root.Settled
		d.touch(t)
	}
}

// setInput replaces a task's input; nil takes it back to the execution's.
func (d *decision) setInput(t *Task, input json.RawMessage) {
	d.change.Inputs = slices.DeleteFunc(d.change.Inputs, func(in TaskInput) bool { return in.Task == t.ID })
	d.change.Inputs = append(d.change.Inputs, TaskInput{Execution: t.Execution, Task: t.ID, Input: input})
}
