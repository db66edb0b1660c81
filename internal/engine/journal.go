package engine

import (
	"container/list"
	"encoding/json"
	"slices"
	"sync"

	"github.com/stent-dev/stent/internal/workflow"
)

// journals remembers what the latest turns were made of, so that the next turn of
// the same orchestrator need not be loaded: each change that this process stores
// is added as it is stored. What other processes store is not seen here, so
// nothing remembered is used unless it is complete by the counts that come with
// the lease (see journal.complete). The least recently used are forgotten when
// they take more memory than the budget.
type journals struct {
	budget int // bytes of payloads and a share for each step

	mu         sync.Mutex
	size       int
	recent     *list.List // of *journal, the latest used first
	byTask     map[workflow.ID]*list.Element
	executions map[workflow.ID][]workflow.ID // the orchestrator tasks that are remembered of each
}

// journal is what one orchestrator task's last turn was made of, and what was
// stored of its steps since.
type journal struct {
	execution  workflow.ID
	task       workflow.ID
	run        int
	token      int64 // of the last turn's lease
	input      json.RawMessage
	steps      []*workflow.Task // never changed in place: turns that are under way share them
	at         map[string]int   // index in steps by key
	settled    int64
	contextSeq int64
	state      []workflow.StateEntry
	counters   []workflow.Counter
	size       int
}

// stepShare is the memory of a step, in bytes, beside its payloads.
const stepShare = 400

func newJournals(budget int) *journals {
	return &journals{
		budget: budget, recent: list.New(), byTask: map[workflow.ID]*list.Element{}, executions: map[workflow.ID][]workflow.ID{},
	}
}

// Recall gives what the turn of a task that was handed over is made of, or nil if
// that has to be loaded.
func (e *Engine) Recall(h workflow.Handed) *Turn {
	if h.Fresh && h.Execution.ContextSeq == 0 {
		turn := Turn{Execution: h.Execution, Task: h.Task}
		e.journals.remember(&turn)
		return &turn
	}
	return e.journals.recall(h)
}

func (js *journals) recall(h workflow.Handed) *Turn {
	js.mu.Lock()
	defer js.mu.Unlock()
	at := js.byTask[h.Task.ID]
	if at == nil {
		return nil
	}
	j := at.Value.(*journal)
	if !j.complete(h) {
		js.forget(at)
		return nil
	}
	j.token = h.Task.Token
	js.recent.MoveToFront(at)
	task := *h.Task
	task.Input = j.input
	return &Turn{
		Execution: h.Execution, Task: &task, Steps: slices.Clone(j.steps), State: slices.Clone(j.state), Counters: slices.Clone(j.counters),
	}
}

// complete tells whether nothing is missing: the lease is the next after the one of
// the turn that is remembered, as many steps have settled and are open as the
// orchestrator counts, and the last write to counters and state is known. A step's
// outcome never changes once it has settled, unless the orchestrator's token grows too.
func (j *journal) complete(h workflow.Handed) bool {
	t := h.Task
	return t.Run == j.run && t.Token == j.token+1 && t.Settled == j.settled &&
		t.Settled+int64(t.Open) == int64(len(j.steps)) && h.Execution.ContextSeq == j.contextSeq
}

// remember keeps what a turn is made of.
func (js *journals) remember(turn *Turn) {
	t := turn.Task
	j := &journal{
		execution: t.Execution, task: t.ID, run: t.Run, token: t.Token, input: t.Input, at: make(map[string]int, len(turn.Steps)),
		contextSeq: turn.Execution.ContextSeq, state: slices.Clone(turn.State), counters: slices.Clone(turn.Counters),
	}
	if j.input == nil {
		j.input = turn.Execution.Input
	}
	j.size = stepShare + len(j.input)
	for _, s := range turn.Steps {
		j.put(s)
	}
	for _, s := range j.state {
		j.size += memoryOf(s)
	}
	js.mu.Lock()
	defer js.mu.Unlock()
	if at := js.byTask[t.ID]; at != nil {
		js.forget(at)
	}
	js.byTask[t.ID] = js.recent.PushFront(j)
	js.executions[t.Execution] = append(js.executions[t.Execution], t.ID)
	js.size += j.size
	js.shrink()
}

