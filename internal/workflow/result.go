package workflow

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"
)

// ResultState is where a shared result stands.
type ResultState string

// The states of a shared result. One that is running while its owner's task is no
// longer open (it failed, or was swept away) belongs to nobody: whoever comes next
// becomes its owner.
const (
	ResultRunning   ResultState = "running"
	ResultCompleted ResultState = "completed"
)

// Result is what the calls with one key share. Its owner is the task that runs, or
// ran, on behalf of all of them.
type Result struct {
	Namespace   string
	Key         ResultKey
	Function    string
	Version     string // of the function that the owner calls
	State       ResultState
	Execution   ID // the owner's
	Task        ID // the owner
	Value       json.RawMessage
	CreatedAt   time.Time // since when the owner owns it
	CompletedAt *time.Time
	ExpiresAt   *time.Time // of a completed one; nil: never
}

// LoadedResult is a result as it was found. Owned says that its owner's task is
// open and owns it; it was looked up with the result locked.
type LoadedResult struct {
	*Result
	Owned bool
}

// ResultUpdate saves a result that was loaded, on the condition that state and
// owner are still those that were loaded.
type ResultUpdate struct {
	*Result
	WasState ResultState
	WasTask  ID
}

// shared is a result that a batch works on.
type shared struct {
	LoadedResult
	wasState ResultState // "": this batch made it
	wasTask  ID
	changed  bool
}

// usable tells whether a result can be taken now. Who has waited for it may take
// it even if it has expired since: it was computed while it was waited for.
func (r *shared) usable(now time.Time, waited bool) bool {
	return r.State == ResultCompleted && (waited || r.ExpiresAt == nil || r.ExpiresAt.After(now))
}

// owned tells whether the owner of a running result is still at it.
func (d *decision) owned(r *shared) bool {
	if t := d.tasks[r.Task]; t != nil {
		return !t.State.Settled() && t.OwnsResult == r.Key && !d.parentGone(t)
	}
	if e := d.executions[r.Execution]; e != nil && e.State.Terminal() {
		return false
	}
	return r.Owned
}

// begin makes a new task that is delivered due at a time, unless the result that it
// shares settles it or makes it wait. What becomes due later, or is paused, is
// decided when it is about to be delivered (Beginning), so that it keeps nobody
// waiting until then.
func (d *decision) begin(t *Task, key ResultKey, at time.Time) {
	if key.IsZero() || at.After(d.now) || d.executions[t.Execution].Paused || d.share(t, key) {
		d.makeDue(t, at)
	}
}

// share decides what a task does about the result that it shares: it takes it when
// it is there, waits for it while another task runs for it, or owns it. runs says
// that it is the one to run.
func (d *decision) share(t *Task, key ResultKey) (runs bool) {
	r := d.results[key]
	waited := t.AwaitsResult == key
	t.AwaitsResult = ResultKey{}
	d.touch(t)
	switch {
	case r != nil && r.usable(d.now, waited):
		d.underWay(t)
		t.CacheHit = true
		d.settle(t, TaskCompleted, r.Value, nil)
	case r != nil && r.State == ResultRunning && r.Task != t.ID && d.owned(r):
		d.underWay(t)
		if d.below(t, r.Task) {
			d.settle(t, TaskFailed, nil, &Error{Type: ErrorDeadlock, Message: "the call shares the result of the run that makes it, so it would wait for itself"})
			return false
		}
		t.State, t.Holder, t.Slot, t.DueAt, t.AwaitsResult = TaskWaiting, ID{}, false, nil, key
	default:
		d.own(t, key, r)
		return true
	}
	return false
}

// below tells whether a task is under another one, as far as its ancestors are loaded.
func (d *decision) below(t *Task, above ID) bool {
	for p := d.tasks[t.Parent]; p != nil; p = d.tasks[p.Parent] {
		if p.ID == above {
			return true
		}
	}
	return false
}

// own makes a task the owner of a result that is absent, has expired or belongs to nobody.
func (d *decision) own(t *Task, key ResultKey, r *shared) {
	if r == nil {
		r = &shared{LoadedResult: LoadedResult{Result: &Result{Namespace: t.Namespace, Key: key}}}
		d.results[key] = r
	}
	version := ""
	if f := d.lookup(t); f != nil {
		version = f.Version
	}
	*r.Result = Result{
		Namespace: r.Namespace, Key: key, Function: t.Name, Version: version, State: ResultRunning,
		Execution: t.Execution, Task: t.ID, CreatedAt: d.now,
	}
	r.changed, r.Owned = true, true
	t.OwnsResult = key
}

