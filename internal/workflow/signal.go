package workflow

import "bytes"

func (ev Send) needs(n *Need) {
	n.Executions = append(n.Executions, ev.Execution)
	n.Waiters = append(n.Waiters, NameRef{ev.Execution, ev.Name})
	if ev.IdempotencyKey != "" {
		n.Sent = append(n.Sent, NameRef{ev.Execution, ev.IdempotencyKey})
	}
}

// apply gives the signal to the wait that has waited longest, or buffers it. The
// wait and the mailbox are looked at under the execution's lock, so a signal that
// comes while a wait begins is never lost between them.
func (ev Send) apply(d *decision) error {
	if earlier := d.sent[NameRef{ev.Execution, ev.IdempotencyKey}]; earlier != nil {
		return ev.replay(d, earlier)
	}
	e, err := d.openExecution(ev.Execution)
	if err != nil {
		return err
	}
	ref := NameRef{ev.Execution, ev.Name}
	wait := d.nextWaiter(ref)
	if wait == nil && e.Buffered >= d.env.Limits.Mailbox {
		return ErrMailboxFull
	}
	e.SignalSeq++
	s := &Signal{
		ID: d.env.NewID(), Execution: e.ID, Name: ev.Name, Seq: e.SignalSeq, Payload: orNull(ev.Payload), ReceivedAt: d.now,
		IdempotencyKey: ev.IdempotencyKey, RequestHash: ev.RequestHash,
	}
	d.fresh[s.ID] = true
	if s.IdempotencyKey != "" {
		d.sent[NameRef{e.ID, s.IdempotencyKey}] = s
	}
	d.change.NewSignals = append(d.change.NewSignals, s)
	d.touchExecution(e)
	d.verdict.Signal = s
	if wait == nil {
		e.Buffered++
		d.mailbox[ref] = append(d.mailbox[ref], s)
		return nil
	}
	s.TakenBy = wait.ID
	d.verdict.Delivered = true
	d.settle(wait, TaskCompleted, s.Payload, nil)
	return nil
}

// replay gives the signal that an earlier request with the same key has sent.
func (ev Send) replay(d *decision, earlier *Signal) error {
	d.verdict.Execution = d.executions[ev.Execution]
	if !bytes.Equal(earlier.RequestHash, ev.RequestHash) {
		return ErrKeyReused
	}
	d.verdict.Signal, d.verdict.Replayed, d.verdict.Delivered = earlier, true, !earlier.TakenBy.IsZero()
	return nil
}

// nextWaiter takes the oldest wait for a signal off its queue.
func (d *decision) nextWaiter(ref NameRef) *Task {
	for waiting := d.waiters[ref]; len(waiting) > 0; waiting = waiting[1:] {
		t := waiting[0]
		d.waiters[ref] = waiting[1:]
		if t.State == TaskWaiting && !d.parentGone(t) {
			return t
		}
	}
	return nil
}

// waitSignal takes the oldest buffered signal of the name, or begins to wait.
func (d *decision) waitSignal(e *Execution, t *Task, c *Command) {
	t.Kind, t.State = KindSignal, TaskWaiting
	if s := d.takeSignal(e, t, c.Name); s != nil {
		d.add(t)
		d.settle(t, TaskCompleted, s.Payload, nil)
		return
	}
	t.WaitingFor = c.Name
	if c.Timeout != nil {
		due := d.now.Add(*c.Timeout)
		t.DueAt, t.ScheduledFor = &due, &due
	}
	d.add(t)
}

// takeSignal gives a wait the oldest buffered signal of a name; nil: there is none.
func (d *decision) takeSignal(e *Execution, t *Task, name string) *Signal {
	ref := NameRef{e.ID, name}
	queue := d.mailbox[ref]
	if len(queue) == 0 {
		return nil
	}
	s := queue[0]
	d.mailbox[ref] = queue[1:]
	s.TakenBy = t.ID
	if !d.fresh[s.ID] {
		d.change.Taken = append(d.change.Taken, s)
	}
	e.Buffered--
	d.touchExecution(e)
	return s
}
