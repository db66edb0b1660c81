package workflow

import (
	"encoding/json"
	"strconv"
	"time"
)

// command makes the step that a command asks for.
func (d *decision) command(e *Execution, parent *Task, c *Command) {
	t := &Task{
		Namespace: e.Namespace, ID: d.env.NewID(), Execution: e.ID, Parent: parent.ID, ParentRun: parent.Run, ParentTurn: parent.Turn,
		Key: c.Key, Op: c.Op, Name: c.Name, CreatedAt: d.now, Kind: KindLocal, State: TaskPending,
	}
	parent.Open++
	switch c.Op {
	case OpCall:
		t.Input, t.Options = c.Input, c.Options
		d.address(e, t)
		d.add(t)
		d.begin(t, c.result(0), d.now.Add(t.delay()))
	case OpMap:
		d.mapStep(e, t, c)
	case OpSleep:
		due := d.now.Add(c.Duration)
		t.Kind, t.State, t.DueAt, t.ScheduledFor = KindTimer, TaskWaiting, &due, &due
		d.add(t)
	case OpWaitSignal:
		d.waitSignal(e, t, c)
	case OpCancel:
		d.add(t)
		for _, key := range c.Targets {
			d.cancelStep(parent, key, "the orchestrator cancelled it")
		}
		d.settle(t, TaskCompleted, null, nil)
	case OpDispatch:
		d.dispatch(e, t, c)
	case OpCounter:
		d.add(t)
		d.settle(t, TaskCompleted, json.RawMessage(strconv.FormatInt(d.count(e.ID, c.Name, c.Add), 10)), nil)
	case OpState:
		d.add(t)
		d.setState(e.ID, c.Name, c.Value)
		d.settle(t, TaskCompleted, null, nil)
	case OpLocal, OpVersion, OpStart, OpItem, OpDeadline, OpCallback: // the last four are refused before
		d.add(t)
		if c.Error != nil {
			d.settle(t, TaskFailed, nil, c.Error)
			return
		}
		d.settle(t, TaskCompleted, orNull(c.Value), nil)
	}
}

func orNull(v json.RawMessage) json.RawMessage {
	if v == nil {
		return null
	}
	return v
}

// address says where and how a task that is delivered goes: by its options, its
// execution, its function. A function that nobody registered yet is taken for an
// activity until somebody does.
func (d *decision) address(e *Execution, t *Task) {
	t.Kind, t.Queue, t.Priority = KindActivity, DefaultQueue, e.Priority
	if f := d.env.Functions.Lookup(t.Name, nil); f != nil {
		t.Kind, t.Queue = f.Kind, f.Queue
		if f.Kind == KindOrchestrator {
			t.Version = &f.Version
		}
		if t.Priority == 0 {
			t.Priority = f.Priority
		}
	}
	if o := t.Options; o != nil {
		if o.Queue != "" {
			t.Queue = o.Queue
		}
		if o.Priority != nil {
			t.Priority = *o.Priority
		}
	}
}

// mapStep makes a map and its items; the first MaxInFlight of them are due, or all.
func (d *decision) mapStep(e *Execution, m *Task, c *Command) {
	m.Kind, m.State, m.Options = KindMap, TaskWaiting, c.Options
	m.Items, m.Open = len(c.Inputs), len(c.Inputs)
	d.add(m)
	if m.Items == 0 {
		d.settle(m, TaskCompleted, json.RawMessage("[]"), nil)
		return
	}
	m.Next = m.Items
	if c.Options != nil && c.Options.MaxInFlight > 0 {
		m.Next = min(c.Options.MaxInFlight, m.Items)
	}
	address := Task{Name: c.Name, Options: c.Options}
	d.address(e, &address)
	at := d.now.Add(address.delay())
	d.making = m.ID
	for i, input := range c.Inputs {
		item := &Task{
			Namespace: e.Namespace, ID: d.env.NewID(), Execution: e.ID, Parent: m.ID, Key: strconv.Itoa(i), Item: i,
			Op: OpItem, Name: c.Name, Version: address.Version, Queue: address.Queue, Priority: address.Priority,
			Input: input, Options: c.Options, CreatedAt: d.now, Kind: address.Kind, State: TaskPending,
		}
		d.add(item)
		if i < m.Next {
			d.begin(item, c.result(i), at)
		}
	}
	d.making = ID{}
}

func (t *Task) delay() (delay time.Duration) {
	if t.Options != nil {
		delay = t.Options.Delay
	}
	return delay
}

// dispatch starts an execution of its own; the step holds its id.
func (d *decision) dispatch(e *Execution, t *Task, c *Command) {
	d.add(t)
	child := &Execution{
		Namespace: e.Namespace, ID: d.env.NewID(), Function: c.Name, Input: orNull(c.Input), DispatchedBy: t.ID, TraceParent: e.TraceParent,
	}
	options := CallOptions{}
	if c.Options != nil {
		options = *c.Options
	}
	child.Queue, child.Tags = options.Queue, options.Tags
	if options.Priority != nil {
		child.Priority = *options.Priority
	}
	d.start(child, opening{
		function: d.env.Functions.Lookup(c.Name, nil), at: d.now.Add(options.Delay), duration: options.MaxDuration,
		result: c.result(0), key: options.IdempotencyKey,
	})
	d.settle(t, TaskCompleted, json.RawMessage(`{"execution_id":"`+child.ID.String()+`"}`), nil)
}

// cancelStep cancels a step of an orchestrator if it has not settled.
func (d *decision) cancelStep(parent *Task, key, reason string) {
	t := d.steps[StepRef{parent.ID, parent.Run, key}]
	if t == nil || t.State.Settled() {
		return
	}
	d.cancel(t, reason)
}

func (d *decision) count(execution ID, name string, add int64) int64 {
	ref := NameRef{execution, name}
	d.counters[ref] = addSaturating(d.counters[ref], add)
	d.countersC[ref] = true
	d.contexts[execution] = true
	return d.counters[ref]
}

func (d *decision) setState(execution ID, key string, value json.RawMessage) {
	d.contexts[execution] = true
	d.change.State = append(d.change.State, StateEntry{Execution: execution, Key: key, Value: orNull(value)})
}

func (ev Count) needs(n *Need) {
	n.Executions = append(n.Executions, ev.Execution)
	n.Counters = append(n.Counters, NameRef{ev.Execution, ev.Name})
}

func (ev Count) apply(d *decision) error {
	if _, err := d.openExecution(ev.Execution); err != nil {
		return err
	}
	d.verdict.Value = d.count(ev.Execution, ev.Name, ev.Add)
	return nil
}

func (ev SetState) needs(n *Need) { n.Executions = append(n.Executions, ev.Execution) }

func (ev SetState) apply(d *decision) error {
	if _, err := d.openExecution(ev.Execution); err != nil {
		return err
	}
	d.setState(ev.Execution, ev.Key, ev.Value)
	return nil
}
