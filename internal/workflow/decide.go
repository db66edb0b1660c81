package workflow

import (
	"cmp"
	"slices"
	"time"
)

// Env is what a decision needs beside the loaded state. All of it is given, so
// that the same input always gives the same Change.
type Env struct {
	NewID     func() ID
	Random    func() float64 // uniform in [0, 1), for jitter
	Functions Registry
	Limits    Limits
	Terms     *Terms // who may be handed the tasks that become due; nil: nobody
}

// Terms say what a scheduler takes over at once, in the transaction that makes it due.
type Terms struct {
	Scheduler ID
	Room      int
	Serves    func(queue string, f *Function) bool
}

// Decide applies events in their order to what was loaded for them and gives the
// change to save, with a verdict for each event. A refused event changes nothing.
func Decide(loaded *Loaded, events []Event, env Env) (*Change, []Verdict) {
	d := newDecision(loaded, treesOf(events), env)
	verdicts := make([]Verdict, len(events))
	for i, e := range events {
		d.verdict = &verdicts[i]
		if err := e.apply(d); err != nil {
			*d.verdict = Verdict{Err: err, Cancel: d.verdict.Cancel}
		}
	}
	return d.finish(), verdicts
}

// decision is the state that a batch works on: what was loaded, indexed, and what
// changed of it so far.
type decision struct {
	env     Env
	now     time.Time
	stamp   *time.Time // now, apart: what is handed over shall not keep the decision in memory
	verdict *Verdict

	executions map[ID]*Execution
	byKey      map[string]*Execution
	tasks      map[ID]*Task
	steps      map[StepRef]*Task
	waiters    map[NameRef][]*Task
	mailbox    map[NameRef][]*Signal
	sent       map[NameRef]*Signal // by idempotency key
	counters   map[NameRef]int64
	results    map[ResultKey]*shared
	trees      map[ID]bool    // executions that are loaded as a whole
	children   map[ID][]*Task // of those, the tasks below each; below the zero ID, the others
	dead       map[ID]bool    // tasks that have a dead letter

	wasToken  map[ID]int64 // of loaded tasks
	changedE  map[ID]bool
	changedT  map[ID]bool
	countersC map[NameRef]bool
	contexts  map[ID]bool // executions whose counters or state are written
	slots     map[ID]bool // tasks that were loaded with a slot
	fresh     map[ID]bool // executions and tasks made by this batch
	details   map[ID]bool
	making    ID          // the map whose items are being made
	paused    map[ID]bool // executions that were paused or resumed
	deadC     map[ID]bool
	moved     map[ID]bool // tasks that were given to another run of their parent
	room      int
	change    Change
}

func newDecision(loaded *Loaded, trees map[ID]bool, env Env) *decision {
	n := len(loaded.Tasks)
	d := &decision{
		env: env, now: loaded.Now,
		executions: make(map[ID]*Execution, len(loaded.Executions)), byKey: map[string]*Execution{},
		tasks: make(map[ID]*Task, n), steps: make(map[StepRef]*Task, n),
		waiters: map[NameRef][]*Task{}, mailbox: map[NameRef][]*Signal{}, sent: map[NameRef]*Signal{}, counters: map[NameRef]int64{},
		results:  make(map[ResultKey]*shared, len(loaded.Results)),
		wasToken: make(map[ID]int64, n), changedE: make(map[ID]bool, len(loaded.Executions)), changedT: make(map[ID]bool, n),
		countersC: map[NameRef]bool{}, contexts: map[ID]bool{}, slots: map[ID]bool{}, fresh: map[ID]bool{}, details: map[ID]bool{},
		paused: map[ID]bool{},
		trees:  trees, children: map[ID][]*Task{}, dead: map[ID]bool{}, deadC: map[ID]bool{}, moved: map[ID]bool{},
	}
	d.change.Now = loaded.Now
	stamp := loaded.Now
	d.stamp = &stamp
	if env.Terms != nil {
		d.room = env.Terms.Room
	}
	for _, e := range loaded.Executions {
		d.executions[e.ID] = e
		if e.IdempotencyKey != "" {
			d.byKey[e.IdempotencyKey] = e
		}
	}
	for _, t := range loaded.Tasks {
		d.wasToken[t.ID] = t.Token
		if t.Slot {
			d.slots[t.ID] = true
		}
		d.index(t)
	}
	for _, waiting := range d.waiters {
		slices.SortFunc(waiting, oldestFirst)
	}
	for _, s := range loaded.Signals {
		ref := NameRef{s.Execution, s.Name}
		d.mailbox[ref] = append(d.mailbox[ref], s)
	}
	for _, queue := range d.mailbox {
		slices.SortFunc(queue, func(a, b *Signal) int { return cmp.Compare(a.Seq, b.Seq) })
	}
	for _, s := range loaded.Sent {
		d.sent[NameRef{s.Execution, s.IdempotencyKey}] = s
	}
	for _, id := range loaded.DeadLetters {
		d.dead[id] = true
	}
	for _, c := range loaded.Counters {
		d.counters[NameRef{c.Execution, c.Name}] = c.Value
	}
	for _, r := range loaded.Results {
		d.results[r.Key] = &shared{LoadedResult: r, wasState: r.State, wasTask: r.Task}
	}
	return d
}