// put adds a step, or what became of it.
func (j *journal) put(t *workflow.Task) {
	step := &workflow.Task{Key: t.Key, Op: t.Op, Name: t.Name, State: t.State, Seq: t.Seq, Result: t.Result, Error: t.Error}
	i, known := j.at[t.Key]
	switch {
	case !known:
		j.at[t.Key] = len(j.steps)
		j.steps = append(j.steps, step)
		j.size += len(step.Key) + len(step.Name) + stepShare
	case j.steps[i].State.Settled():
		return
	default:
		j.steps[i] = step
	}
	if step.State.Settled() {
		j.settled++
		j.size += len(step.Result)
		if step.Error != nil {
			j.size += len(step.Error.Message) + len(step.Error.Details)
		}
	}
}

func memoryOf(s workflow.StateEntry) int { return len(s.Key) + len(s.Value) + stepShare }

// shrink keeps to the budget.
func (js *journals) shrink() {
	for js.size > js.budget {
		js.forget(js.recent.Back())
	}
}

func (js *journals) forget(at *list.Element) {
	j := js.recent.Remove(at).(*journal)
	js.size -= j.size
	delete(js.byTask, j.task)
	rest := slices.DeleteFunc(js.executions[j.execution], func(id workflow.ID) bool { return id == j.task })
	if len(rest) == 0 {
		delete(js.executions, j.execution)
		return
	}
	js.executions[j.execution] = rest
}

// stored adds a change, which was just committed, to what is remembered.
func (js *journals) stored(c *workflow.Change) {
	js.mu.Lock()
	defer js.mu.Unlock()
	if len(js.byTask) == 0 {
		return
	}
	each(c, func(t *workflow.Task) {
		if at := js.byTask[t.Parent]; at != nil {
			if j := at.Value.(*journal); j.run == t.ParentRun {
				js.size -= j.size
				j.put(t)
				js.size += j.size
			}
		}
	})
	for _, g := range c.Gathers {
		js.forgetParents(c, g.Map) // only the store knows the list of results
	}
	for _, x := range c.Executions {
		for _, task := range slices.Clone(js.executions[x.ID]) {
			at := js.byTask[task]
			if x.State.Terminal() {
				js.forget(at)
				continue
			}
			j := at.Value.(*journal)
			js.size -= j.size
			j.putContext(c, x.ContextSeq)
			js.size += j.size
		}
	}
	js.shrink()
}

// putContext adds a change's writes to the counters and the state of the execution,
// by which it came to seq.
func (j *journal) putContext(c *workflow.Change, seq int64) {
	if seq != j.contextSeq+1 {
		return // not all that was written before is known
	}
	for _, s := range c.State {
		if s.Execution == j.execution {
			j.contextSeq = seq
			j.state = upsert(j.state, s, func(v workflow.StateEntry) string { return v.Key })
			j.size += memoryOf(s) // what was there before is counted on
		}
	}
	for _, counter := range c.Counters {
		if counter.Execution == j.execution {
			j.contextSeq = seq
			j.counters = upsert(j.counters, counter, func(v workflow.Counter) string { return v.Name })
		}
	}
}

func upsert[V any](values []V, v V, key func(V) string) []V {
	for i := range values {
		if key(values[i]) == key(v) {
			values[i] = v
			return values
		}
	}
	return append(values, v)
}

func (js *journals) forgetParents(c *workflow.Change, step workflow.ID) {
	each(c, func(t *workflow.Task) {
		if at := js.byTask[t.Parent]; at != nil && t.ID == step {
			js.forget(at)
		}
	})
}
