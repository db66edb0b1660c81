package workflow

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
)

func (ev TurnAnswered) needs(n *Need) {
	ev.Lease.needs(n)
	ref := func(key string) StepRef { return StepRef{ev.Lease.Task, ev.Run, key} }
	if !ev.Unshared && ev.Outcome != nil && ev.Outcome.Completed != nil {
		n.ResultsOf = append(n.ResultsOf, ev.Lease.Task)
	}
	if ev.WasBlocked {
		n.Open = append(n.Open, ev.Lease.Execution)
	}
	for _, c := range ev.Commands {
		n.Results = append(n.Results, c.Results...)
		n.Steps = append(n.Steps, ref(c.Key))
		switch c.Op {
		case OpCancel:
			for _, key := range c.Targets {
				n.Steps = append(n.Steps, ref(key))
			}
		case OpWaitSignal:
			n.Mailbox = append(n.Mailbox, NameRef{ev.Lease.Execution, c.Name})
		case OpCounter:
			n.Counters = append(n.Counters, NameRef{ev.Lease.Execution, c.Name})
		}
	}
	if ev.Await != nil {
		ev.Await.eachKey(func(key string) { n.Steps = append(n.Steps, ref(key)) })
	}
}

func (a *Await) eachKey(visit func(key string)) {
	if a.Key != "" {
		visit(a.Key)
	}
	for i := range a.Of {
		a.Of[i].eachKey(visit)
	}
}

// apply stores all that the turn commands, or nothing of it.
func (ev TurnAnswered) apply(d *decision) error {
	e, t, reported, err := d.live(ev.Lease)
	if err != nil || reported {
		return err
	}
	if t.Kind != KindOrchestrator {
		return ErrInvalidOperation
	}
	if ev.Run != t.Run {
		return ErrLeaseLost
	}
	nodes, leaves, err := ev.check(d, t)
	if err != nil {
		d.badTurn(e, t, err)
		return nil
	}
	failing := t.Failures > 0
	t.Turn++
	t.Attempt, t.Failures, t.LostLeases = 0, 0, 0
	t.State, t.Holder, t.Slot, t.Error = TaskWaiting, ID{}, false, nil
	d.touch(t)
	defer func() { d.unblock(e, ev.WasBlocked || failing) }()
	for i := range ev.Commands {
		if d.steps[StepRef{t.ID, t.Run, ev.Commands[i].Key}] == nil {
			d.command(e, t, &ev.Commands[i])
		}
	}
	if ev.Outcome != nil {
		d.outcome(t, ev.Outcome)
		return nil
	}
	decided := d.await(t, nodes, leaves)
	if t.CancelRequested && ev.cancelUnaware(d, t) {
		decided = true
	}
	if decided && t.State == TaskWaiting {
		d.makeDue(t, d.now)
	}
	return nil
}

// cancelUnaware cancels what was commanded before the orchestrator could know of the
// cancellation, which is not compensation: all of the turn's, or what the answer
// names. It tells whether another turn is to say so.
func (ev TurnAnswered) cancelUnaware(d *decision, t *Task) bool {
	unaware := make(map[string]bool, len(ev.Unaware)) // as long as a worker likes
	for _, key := range ev.Unaware {
		unaware[key] = true
	}
	for i := range ev.Commands {
		if key := ev.Commands[i].Key; !ev.CancelSeen || unaware[key] {
			d.cancelStep(t, key, "the execution was cancelled")
		}
	}
	return !ev.CancelSeen || len(ev.Unaware) > 0
}

// unblock lets an execution go on that showed blocked when a turn has fitted again,
// unless the last turn of another of its orchestrators did not. A turn that was
// delivered before it was blocked, and fits, says nothing.
func (d *decision) unblock(e *Execution, looked bool) {
	if e.State != ExecutionBlocked || !looked {
		return
	}
	for _, t := range d.openTasks(e) {
		if t.Kind == KindOrchestrator && t.Failures > 0 && !d.parentGone(t) {
			return
		}
	}
	e.State, e.Error = e.open(), nil
	d.touchExecution(e)
}

// check tells what is wrong with a turn's answer, before anything of it is applied.
func (ev TurnAnswered) check(d *decision, t *Task) (nodes []AwaitNode, leaves map[string][]int, err error) {
	commanded := make(map[string]bool, len(ev.Commands))
	fresh := int64(0)
	for i := range ev.Commands {
		c := &ev.Commands[i]
		if c.Key == "" || commanded[c.Key] {
			return nil, nil, &InvalidTurnError{fmt.Sprintf("command %d: key %q is empty or came twice in this turn", i, c.Key)}
		}
		commanded[c.Key] = true
		if known := d.steps[StepRef{t.ID, t.Run, c.Key}]; known == nil {
			fresh++
		} else if known.Op != c.Op || known.Name != c.Name {
			return nil, nil, &MismatchError{Key: c.Key, ExpectedOp: known.Op, ExpectedName: known.Name, CameOp: c.Op, CameName: c.Name}
		}
	}
	for _, key := range ev.Unaware {
		if !commanded[key] {
			return nil, nil, &InvalidTurnError{fmt.Sprintf("unaware: %q is not the key of a command of this turn", key)}
		}
	}
	if t.Settled+int64(t.Open)+fresh > int64(d.env.Limits.History) {
		return nil, nil, fmt.Errorf("%w: more than %d; let the orchestrator continue as new before that", ErrHistoryTooLong, d.env.Limits.History)
	}
	exists := func(key string) bool { return commanded[key] || d.steps[StepRef{t.ID, t.Run, key}] != nil }
	for i := range ev.Commands {
		if err := ev.Commands[i].check(d.env.Limits, exists); err != nil {
			return nil, nil, err
		}
	}
	if ev.Outcome != nil {
		return nil, nil, nil
	}
	if ev.Await == nil {
		return nil, nil, &InvalidTurnError{"neither await nor outcome is set: the orchestrator would never go on"}
	}
	nodes, leaves, err = compileAwait(*ev.Await)
	if err != nil {
		return nil, nil, &InvalidTurnError{err.Error()}
	}
	for key := range leaves {
		if !exists(key) {
			return nil, nil, &InvalidTurnError{fmt.Sprintf("await names step %q, which was never commanded", key)}
		}
	}
	return nodes, leaves, nil
}

