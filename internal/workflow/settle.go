package workflow

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// settle ends a task and tells its parent, which may end or become due by it.
func (d *decision) settle(t *Task, state TaskState, result json.RawMessage, failure *Error) {
	t.State, t.Result, t.Error = state, result, failure
	t.CompletedAt, t.DueAt, t.Holder = d.stamp, nil, ID{}
	t.WaitingFor, t.Await, t.Slot = "", nil, false
	d.disown(t)
	d.touch(t)
	if state == TaskFailed {
		d.bury(t)
	}
	if t.Kind == KindOrchestrator && t.Open > 0 && !t.Root() {
		d.sweep(t.Execution, t.ID)
	}
	if t.Root() {
		d.endExecution(t)
		return
	}
	parent := d.tasks[t.Parent]
	switch {
	case parent == nil || parent.State.Settled():
	case parent.Kind == KindMap:
		d.itemSettled(parent, t)
	default:
		d.stepSettled(parent, t)
	}
}

// cancel ends a task that has not settled. Its token grows, so that an attempt in flight counts no more.
func (d *decision) cancel(t *Task, reason string) {
	t.Token++
	if t.Kind == KindMap {
		d.sweep(t.Execution, t.ID)
	}
	d.settle(t, TaskCancelled, nil, &Error{Type: ErrorCancelled, Message: reason})
}

func (d *decision) sweep(execution, under ID) {
	if d.trees[execution] {
		d.sweepTree(execution, under)
		return
	}
	d.change.Sweeps = append(d.change.Sweeps, Sweep{Execution: execution, Under: under})
}

// stepSettled gives a step its place in the order of settling and tells the await of its orchestrator.
func (d *decision) stepSettled(parent, t *Task) {
	if t.ParentRun != parent.Run {
		return
	}
	parent.Open--
	parent.Settled++
	t.Seq = parent.Settled
	d.touch(parent)
	if len(t.AwaitedBy) == 0 || t.AwaitedBy[0] != parent.Turn || parent.State != TaskWaiting {
		return
	}
	if settleAwait(parent.Await, t.AwaitedBy[1:], t.State == TaskCompleted) {
		d.makeDue(parent, d.now)
	}
}

// itemSettled counts an item of a map, which ends with the last one or, unless
// it collects failures, with the first that did not complete.
func (d *decision) itemSettled(m, item *Task) {
	m.Open--
	m.Settled++
	item.Seq = m.Settled
	d.touch(m)
	collect := m.Options != nil && m.Options.Collect
	switch {
	case item.State != TaskCompleted && !collect:
		d.sweep(m.Execution, m.ID)
		d.settle(m, TaskFailed, nil, itemError(item))
	case m.Open == 0:
		d.change.Gathers = append(d.change.Gathers, Gather{Execution: m.Execution, Map: m.ID, Collect: collect})
		d.settle(m, TaskCompleted, nil, nil)
	case m.Next < m.Items && m.Next-int(m.Settled) < m.Options.MaxInFlight: // a replayed item may be one too many
		d.releaseItem(m)
	}
}

func itemError(item *Task) *Error {
	details, _ := json.Marshal(struct { // strings and raw JSON that was checked: cannot fail
		Index int    `json:"index"`
		Error *Error `json:"error"`
	}{item.Item, item.Error})
	message := "it was cancelled"
	if item.Error != nil {
		message = item.Error.Message
	}
	return &Error{Type: ErrorMapItem, Message: fmt.Sprintf("item %d of the map: %s", item.Item, message), Details: details}
}

// releaseItem makes the next item of a map due, now that another one settled.
func (d *decision) releaseItem(m *Task) {
	if d.making == m.ID {
		m.Next++ // it is made with this turn, and due then
		return
	}
	if d.trees[m.Execution] {
		d.releaseLoaded(m)
	} else if n := len(d.change.Releases); n > 0 && d.change.Releases[n-1].Map == m.ID {
		d.change.Releases[n-1].To++
	} else {
		d.change.Releases = append(d.change.Releases, Release{Execution: m.Execution, Map: m.ID, From: m.Next, To: m.Next + 1})
	}
	m.Next++
}

// GatherItems writes the list of a map's results in the order of its items; with
// collect, each as {"status", "value"} or {"status", "error"}.
func GatherItems(items []Item, collect bool) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('[')
	for i, item := range items {
		if i > 0 {
			b.WriteByte(',')
		}
		value := item.Result
		if value == nil {
			value = json.RawMessage("null")
		}
		switch {
		case !collect:
			b.Write(value)
		case item.State == TaskCompleted:
			b.WriteString(`{"status":"completed","value":`)
			b.Write(value)
			b.WriteByte('}')
		default:
			failure, _ := json.Marshal(item.Error) // strings and raw JSON that was checked: cannot fail
			fmt.Fprintf(&b, `{"status":%q,"error":%s}`, item.State, failure)
		}
	}
	b.WriteByte(']')
	return b.Bytes()
}

// endExecution ends an execution with its root task.
func (d *decision) endExecution(root *Task) {
	e := d.executions[root.Execution]
	state := ExecutionFailed
	switch {
	case root.State == TaskCancelled, e.CancelRequested:
		state = ExecutionCancelled
	case root.State == TaskCompleted:
		state = ExecutionCompleted
	}
	d.closeExecution(e, state, root.Result, root.Error)
	if root.Open > 0 || e.DeadlineAt != nil {
		d.sweep(e.ID, ID{})
	}
}

// closeExecution ends an execution. It is not paused any more: nothing is to be kept
// back of it but what tells of its end.
func (d *decision) closeExecution(e *Execution, state ExecutionState, result json.RawMessage, failure *Error) {
	e.State, e.Result, e.Error, e.CompletedAt = state, result, failure, d.stamp
	e.Paused = false
	d.touchExecution(e)
	d.callback(e)
}
