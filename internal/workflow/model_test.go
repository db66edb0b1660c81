package workflow

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// model is a store in memory, as plain as can be: what Loaded gives is a copy,
// and a Change is saved whole or not at all.
type model struct {
	now        time.Time
	executions map[ID]*Execution
	tasks      map[ID]*Task
	made       []ID        // tasks in the order in which they were made
	family     map[ID][]ID // children, of all runs, in the order in which they were made
	signals    map[ID][]*Signal
	counters   map[NameRef]int64
	state      map[NameRef]json.RawMessage
	results    map[ResultKey]*Result
	attempts   []FailedAttempt
	dead       map[ID]DeadLetter
}

var errFence = errors.New("the fence does not hold")

func newModel() *model {
	return &model{
		now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), executions: map[ID]*Execution{}, tasks: map[ID]*Task{},
		family:  map[ID][]ID{},
		signals: map[ID][]*Signal{}, counters: map[NameRef]int64{}, state: map[NameRef]json.RawMessage{}, results: map[ResultKey]*Result{},
		dead: map[ID]DeadLetter{},
	}
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

func copyTask(t *Task) *Task {
	c := *t
	c.DueAt, c.ScheduledFor, c.StartedAt, c.CompletedAt = copied(t.DueAt), copied(t.ScheduledFor), copied(t.StartedAt), copied(t.CompletedAt)
	c.AwaitedBy, c.Await = slices.Clone(t.AwaitedBy), slices.Clone(t.Await)
	c.Error = copied(t.Error)
	return &c
}

func copyExecution(e *Execution) *Execution {
	c := *e
	c.DeadlineAt, c.StartedAt, c.CompletedAt = copied(e.DeadlineAt), copied(e.StartedAt), copied(e.CompletedAt)
	c.Error = copied(e.Error)
	return &c
}

// loader collects what a Need names, each thing once.
type loader struct {
	*model
	loaded Loaded
	seen   map[ID]bool
}

func (m *model) load(need Need) *Loaded {
	l := &loader{model: m, loaded: Loaded{Now: m.now}, seen: map[ID]bool{}}
	for _, id := range need.Executions {
		l.execution(m.executions[id])
	}
	for _, e := range m.executions {
		if slices.Contains(need.Keys, e.IdempotencyKey) {
			l.execution(e)
		}
	}
	for _, id := range need.Tasks {
		l.task(id, 2)
	}
	steps := map[StepRef]bool{}
	for _, ref := range need.Steps {
		steps[ref] = true
	}
	for _, id := range m.made {
		t := m.tasks[id]
		switch {
		case l.seen[id] && t.WaitingFor == "":
		case steps[StepRef{t.Parent, t.ParentRun, t.Key}]:
			l.task(id, 0)
		case t.WaitingFor != "" && slices.Contains(need.Waiters, NameRef{t.Execution, t.WaitingFor}):
			l.task(id, 1)
		case !t.State.Settled() && t.Op != OpCallback && (t.Op != OpItem || t.Kind == KindOrchestrator) && slices.Contains(need.Open, t.Execution),
			slices.Contains(need.Trees, t.Execution):
			l.task(id, 0)
		}
	}
	for id, mailbox := range m.signals {
		for _, s := range mailbox {
			if s.TakenBy.IsZero() && (slices.Contains(need.Mailbox, NameRef{id, s.Name}) || slices.Contains(need.Trees, id)) {
				l.loaded.Signals = append(l.loaded.Signals, copied(s))
			}
		}
	}
	for id, mailbox := range m.signals {
		for _, s := range mailbox {
			if s.IdempotencyKey != "" && slices.Contains(need.Sent, NameRef{id, s.IdempotencyKey}) {
				l.loaded.Sent = append(l.loaded.Sent, copied(s))
			}
		}
	}
	for ref, value := range m.counters {
		if slices.Contains(need.Counters, ref) {
			l.loaded.Counters = append(l.loaded.Counters, Counter{ref.Execution, ref.Name, value})
		}
	}
	l.results(need)
	for _, id := range need.DeadLetters {
		if _, dead := m.dead[id]; dead {
			l.loaded.DeadLetters = append(l.loaded.DeadLetters, id)
		}
	}
	return &l.loaded
}

func (l *loader) results(need Need) {
	keys := slices.Clone(need.Results)
	for _, id := range need.ResultsOf {
		if t := l.tasks[id]; t != nil {
			keys = append(keys, t.OwnsResult, t.AwaitsResult)
		}
	}
	for _, t := range l.tasks {
		if slices.Contains(need.Trees, t.Execution) {
			keys = append(keys, t.OwnsResult, t.AwaitsResult)
		}
	}
	for _, key := range sortedKeys(keys) {
		if r := l.model.results[key]; r != nil {
			l.loaded.Results = append(l.loaded.Results, LoadedResult{Result: copied(r), Owned: l.owned(r)})
		}
	}
}

