package workflow

import (
	"cmp"
	"slices"
	"time"
)

// whole is an event that is decided over all tasks of an execution, whose id tree
// gives. Then nothing of the execution is left to statements of the store: sweeps
// and releases are made here, so that events of one batch see what others did.
type whole interface{ tree() ID }

func (ev Replay) tree() ID  { return ev.Execution }
func (ev Restart) tree() ID { return ev.Execution }

// treesOf gives the executions that events are decided over as a whole.
func treesOf(events []Event) map[ID]bool {
	trees := map[ID]bool{}
	for _, e := range events {
		if w, ok := e.(whole); ok {
			trees[w.tree()] = true
		}
	}
	return trees
}

func oldestFirst(a, b *Task) int { return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), a.ID.Compare(b.ID)) }

// stepsOf gives the children of a task's current run, in the order in which they
// were made. The execution must be loaded as a whole.
func (d *decision) stepsOf(t *Task) []*Task {
	var steps []*Task
	for _, child := range d.children[t.ID] {
		if child.ParentRun == t.Run {
			steps = append(steps, child)
		}
	}
	slices.SortFunc(steps, oldestFirst)
	return steps
}

// sweepTree is Sweep, over tasks that are loaded.
func (d *decision) sweepTree(execution, under ID) {
	if under.IsZero() {
		for _, t := range d.tasks {
			if t.Execution == execution && t.Op != OpCallback {
				d.sweepTask(t)
			}
		}
		return
	}
	for _, child := range d.children[under] {
		d.sweepTask(child)
		d.sweepTree(execution, child.ID)
	}
}

func (d *decision) sweepTask(t *Task) {
	if t.State.Settled() {
		return
	}
	t.State, t.CompletedAt, t.DueAt, t.Holder = TaskCancelled, d.stamp, nil, ID{}
	t.WaitingFor, t.Await, t.Slot = "", nil, false
	t.Token++
	d.disown(t)
	d.touch(t)
}

// swept tells whether a task was cancelled by a sweep: its parent was never told.
func (t *Task) swept() bool { return t.State == TaskCancelled && t.Seq == 0 }

// releaseLoaded makes the next item of a map due.
func (d *decision) releaseLoaded(m *Task) {
	for _, item := range d.children[m.ID] {
		if item.Item == m.Next {
			d.makeDue(item, d.now)
		}
	}
}

// renewDeadline lets a max_duration that has passed no longer hold, and one that
// has not hold again.
func (d *decision) renewDeadline(e *Execution) {
	if e.DeadlineAt == nil {
		return
	}
	holds := e.DeadlineAt.After(d.now)
	if !holds {
		e.DeadlineAt = nil
		d.touchExecution(e)
	}
	for _, t := range d.children[ID{}] {
		switch {
		case t.Execution != e.ID || t.Op != OpDeadline:
		case holds && t.swept():
			d.waitAgain(t)
		case !holds:
			d.sweepTask(t)
		}
	}
}

// waitAgain lets a timer or a wait that was swept go on to its old end.
func (d *decision) waitAgain(t *Task) {
	t.State, t.CompletedAt, t.DueAt = TaskWaiting, nil, t.ScheduledFor
	d.touch(t)
}

// reopen lets an execution go on that has ended, or may end by what was commanded
// before. Nobody is told any more of an end that is none, if nobody has been yet.
func (d *decision) reopen(e *Execution) {
	e.State, e.Result, e.Error, e.CompletedAt = ExecutionRunning, nil, nil, nil
	if e.StartedAt == nil {
		e.State = ExecutionPending
	}
	d.touchExecution(e)
	for _, t := range d.children[ID{}] {
		if t.Execution == e.ID && t.Op == OpCallback {
			d.sweepTask(t)
		}
	}
}

// later is the moment at which a task that was swept is due: now, unless it had
// not begun because of a delay that still runs.
func (d *decision) later(t *Task) time.Time {
	if t.Attempt == 0 && t.Turn == 0 && t.ScheduledFor != nil && t.ScheduledFor.After(d.now) {
		return *t.ScheduledFor
	}
	return d.now
}

// forget takes back how a task had ended, and gives it another queue unless that is "".
func (d *decision) forget(t *Task, queue string) {
	t.Result, t.Error = nil, nil
	d.touch(t)
	if queue != "" {
		t.Queue = queue
	}
	if d.fresh[t.ID] {
		return
	}
	at := slices.IndexFunc(d.change.Reopened, func(r Reopened) bool { return r.Task == t.ID })
	if at < 0 {
		at = len(d.change.Reopened)
		d.change.Reopened = append(d.change.Reopened, Reopened{Execution: t.Execution, Task: t.ID})
	}
	if queue != "" {
		d.change.Reopened[at].Queue = queue
	}
}
