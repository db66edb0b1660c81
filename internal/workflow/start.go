package workflow

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"time"
)

var null = json.RawMessage("null")

func (ev Start) needs(n *Need) {
	if key := ev.Execution.IdempotencyKey; key != "" {
		n.Keys = append(n.Keys, key)
	}
	if !ev.Result.IsZero() {
		n.Results = append(n.Results, ev.Result)
	}
	if ev.Again {
		n.Executions = append(n.Executions, ev.Execution.ID)
	}
}

func (ev Start) apply(d *decision) error {
	if key := ev.Execution.IdempotencyKey; key != "" {
		if earlier := d.byKey[key]; earlier != nil {
			d.verdict.Execution = earlier
			if !bytes.Equal(earlier.RequestHash, ev.Execution.RequestHash) {
				return ErrKeyReused
			}
			d.verdict.Replayed = true
			return nil
		}
	}
	if stored := d.executions[ev.Execution.ID]; ev.Again && stored != nil {
		d.verdict.Execution = stored
		return nil
	}
	e := *ev.Execution // a batch that is tried again starts from the same event
	at := d.now.Add(ev.Delay)
	if ev.StartAt != nil && ev.StartAt.After(d.now) {
		at = *ev.StartAt
	}
	d.start(&e, opening{function: ev.Function, at: at, duration: ev.Duration, result: ev.Result})
	d.verdict.Execution = &e
	return nil
}

// opening is how an execution begins.
type opening struct {
	function *Function // nil: nobody registered it yet
	at       time.Time
	duration time.Duration // of the whole execution; 0: without bound
	result   ResultKey     // that its root task shares; zero: none
	key      string        // that the call brought; "": none
}

// start makes an execution and its root task, due at a time; with a duration, also the timer that ends it.
func (d *decision) start(e *Execution, o opening) {
	f := o.function
	if e.ID.IsZero() {
		e.ID = d.env.NewID()
	}
	if e.Seed == "" {
		seed := d.env.NewID()
		e.Seed = hex.EncodeToString(seed[:])
	}
	root := &Task{
		Namespace: e.Namespace, ID: d.env.NewID(), Execution: e.ID, Key: "root", Op: OpStart, Name: e.Function,
		Queue: e.Queue, Priority: e.Priority, Kind: KindActivity,
	}
	if o.key != "" {
		root.Options = &CallOptions{IdempotencyKey: o.key}
	}
	if f != nil {
		root.Kind, e.Version = f.Kind, f.Version
		if root.Queue == "" {
			root.Queue = f.Queue
		}
		if f.Kind == KindOrchestrator {
			root.Version = &e.Version
		}
		if root.Priority == 0 {
			root.Priority = f.Priority
		}
	}
	if root.Queue == "" {
		root.Queue = DefaultQueue
	}
	e.Queue, e.Priority = root.Queue, root.Priority
	e.State, e.CreatedAt, e.RootTask = ExecutionPending, d.now, root.ID
	root.CreatedAt = d.now
	d.fresh[e.ID] = true
	d.executions[e.ID] = e
	if e.IdempotencyKey != "" {
		d.byKey[e.IdempotencyKey] = e
	}
	d.change.NewExecutions = append(d.change.NewExecutions, e)
	d.add(root)
	if o.duration > 0 {
		deadline := o.at.Add(o.duration)
		e.DeadlineAt = &deadline
		d.add(&Task{
			Namespace: e.Namespace, ID: d.env.NewID(), Execution: e.ID, Key: "deadline", Op: OpDeadline, Kind: KindTimer,
			CreatedAt: d.now, State: TaskWaiting, DueAt: &deadline, ScheduledFor: &deadline,
		})
	}
	d.begin(root, o.result, o.at)
}