// owned tells whether the owner of a result is at it.
func (m *model) owned(r *Result) bool {
	t := m.tasks[r.Task]
	return t != nil && !t.State.Settled() && t.OwnsResult == r.Key
}

// awaited gives the tasks that wait for a result which is there or belongs to nobody.
func (m *model) awaited() (ready []*Task) {
	for _, id := range m.made {
		t := m.tasks[id]
		if t.AwaitsResult.IsZero() || m.executions[t.Execution].Paused {
			continue
		}
		if r := m.results[t.AwaitsResult]; r == nil || r.State == ResultCompleted || !m.owned(r) {
			ready = append(ready, t)
		}
	}
	return ready
}

func (l *loader) execution(e *Execution) {
	if e != nil && !l.seen[e.ID] {
		l.seen[e.ID] = true
		l.loaded.Executions = append(l.loaded.Executions, copyExecution(e))
	}
}

func (l *loader) task(id ID, above int) {
	for ; above >= 0 && l.tasks[id] != nil; above-- {
		if !l.seen[id] {
			l.seen[id] = true
			t := copyTask(l.tasks[id])
			t.Input, t.Result, t.Error, t.Detail = nil, nil, nil, nil
			l.loaded.Tasks = append(l.loaded.Tasks, t)
		}
		id = l.tasks[id].Parent
	}
}

// save stores a change and gives the leases that its sweeps took away.
func (m *model) save(c *Change) (swept map[ID]bool, err error) {
	for _, u := range c.Tasks {
		if stored := m.tasks[u.ID]; stored == nil || stored.Token != u.WasToken {
			return nil, errFence
		}
	}
	if err := m.saveResults(c); err != nil {
		return nil, err
	}
	for _, e := range c.NewExecutions {
		if m.executions[e.ID] != nil {
			return nil, fmt.Errorf("execution %s: %w", e.ID, ErrAlreadyExists)
		}
		m.executions[e.ID] = copyExecution(e)
	}
	for _, e := range c.Executions {
		m.executions[e.ID] = copyExecution(e)
	}
	for _, move := range c.Moves {
		m.tasks[move.Task].ParentRun, m.tasks[move.Task].ParentTurn = move.Run, 0
	}
	for _, t := range c.NewTasks {
		if err := m.insert(t); err != nil {
			return nil, err
		}
	}
	for _, r := range c.Reopened {
		t := m.tasks[r.Task]
		t.Result, t.Error, t.Queue = nil, nil, cmp.Or(r.Queue, t.Queue)
	}
	for _, u := range c.Tasks {
		m.update(u)
	}
	for _, in := range c.Inputs {
		m.tasks[in.Task].Input = in.Input
	}
	m.attempts = append(m.attempts, c.Attempts...)
	for _, letter := range c.DeadLetters {
		m.dead[letter.Task] = letter
	}
	for _, id := range c.Exhumed {
		delete(m.dead, id)
	}
	m.saveContext(c)
	return m.saveMany(c), nil
}

func (m *model) insert(t *Task) error {
	if m.tasks[t.ID] != nil {
		return fmt.Errorf("task %s: %w", t.ID, ErrAlreadyExists)
	}
	for _, id := range m.family[t.Parent] {
		if other := m.tasks[id]; !t.Parent.IsZero() && other.Execution == t.Execution && other.ParentRun == t.ParentRun && other.Key == t.Key {
			return fmt.Errorf("task %q: %w", t.Key, ErrAlreadyExists)
		}
	}
	m.tasks[t.ID] = copyTask(t)
	m.made = append(m.made, t.ID)
	m.family[t.Parent] = append(m.family[t.Parent], t.ID)
	return nil
}

// update keeps what was not loaded, unless the change sets it.
func (m *model) update(u TaskUpdate) {
	was, t := m.tasks[u.ID], copyTask(u.Task)
	t.Input, t.Queue = was.Input, was.Queue
	if t.Result == nil {
		t.Result = was.Result
	}
	if t.Error == nil && t.State != TaskCompleted {
		t.Error = was.Error
	}
	if !u.SetDetail {
		t.Detail = was.Detail
	}
	m.tasks[u.ID] = t
}

func (m *model) saveContext(c *Change) {
	for _, s := range c.NewSignals {
		m.signals[s.Execution] = append(m.signals[s.Execution], copied(s))
	}
	for _, s := range c.Taken {
		m.signals[s.Execution][s.Seq-1].TakenBy = s.TakenBy
	}
	for _, counter := range c.Counters {
		m.counters[NameRef{counter.Execution, counter.Name}] = counter.Value
	}
	for _, entry := range c.State {
		m.state[NameRef{entry.Execution, entry.Key}] = entry.Value
	}
}

