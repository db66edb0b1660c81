package workflow

import "slices"

func (ev Cancel) needs(n *Need) {
	n.Executions = append(n.Executions, ev.Execution)
	n.Open = append(n.Open, ev.Execution)
}

// apply ends an execution. Gracefully, every step that is open is cancelled and
// every orchestrator in the tree gets a turn that says so, to compensate; with
// force, or when no orchestrator has begun, all of it ends at once.
func (ev Cancel) apply(d *decision) error {
	e, err := d.openExecution(ev.Execution)
	if err != nil {
		return err
	}
	if e.CancelRequested && !ev.Force {
		return nil // asked before: what is open now is compensation
	}
	open := d.openTasks(e)
	root := d.tasks[e.RootTask]
	begun := root != nil && root.compensates()
	if ev.Force || !begun {
		d.closeExecution(e, ExecutionCancelled, nil, &Error{Type: ErrorCancelled, Message: "the execution was cancelled"})
		d.sweep(e.ID, ID{})
		return nil
	}
	e.CancelRequested = true
	e.State = e.open()
	d.touchExecution(e)
	for _, t := range open {
		switch {
		case t.compensates():
			t.CancelRequested = true
			d.touch(t)
		case t.Op != OpDeadline && !t.State.Settled():
			d.cancel(t, "the execution was cancelled")
		}
	}
	for _, t := range open {
		if t.CancelRequested && (t.State == TaskWaiting || t.State == TaskPending) {
			d.makeDue(t, d.now)
		}
	}
	return nil
}

// compensates tells whether a task is an orchestrator that has begun, so that a
// cancellation lets it compensate. One that waits for another's result has not.
func (t *Task) compensates() bool {
	return t.Kind == KindOrchestrator && t.Turn+t.Attempt > 0 && t.AwaitsResult.IsZero()
}

// openTasks gives the loaded tasks of an execution that have not settled, oldest
// first, without items of maps and callbacks.
func (d *decision) openTasks(e *Execution) []*Task {
	var open []*Task
	for _, t := range d.tasks {
		if t.Execution == e.ID && !t.State.Settled() && t.Op != OpItem && t.Op != OpCallback {
			open = append(open, t)
		}
	}
	slices.SortFunc(open, oldestFirst)
	return open
}