// disown ends a task's part in a shared result as it settles: the owner's value
// becomes the result of all, or the result belongs to nobody. The task keeps the key,
// for the case that it is opened again.
func (d *decision) disown(t *Task) {
	key := t.OwnsResult
	if key.IsZero() {
		t.OwnsResult, t.AwaitsResult = t.AwaitsResult, ResultKey{}
		return
	}
	r := d.results[key]
	if t.State != TaskCompleted {
		d.change.Freed = append(d.change.Freed, key)
		return
	}
	if r == nil || r.Task != t.ID {
		return
	}
	r.State, r.Value, r.CompletedAt, r.changed = ResultCompleted, orNull(t.Result), d.stamp, true
	if f := d.lookup(t); f != nil && f.CacheTTL != nil && *f.CacheTTL > 0 {
		expires := d.now.Add(*f.CacheTTL)
		r.ExpiresAt = &expires
	}
}

// lost tells whether another task has made the result that a task ran for, or is at
// it, while this one had ended.
func (d *decision) lost(t *Task) bool {
	r := d.results[t.OwnsResult]
	if t.OwnsResult.IsZero() || r == nil || r.Task == t.ID {
		return false
	}
	return r.usable(d.now, false) || r.State == ResultRunning && d.owned(r)
}

// ownAgain makes a task that is opened again the owner of the result that it ran
// for, which nobody else does. One that is cached may be there already: it is made anew.
func (d *decision) ownAgain(t *Task) {
	if key := t.OwnsResult; !key.IsZero() {
		d.own(t, key, d.results[key])
	}
}

// shareAgain lets a task that is opened again take the result that it ran for, or
// wait for it, as another task has made it, or is at it.
func (d *decision) shareAgain(t *Task) {
	key := t.OwnsResult
	t.OwnsResult = ResultKey{}
	if d.share(t, key) {
		d.makeDue(t, d.now)
	}
}

// startOver makes an orchestrator begin a new run, of the same input, if it begins at all.
func (t *Task) startOver() {
	if t.Kind != KindOrchestrator {
		return
	}
	t.Run++
	t.Attempt, t.Settled, t.Open = 0, 0, 0
}

// saveResults adds the results that the batch made and changed to the change, in
// the order of their keys: whoever inserts several does so in one order.
func (d *decision) saveResults() {
	c := &d.change
	for _, r := range d.results {
		switch {
		case !r.changed:
		case r.wasState == "":
			c.NewResults = append(c.NewResults, r.Result)
		default:
			c.Results = append(c.Results, ResultUpdate{Result: r.Result, WasState: r.wasState, WasTask: r.wasTask})
		}
	}
	slices.SortFunc(c.NewResults, func(a, b *Result) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	slices.SortFunc(c.Results, func(a, b ResultUpdate) int { return bytes.Compare(a.Key[:], b.Key[:]) })
}

func (ev Beginning) needs(n *Need) {
	ev.Lease.needs(n)
	n.Results = append(n.Results, ev.Result)
}

// apply lets the result of a task decide that was made before its function shared
// results, or that became due later than it was made.
func (ev Beginning) apply(d *decision) error {
	_, t, reported, err := d.live(ev.Lease)
	if err != nil {
		return err
	}
	if reported {
		d.verdict.Withheld = true
		return nil
	}
	if !t.Kind.Delivered() || t.Turn > 0 {
		return ErrInvalidOperation
	}
	if t.OwnsResult == ev.Result || d.share(t, ev.Result) {
		return nil
	}
	d.verdict.Withheld = true
	t.Attempt = max(t.Attempt-1, 0) // nothing was delivered
	if t.State == TaskWaiting {
		t.Token++
		t.StartedAt = nil
	}
	return nil
}

func (ev Woken) needs(n *Need) {
	n.Executions = append(n.Executions, ev.Execution)
	n.Tasks = append(n.Tasks, ev.Task)
	n.ResultsOf = append(n.ResultsOf, ev.Task)
}

// apply looks at the result again that a task waits for. Whoever has nothing to
// wait for any more waits no longer; all else changes nothing.
func (ev Woken) apply(d *decision) error {
	e, err := d.execution(ev.Execution)
	if err != nil {
		return err
	}
	t := d.tasks[ev.Task]
	if t == nil || t.Execution != ev.Execution {
		return ErrNotFound
	}
	d.verdict.Execution, d.verdict.Task = e, t
	if t.AwaitsResult.IsZero() || t.State.Settled() || e.State.Terminal() || e.Paused || d.parentGone(t) {
		d.verdict.Replayed = true
		return nil
	}
	if d.share(t, t.AwaitsResult) {
		d.makeDue(t, d.now)
	}
	return nil
}