func (m *model) saveResults(c *Change) error {
	for _, u := range c.Results {
		if stored := m.results[u.Key]; stored == nil || stored.State != u.WasState || stored.Task != u.WasTask {
			return errFence
		}
		m.results[u.Key] = copied(u.Result)
	}
	for _, r := range c.NewResults {
		if m.results[r.Key] != nil {
			return errFence
		}
		m.results[r.Key] = copied(r)
	}
	return nil
}

// saveMany does what works on many tasks, after all else.
func (m *model) saveMany(c *Change) map[ID]bool {
	swept := map[ID]bool{}
	for _, s := range c.Sweeps {
		for _, id := range m.made {
			if t := m.tasks[id]; t.Execution == s.Execution && !t.State.Settled() && m.below(t, s.Under) {
				if !t.Holder.IsZero() {
					swept[id] = true
				}
				t.State, t.CompletedAt, t.DueAt, t.Holder = TaskCancelled, copied(&c.Now), nil, ID{}
				t.WaitingFor, t.Await = "", nil
				if t.OwnsResult.IsZero() {
					t.OwnsResult = t.AwaitsResult
				}
				t.AwaitsResult, t.Slot = ResultKey{}, false
				t.Token++
			}
		}
	}
	for _, r := range c.Releases {
		for _, t := range m.children(r.Map, r.Run) {
			if t.Item >= r.From && t.Item < r.To && t.State == TaskPending && t.DueAt == nil && t.Holder.IsZero() {
				t.DueAt, t.ScheduledFor = copied(&c.Now), copied(&c.Now)
				if r.Parked {
					t.DueAt = nil
				}
			}
		}
	}
	m.saveParks(c.Parks)
	for _, g := range c.Gathers {
		var items []Item
		for _, t := range m.children(g.Map, g.Run) {
			items = append(items, Item{State: t.State, Result: t.Result, Error: t.Error})
		}
		m.tasks[g.Map].Result = GatherItems(items, g.Collect)
	}
	return swept
}

func (m *model) saveParks(parks []Park) {
	for _, p := range parks {
		for _, id := range m.made {
			t := m.tasks[id]
			switch {
			case t.Execution != p.Execution || t.State != TaskPending || t.Op == OpCallback:
			case p.Paused:
				t.DueAt = nil
			case t.DueAt == nil && t.Holder.IsZero() && t.ScheduledFor != nil:
				t.DueAt = copied(t.ScheduledFor)
			}
		}
	}
}

func (m *model) below(t *Task, under ID) bool {
	if under.IsZero() {
		return t.Op != OpCallback
	}
	for p := m.tasks[t.Parent]; p != nil; p = m.tasks[p.Parent] {
		if p.ID == under {
			return true
		}
	}
	return false
}

// children gives the children of a run in the order of their items, or in which they were made.
func (m *model) children(of ID, run int) (children []*Task) {
	for _, id := range m.family[of] {
		if t := m.tasks[id]; t.ParentRun == run {
			children = append(children, t)
		}
	}
	slices.SortStableFunc(children, func(a, b *Task) int { return cmp.Compare(a.Item, b.Item) })
	return children
}

// due gives the tasks that may be claimed now, those due longest first.
func (m *model) due() (due []*Task) {
	for _, id := range m.made {
		t := m.tasks[id]
		if t.DueAt != nil && !t.DueAt.After(m.now) {
			due = append(due, t)
		}
	}
	slices.SortStableFunc(due, func(a, b *Task) int { return a.DueAt.Compare(*b.DueAt) })
	return due
}

// claim leases a due task. elapsed says that its time is up and there is nothing to deliver.
func (m *model) claim(t *Task, by ID, f *Function) (elapsed bool) {
	elapsed = t.State != TaskPending
	t.ScheduledFor, t.DueAt, t.Holder = t.DueAt, nil, by
	t.Token++
	if elapsed {
		return true
	}
	if f != nil && t.Attempt == 0 && t.Turn == 0 {
		t.Kind = f.Kind
	}
	t.State = TaskRunning
	t.Attempt++
	if t.StartedAt == nil || t.Kind == KindActivity {
		t.StartedAt = copied(&m.now)
	}
	if e := m.executions[t.Execution]; t.Op == OpStart && e.State == ExecutionPending {
		e.State, e.StartedAt = ExecutionRunning, copied(&m.now)
	}
	return false
}

func leaseOf(t *Task) Lease { return Lease{Execution: t.Execution, Task: t.ID, Token: t.Token} }

// named gives the task of an execution at a path of step keys below the root.
func (m *model) named(execution ID, keys ...string) *Task {
	t := m.tasks[m.executions[execution].RootTask]
	for _, key := range keys {
		var found *Task
		for _, child := range m.children(t.ID, t.Run) {
			if child.Key == key {
				found = child
			}
		}
		if found == nil {
			return nil
		}
		t = found
	}
	return t
}