// check tells what is wrong with a command, whatever the journal says.
func (c *Command) check(limits Limits, exists func(key string) bool) error {
	bad := func(format string, a ...any) error {
		return &InvalidTurnError{fmt.Sprintf("command %q: ", c.Key) + fmt.Sprintf(format, a...)}
	}
	switch c.Op {
	case OpCall, OpMap, OpDispatch, OpWaitSignal, OpCounter, OpState:
		if c.Name == "" {
			return bad("%s wants a name", c.Op)
		}
	case OpSleep:
		if c.Duration < 0 || c.Duration > limits.Sleep {
			return bad("duration must be between 0 and %s", FormatDuration(limits.Sleep))
		}
	case OpCancel:
		for _, key := range c.Targets {
			if !exists(key) || key == c.Key {
				return bad("target %q was never commanded", key)
			}
		}
	case OpLocal, OpVersion:
	default:
		return bad("unknown op %q", c.Op)
	}
	if c.Timeout != nil && (*c.Timeout < 0 || *c.Timeout > limits.Sleep) {
		return bad("timeout must be between 0 and %s", FormatDuration(limits.Sleep))
	}
	if o := c.Options; o != nil && (o.Delay < 0 || o.Delay > limits.Sleep) {
		return bad("delay must be between 0 and %s", FormatDuration(limits.Sleep))
	}
	return nil
}

// await stores what the orchestrator waits for and reports whether it is decided
// already. Steps that have settled count in the order in which they did, so that
// an "any" inside another combination has the winner that it had.
func (d *decision) await(t *Task, nodes []AwaitNode, leaves map[string][]int) (decided bool) {
	t.Await = nodes
	var settled []*Task
	for key, members := range leaves {
		step := d.steps[StepRef{t.ID, t.Run, key}]
		if step.State.Settled() {
			settled = append(settled, step)
			continue
		}
		step.AwaitedBy = append([]int{t.Turn}, members...)
		d.touch(step)
	}
	slices.SortFunc(settled, func(a, b *Task) int { return cmp.Compare(a.Seq, b.Seq) })
	for _, step := range settled {
		decided = settleAwait(nodes, leaves[step.Key], step.State == TaskCompleted)
	}
	return decided
}

// outcome ends the run of an orchestrator.
func (d *decision) outcome(t *Task, o *Outcome) {
	switch {
	case o.Failed != nil:
		d.settle(t, d.ended(t, TaskFailed), nil, o.Failed)
	case o.ContinueAsNew != nil && !t.CancelRequested:
		if t.Open > 0 {
			d.sweep(t.Execution, t.ID)
		}
		t.Run++
		t.Settled, t.Open = 0, 0
		d.setInput(t, o.ContinueAsNew)
		d.makeDue(t, d.now)
	default:
		d.settle(t, d.ended(t, TaskCompleted), o.Completed, nil)
	}
}

// ended is the state in which an orchestrator ends: once cancelled, any outcome ends it as that.
func (d *decision) ended(t *Task, state TaskState) TaskState {
	if t.CancelRequested {
		return TaskCancelled
	}
	return state
}

func (ev TurnFailed) needs(n *Need) { ev.Lease.needs(n) }

func (ev TurnFailed) apply(d *decision) error {
	e, t, reported, err := d.live(ev.Lease)
	if err != nil || reported {
		return err
	}
	if t.Kind != KindOrchestrator {
		return ErrInvalidOperation
	}
	d.retryTurn(e, t, ev.Error, ev.StatusCode, ev.Blocked)
	return nil
}

// badTurn delivers a turn again that was answered but cannot be carried out. A
// mismatch blocks the execution at once, as does a history that is full: the code
// has to change before a turn can be stored.
func (d *decision) badTurn(e *Execution, t *Task, err error) {
	failure := Error{Type: ErrorInvalidTurn, Message: err.Error()}
	var mismatch *MismatchError
	blocked := errors.As(err, &mismatch)
	if blocked {
		failure.Type = ErrorMismatch
		failure.Details, _ = json.Marshal(map[string]any{ // strings only: cannot fail
			"key":      mismatch.Key,
			"expected": map[string]any{"op": mismatch.ExpectedOp, "name": mismatch.ExpectedName},
			"came":     map[string]any{"op": mismatch.CameOp, "name": mismatch.CameName},
		})
	}
	if errors.Is(err, ErrHistoryTooLong) {
		failure.Type, blocked = ErrorHistoryLimit, true
	}
	d.retryTurn(e, t, failure, 200, blocked)
}

func (d *decision) retryTurn(e *Execution, t *Task, failure Error, status int, blocked bool) {
	t.Failures++
	t.LostLeases = 0
	t.Error = &failure
	d.record(t, failure, status)
	after := turnRetry.Delay(t.Failures, d.env.Random())
	if blocked || t.Failures >= d.env.Limits.BadTurns {
		e.State, e.Error = ExecutionBlocked, &failure
		d.touchExecution(e)
		after = d.env.Limits.BlockedIn
	}
	d.makeDue(t, d.now.Add(after))
}

// addSaturating adds without wrapping around.
func addSaturating(a, b int64) int64 {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	}
	return a + b
}
