package workflow

import "time"

func (ev Succeeded) needs(n *Need) {
	ev.Lease.needs(n)
	if !ev.Unshared {
		n.ResultsOf = append(n.ResultsOf, ev.Lease.Task)
	}
	ev.ContextUpdate.needs(n, ev.Lease.Execution)
}

func (ev Succeeded) apply(d *decision) error {
	_, t, reported, err := d.live(ev.Lease)
	if err != nil || reported {
		return err
	}
	if t.Kind != KindActivity {
		return ErrInvalidOperation
	}
	if t.Op != OpCallback { // whose execution has ended
		d.update(t.Execution, ev.ContextUpdate)
	}
	d.settle(t, TaskCompleted, ev.Value, nil)
	return nil
}

func (ev Failed) needs(n *Need) { ev.Lease.needs(n) }

func (ev Failed) apply(d *decision) error {
	e, t, reported, err := d.live(ev.Lease)
	if err != nil || reported {
		return err
	}
	if t.Kind != KindActivity {
		return ErrInvalidOperation
	}
	d.failAttempt(e, t, ev)
	return nil
}

// failAttempt records a failed attempt and tries again later, or gives up.
func (d *decision) failAttempt(e *Execution, t *Task, ev Failed) {
	t.Failures++
	t.LostLeases = 0
	d.record(t, ev.Error, ev.StatusCode)
	policy := d.policy(t)
	if !ev.Retryable || !policy.Retries(ev.Error.Type, t.Failures) {
		d.settle(t, TaskFailed, nil, &ev.Error)
		return
	}
	if t.Op != OpCallback {
		e.Retries++
		d.touchExecution(e)
	}
	after := max(ev.RetryAfter, policy.Delay(t.Failures, d.env.Random()))
	t.Error = &ev.Error
	d.makeDue(t, d.now.Add(after))
}

// policy is the retry policy in force for a task now.
func (d *decision) policy(t *Task) RetryPolicy {
	if t.Op == OpCallback {
		return callbackRetry
	}
	policy := DefaultRetryPolicy()
	if f := d.lookup(t); f != nil {
		policy = f.Retry
	}
	if t.Options != nil {
		policy = t.Options.Retry.Apply(policy)
	}
	return policy
}

func (d *decision) record(t *Task, failure Error, status int) {
	started := d.now
	if t.StartedAt != nil && t.Kind == KindActivity {
		started = *t.StartedAt
	}
	d.change.Attempts = append(d.change.Attempts, FailedAttempt{
		Execution: t.Execution, Task: t.ID, Number: t.Attempt, StartedAt: started, EndedAt: d.now, StatusCode: status, Error: failure,
	})
}

// Timeouts are how long an attempt may last, and how long an asynchronous one may
// be silent (0: as long as it lasts): the call's own, the function's or the default.
func Timeouts(t *Task, f *Function) (attempt, heartbeat time.Duration) {
	attempt = DefaultTimeout
	if t.Kind == KindOrchestrator {
		attempt = DefaultTurnTimeout
	}
	if f != nil {
		heartbeat = f.HeartbeatTimeout
		if f.Timeout > 0 {
			attempt = f.Timeout
		}
	}
	if t.Options != nil {
		if t.Options.Timeout > 0 {
			attempt = t.Options.Timeout
		}
		if t.Options.HeartbeatTimeout > 0 {
			heartbeat = t.Options.HeartbeatTimeout
		}
	}
	return attempt, heartbeat
}

func (ev Accepted) needs(n *Need) { ev.Lease.needs(n) }

func (ev Accepted) apply(d *decision) error {
	_, t, reported, err := d.live(ev.Lease)
	if err != nil || reported {
		return err
	}
	if t.Kind != KindActivity {
		return ErrInvalidOperation
	}
	t.Holder = ID{}
	d.extend(t)
	return nil
}

// extend puts off the deadline of an asynchronous attempt: by the heartbeat
// timeout, but never beyond the attempt's own.
func (d *decision) extend(t *Task) {
	attempt, heartbeat := Timeouts(t, d.lookup(t))
	due := d.now.Add(attempt)
	if t.StartedAt != nil {
		due = t.StartedAt.Add(attempt)
	}
	if heartbeat > 0 && d.now.Add(heartbeat).Before(due) {
		due = d.now.Add(heartbeat)
	}
	t.DueAt, t.ScheduledFor = &due, &due
	d.touch(t)
}

func (ev Beat) needs(n *Need) { ev.Lease.needs(n) }

func (ev Beat) apply(d *decision) error {
	_, t, reported, err := d.live(ev.Lease)
	if t != nil && t.State == TaskCancelled || d.verdict.Cancel {
		d.verdict.Cancel = true
		return nil
	}
	if err != nil {
		return err
	}
	if reported {
		return ErrLeaseLost
	}
	if !t.Kind.Delivered() {
		return ErrInvalidOperation
	}
	if t.Holder.IsZero() {
		d.extend(t)
	}
	if ev.Details != nil {
		t.Detail = ev.Details
		d.details[t.ID] = true
		d.touch(t)
	}
	return nil
}

func (ev Elapsed) needs(n *Need) { ev.Lease.needs(n) }

func (ev Elapsed) apply(d *decision) error {
	e, t, reported, err := d.live(ev.Lease)
	if err != nil || reported {
		return err
	}
	switch {
	case t.Op == OpDeadline:
		d.closeExecution(e, ExecutionTimedOut, nil, &Error{Type: ErrorTimeout, Message: "the execution took longer than its max_duration"})
		d.sweep(e.ID, ID{})
	case t.Kind == KindTimer:
		d.settle(t, TaskCompleted, null, nil)
	case t.Kind == KindSignal:
		d.settle(t, TaskFailed, nil, &Error{Type: ErrorTimeout, Message: "no signal " + t.WaitingFor + " came in time"})
	default:
		d.failAttempt(e, t, Failed{Retryable: true, Error: Error{
			Type: ErrorTimeout, Message: "the asynchronous attempt neither reported nor sent a heartbeat in time",
		}})
	}
	return nil
}
