package workflow

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

func (ev Replay) needs(n *Need) {
	n.Executions = append(n.Executions, ev.Execution)
	n.Trees = append(n.Trees, ev.Execution)
	n.DeadLetters = append(n.DeadLetters, ev.Task)
}

// apply makes a task that failed for good pending again, as if its failure had
// never been told: what failed because of it, up to the execution, is open again,
// and what was swept with that comes back. What has completed stays.
func (ev Replay) apply(d *decision) error {
	e, t, err := d.deadLetter(ev.Execution, ev.Task)
	if err != nil {
		return err
	}
	if err := d.replayable(e, t); err != nil {
		return err
	}
	d.renewDeadline(e)
	if e.State.Terminal() {
		d.reopen(e)
	}
	t.LostLeases = 0
	if ev.ResetRetries {
		t.Failures = 0
	}
	r := revival{decision: d}
	r.unsettle(t, ev.Queue)
	for child := t; !child.Root(); child = d.tasks[child.Parent] {
		parent := d.tasks[child.Parent]
		d.untell(parent, child)
		if !parent.State.Settled() {
			r.refresh(parent)
			break
		}
		if parent.State == TaskCancelled {
			r.revive(parent)
			continue
		}
		r.unsettle(parent, "")
	}
	r.goOn()
	return nil
}

// replayable tells why a dead letter cannot be replayed: nobody waits for the task any more.
func (d *decision) replayable(e *Execution, t *Task) error {
	switch {
	case e.State == ExecutionCompleted:
		return &ConflictError{"The execution has completed."}
	case e.State == ExecutionCancelled:
		return &ConflictError{"The execution was cancelled."}
	case e.CancelRequested:
		return &ConflictError{"The execution is being cancelled."}
	}
	for child := t; !child.Root(); {
		parent := d.tasks[child.Parent]
		if parent == nil {
			return ErrNotFound
		}
		what := fmt.Sprintf("The %s %q, which called the task,", parent.Kind, parent.Name)
		switch {
		case parent.Run != child.ParentRun:
			return &ConflictError{what + " has begun a new run since."}
		case parent.State == TaskCompleted:
			return &ConflictError{what + " has completed without it."}
		case parent.State == TaskCancelled && !parent.swept():
			return &ConflictError{what + " was cancelled."}
		case parent.State.Settled() && d.lost(parent):
			return &ConflictError{what + " shares its result with another call, which has made it since, or is at it."}
		}
		child = parent
	}
	return nil
}

// untell takes back that a parent was told of a child that settled; the places of
// those that settled after it move up.
func (d *decision) untell(parent, child *Task) {
	if child.Seq == 0 {
		return
	}
	for _, other := range d.children[parent.ID] {
		if other.ParentRun == child.ParentRun && other.Seq > child.Seq {
			other.Seq--
			d.touch(other)
		}
	}
	child.Seq = 0
	parent.Settled--
	parent.Open++
	d.touch(child)
	d.touch(parent)
}

// revival brings tasks of one execution back.
type revival struct {
	*decision
	waits   []*Task // for signals
	sharers []*Task // whose shared results others have made since, or are at
}

// unsettle opens a task that had failed, and what was swept below it.
func (r *revival) unsettle(t *Task, queue string) {
	r.exhume(t)
	t.Token++
	t.State, t.CompletedAt = TaskWaiting, nil
	r.forget(t, queue)
	if t.Kind == KindMap || r.resume(t, r.now) {
		r.undoTurn(t)
		r.reviveBelow(t)
	}
}

// undoTurn takes out of an orchestrator's history what it commanded in the turn by
// which it failed: that would hold its code to a failure which is forgotten. What the
// turn has effected stays: counters, state, executions that it dispatched; steps that
// it cancelled are open again.
func (r *revival) undoTurn(t *Task) {
	if t.Kind != KindOrchestrator {
		return
	}
	steps := r.stepsOf(t)
	slices.SortFunc(steps, func(a, b *Task) int { return cmp.Compare(b.Seq, a.Seq) })
	last := true // what has settled in that turn has settled last, and what a step cancelled just before it
	for _, step := range steps {
		made := step.ParentTurn == t.Turn
		last = last && (made || step.State == TaskCancelled)
		switch {
		case made && (step.Kind != KindSignal || step.State != TaskCompleted): // a signal is taken once
			r.void(t, step)
		case last && step.Seq > 0 && !made:
			r.untell(t, step)
			r.forget(step, "")
		}
	}
}

// void moves a step to a run of its own that no history shows.
func (r *revival) void(parent, step *Task) {
	r.untell(parent, step)
	parent.Open--
	r.move(step, -parent.Turn)
}

// resume makes a task due that is delivered. It runs for the shared result that it
// ran for before, unless another task has done so since, or is at it: then that
// one's result is to be its own, and what it had begun does not go on.
func (r *revival) resume(t *Task, at time.Time) (goesOn bool) {
	if r.lost(t) {
		t.State = TaskWaiting
		t.startOver()
		r.sharers = append(r.sharers, t)
		return false
	}
	r.ownAgain(t)
	r.makeDue(t, at)
	return true
}

// refresh gives an orchestrator that is open a turn with the history as it is now:
// what it waits for has to be asked for anew, and a turn under way counts no more.
func (r *revival) refresh(t *Task) {
	if t.Kind == KindOrchestrator {
		t.Token++
		r.makeDue(t, r.now)
	}
}

// revive brings a task back that was swept, and all that was swept with it.
func (r *revival) revive(t *Task) {
	t.CompletedAt = nil
	r.touch(t)
	switch t.Kind {
	case KindTimer:
		r.waitAgain(t)
	case KindSignal:
		t.State = TaskWaiting
		r.waits = append(r.waits, t)
	case KindMap:
		t.State = TaskWaiting
		r.reviveBelow(t)
	case KindActivity, KindOrchestrator, KindLocal: // the last settles as soon as it is made
		if t.Op == OpItem && t.Item >= r.tasks[t.Parent].Next {
			t.State = TaskPending
			return
		}
		if r.resume(t, r.later(t)) {
			r.reviveBelow(t)
		}
	}
}

func (r *revival) reviveBelow(t *Task) {
	if t.Kind != KindOrchestrator && t.Kind != KindMap {
		return
	}
	for _, child := range r.stepsOf(t) {
		if child.swept() {
			r.revive(child)
		}
	}
}

// goOn lets waits for signals go on, the oldest first, and those that share results:
// signals and results may have come meanwhile.
func (r *revival) goOn() {
	for _, t := range r.sharers {
		r.shareAgain(t)
	}
	slices.SortFunc(r.waits, oldestFirst)
	for _, t := range r.waits {
		e := r.executions[t.Execution]
		if s := r.takeSignal(e, t, t.Name); s != nil {
			r.settle(t, TaskCompleted, s.Payload, nil)
			continue
		}
		t.WaitingFor = t.Name
		r.waitAgain(t)
		ref := NameRef{t.Execution, t.Name}
		r.waiters[ref] = append(r.waiters[ref], t)
		slices.SortFunc(r.waiters[ref], oldestFirst)
	}
}
