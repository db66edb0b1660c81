package workflow

import "time"

// live finds the attempt that a lease names. It gives ErrLeaseLost when a newer
// attempt holds the task or the execution has ended, unless the task is the
// callback that tells of that. reported says that the attempt is right but was
// reported before, so there is nothing left to do.
func (d *decision) live(l Lease) (e *Execution, t *Task, reported bool, err error) {
	e, err = d.execution(l.Execution)
	if err != nil {
		return nil, nil, false, err
	}
	t = d.tasks[l.Task]
	if t == nil || t.Execution != l.Execution {
		return nil, nil, false, ErrNotFound
	}
	d.verdict.Execution, d.verdict.Task = e, t
	if t.State == TaskCancelled {
		d.verdict.Cancel = true
	}
	if t.Token != l.Token {
		return nil, nil, false, ErrLeaseLost
	}
	if t.State.Settled() || t.State == TaskPending || (t.Kind == KindOrchestrator && t.State == TaskWaiting) {
		d.verdict.Replayed = true
		return e, t, true, nil
	}
	if t.Op == OpCallback {
		return e, t, false, nil
	}
	if e.State.Terminal() || d.parentGone(t) {
		d.verdict.Cancel = true
		return nil, nil, false, ErrLeaseLost
	}
	if e.State == ExecutionPending {
		e.State, e.StartedAt = ExecutionRunning, t.StartedAt
		d.touchExecution(e)
	}
	return e, t, false, nil
}

// parentGone tells whether a settled parent has swept the task away in this batch.
func (d *decision) parentGone(t *Task) bool {
	for p := d.tasks[t.Parent]; p != nil; t, p = p, d.tasks[p.Parent] {
		if p.State.Settled() || (p.Kind == KindOrchestrator && t.ParentRun != p.Run) {
			return true
		}
	}
	return false
}

// makeDue makes a task that is delivered due at a time, and hands it over at once
// when that time has come and somebody has room for it.
func (d *decision) makeDue(t *Task, at time.Time) {
	d.release(t, at)
	if !at.After(d.now) {
		d.handOver(t)
	}
}

// release makes a task that is delivered due without handing it to anybody.
func (d *decision) release(t *Task, at time.Time) {
	t.State, t.Holder, t.Slot = TaskPending, ID{}, false
	t.DueAt, t.ScheduledFor = &at, &at
	t.Await = nil
	d.touch(t)
}

// handOver leases a due task to the scheduler of the terms if it wants it.
func (d *decision) handOver(t *Task) {
	terms := d.env.Terms
	e := d.executions[t.Execution]
	if terms == nil || d.room <= 0 || e.Paused {
		return
	}
	fresh := d.fresh[t.ID]
	if t.Kind != KindOrchestrator && !fresh {
		return // its input was not loaded
	}
	f := d.lookup(t)
	if f == nil || f.Limited() || !terms.Serves(t.Queue, f) || t.Undecided(f) {
		return // a claim counts what is limited
	}
	d.room--
	if t.Attempt == 0 && t.Turn == 0 {
		t.Kind = f.Kind
	}
	t.State, t.DueAt, t.Holder = TaskRunning, nil, terms.Scheduler
	t.Token++
	t.Attempt++
	if t.Kind == KindActivity || t.StartedAt == nil {
		t.StartedAt = d.stamp
	}
	d.underWay(t)
	d.change.Handed = append(d.change.Handed, Handed{Task: t, Execution: e, Fresh: fresh})
}

// underWay begins the execution whose root task the task is.
func (d *decision) underWay(t *Task) {
	if e := d.executions[t.Execution]; t.Root() && e.State == ExecutionPending {
		e.State, e.StartedAt = ExecutionRunning, d.stamp
		d.touchExecution(e)
	}
}

func (ev Released) needs(n *Need) { ev.Lease.needs(n) }

func (ev Released) apply(d *decision) error {
	_, t, reported, err := d.live(ev.Lease)
	if err != nil || reported {
		return err
	}
	if t.elapsing() {
		d.redue(t)
		return nil
	}
	t.Attempt = max(t.Attempt-1, 0)
	d.release(t, d.now.Add(ev.After))
	return nil
}

// elapsing tells whether the lease on a task was taken because its time was up,
// not to deliver it: an asynchronous attempt has its deadline after its start.
func (t *Task) elapsing() bool {
	if t.Kind == KindActivity {
		return t.StartedAt != nil && t.ScheduledFor != nil && t.ScheduledFor.After(*t.StartedAt)
	}
	return !t.Kind.Delivered()
}

// redue gives back a lease on a task whose time had come.
func (d *decision) redue(t *Task) {
	t.Holder, t.DueAt = ID{}, d.stamp
	d.touch(t)
}

func (ev Orphaned) needs(n *Need) { ev.Lease.needs(n) }

func (ev Orphaned) apply(d *decision) error {
	_, t, reported, err := d.live(ev.Lease)
	if err != nil || reported {
		return err
	}
	if t.Holder.IsZero() {
		return ErrLeaseLost // an asynchronous attempt by now
	}
	t.Token++
	if t.elapsing() {
		d.redue(t)
		return nil
	}
	t.LostLeases++
	d.record(t, Error{Type: ErrorLeaseLost, Message: "the scheduler that delivered it went away before it was done"}, 0)
	switch {
	case t.LostLeases < d.env.Limits.LostLease:
		d.makeDue(t, d.now)
	case t.Kind == KindOrchestrator:
		d.release(t, d.now.Add(d.env.Limits.BlockedIn))
	default:
		d.settle(t, TaskFailed, nil, &Error{
			Type:    ErrorLeaseLost,
			Message: "every scheduler that delivered the task went away before it was done; the task may be what stops them",
		})
	}
	return nil
}

func (l Lease) needs(n *Need) {
	n.Executions = append(n.Executions, l.Execution)
	n.Tasks = append(n.Tasks, l.Task)
}