func (d *decision) index(t *Task) {
	d.tasks[t.ID] = t
	if d.trees[t.Execution] {
		d.children[t.Parent] = append(d.children[t.Parent], t)
	}
	if !t.Parent.IsZero() {
		d.steps[StepRef{t.Parent, t.ParentRun, t.Key}] = t
	}
	if t.WaitingFor != "" && t.State == TaskWaiting {
		ref := NameRef{t.Execution, t.WaitingFor}
		d.waiters[ref] = append(d.waiters[ref], t)
	}
}

// finish turns the marks into the change.
func (d *decision) finish() *Change {
	c := &d.change
	for id := range d.contexts {
		d.executions[id].ContextSeq++
		d.changedE[id] = true
	}
	for id := range d.changedE {
		if !d.fresh[id] {
			c.Executions = append(c.Executions, d.executions[id])
		}
	}
	for id := range d.changedT {
		if !d.fresh[id] {
			c.Tasks = append(c.Tasks, TaskUpdate{Task: d.tasks[id], WasToken: d.wasToken[id], SetDetail: d.details[id]})
		}
	}
	for id := range d.moved {
		c.Moves = append(c.Moves, Move{Execution: d.tasks[id].Execution, Task: id, Run: d.tasks[id].ParentRun})
	}
	for id := range d.slots {
		if t := d.tasks[id]; !t.Slot && !slices.Contains(c.FreedQueues, t.Queue) {
			c.FreedQueues = append(c.FreedQueues, t.Queue)
		}
	}
	slices.Sort(c.FreedQueues)
	d.finishDead()
	for ref := range d.countersC {
		c.Counters = append(c.Counters, Counter{ref.Execution, ref.Name, d.counters[ref]})
	}
	d.saveResults()
	d.park()
	slices.SortFunc(c.Executions, func(a, b *Execution) int { return a.ID.Compare(b.ID) })
	slices.SortFunc(c.Tasks, func(a, b TaskUpdate) int { return a.ID.Compare(b.ID) })
	slices.SortFunc(c.Moves, func(a, b Move) int { return a.Task.Compare(b.Task) })
	slices.SortFunc(c.Counters, func(a, b Counter) int {
		return cmp.Or(a.Execution.Compare(b.Execution), cmp.Compare(a.Name, b.Name))
	})
	if d.env.Terms != nil {
		taken := map[ID]bool{} // a task may be made due more than once
		c.Handed = slices.DeleteFunc(c.Handed, func(h Handed) bool {
			dropped := h.Task.Holder != d.env.Terms.Scheduler || taken[h.Task.ID]
			taken[h.Task.ID] = true
			return dropped
		})
		if len(c.Handed) > 0 {
			c.Lessee = d.env.Terms.Scheduler
		}
	}
	return c
}

// execution finds an execution that the event needs.
func (d *decision) execution(id ID) (*Execution, error) {
	e := d.executions[id]
	if e == nil {
		return nil, ErrNotFound
	}
	return e, nil
}

// openExecution finds an execution that has not ended.
func (d *decision) openExecution(id ID) (*Execution, error) {
	e, err := d.execution(id)
	if err != nil {
		return nil, err
	}
	d.verdict.Execution = e
	if e.State.Terminal() {
		return nil, ErrAlreadyTerminal
	}
	return e, nil
}

func (d *decision) touchExecution(e *Execution) { d.changedE[e.ID] = true }
func (d *decision) touch(t *Task)               { d.changedT[t.ID] = true }

// add makes a task part of the batch, as a child of its parent if it has one.
func (d *decision) add(t *Task) {
	d.fresh[t.ID] = true
	d.change.NewTasks = append(d.change.NewTasks, t)
	d.index(t)
}

// move gives a step to another run of its parent, of none of whose turns it is.
func (d *decision) move(step *Task, run int) {
	delete(d.steps, StepRef{step.Parent, step.ParentRun, step.Key})
	step.ParentRun, step.ParentTurn = run, 0
	d.steps[StepRef{step.Parent, run, step.Key}] = step
	if !d.fresh[step.ID] {
		d.moved[step.ID] = true
	}
}

// lookup gives the function that a task calls; a callback calls none.
func (d *decision) lookup(t *Task) *Function {
	if t.Op == OpCallback {
		return nil
	}
	return d.env.Functions.Lookup(t.Name, t.Version)
}
