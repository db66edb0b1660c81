package workflow

import (
	"maps"
	"slices"
	"time"
)

// DeadLetter is a task that failed for good, kept until it is replayed, discarded
// or expired. Its input and the errors of its attempts stay where they are.
type DeadLetter struct {
	Task      ID
	Execution ID
	Function  string
	Queue     string
	Kind      Kind // KindActivity or KindOrchestrator
	Error     *Error
	Attempts  int // of an activity, those that may have executed; of an orchestrator, its turns
	FailedAt  time.Time
}

// bury makes a dead letter of a delivered task that has just failed. What fails
// while its execution is being cancelled is not wanted any more, and a callback is no
// part of the execution.
func (d *decision) bury(t *Task) {
	if t.Kind.Delivered() && t.Op != OpCallback && !d.executions[t.Execution].CancelRequested {
		d.dead[t.ID], d.deadC[t.ID] = true, true
	}
}

// exhume takes a task's dead letter away, if there is one.
func (d *decision) exhume(t *Task) {
	if t.Kind.Delivered() && t.Op != OpCallback {
		d.dead[t.ID], d.deadC[t.ID] = false, true
	}
}

// deadLetter finds the task of a dead letter.
func (d *decision) deadLetter(execution, task ID) (*Execution, *Task, error) {
	e, err := d.execution(execution)
	if err != nil {
		return nil, nil, err
	}
	t := d.tasks[task]
	if t == nil || t.Execution != execution || !d.dead[task] {
		return nil, nil, ErrNotFound
	}
	d.verdict.Execution, d.verdict.Task = e, t
	return e, t, nil
}

// finishDead turns the marks of dead letters into the change.
func (d *decision) finishDead() {
	for _, id := range slices.SortedFunc(maps.Keys(d.deadC), ID.Compare) {
		if !d.dead[id] {
			d.change.Exhumed = append(d.change.Exhumed, id)
			continue
		}
		t := d.tasks[id]
		letter := DeadLetter{
			Task: id, Execution: t.Execution, Function: t.Name, Queue: t.Queue, Kind: t.Kind, Error: t.Error,
			Attempts: t.Attempt, FailedAt: d.now,
		}
		if t.Kind == KindOrchestrator {
			letter.Attempts = t.Turn
		}
		d.change.DeadLetters = append(d.change.DeadLetters, letter)
	}
}

func (ev Discard) needs(n *Need) {
	n.Executions = append(n.Executions, ev.Execution)
	n.Tasks = append(n.Tasks, ev.Task)
	n.DeadLetters = append(n.DeadLetters, ev.Task)
}

func (ev Discard) apply(d *decision) error {
	_, t, err := d.deadLetter(ev.Execution, ev.Task)
	if err != nil {
		return err
	}
	d.exhume(t)
	return nil
}
