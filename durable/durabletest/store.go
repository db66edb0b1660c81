package durabletest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/stent-dev/stent/internal/protocol"
	"github.com/stent-dev/stent/internal/workflow"
)

// store keeps in memory what the service keeps in its database. It decides
// nothing: the core does, of copies that load gives it.
type store struct {
	executions map[workflow.ID]*workflow.Execution
	started    []workflow.ID // executions in the order in which they were started
	tasks      map[workflow.ID]*workflow.Task
	of         map[workflow.ID][]workflow.ID // tasks of an execution, in the order in which they were made
	children   map[family][]workflow.ID      // likewise of a parent's run
	steps      map[workflow.StepRef]workflow.ID
	signals    map[workflow.ID][]*workflow.Signal
	counters   map[workflow.ID]map[string]int64
	state      map[workflow.ID]map[string]json.RawMessage
	results    map[workflow.ResultKey]*workflow.Result
	sharers    []workflow.ID // tasks that wait, or waited, for a result
	dead       map[workflow.ID]workflow.DeadLetter
	due        agenda
}

// family is the steps of one run of an orchestrator, or the items of a map.
type family struct {
	parent workflow.ID
	run    int
}

func newStore() *store {
	return &store{
		executions: map[workflow.ID]*workflow.Execution{}, tasks: map[workflow.ID]*workflow.Task{},
		of: map[workflow.ID][]workflow.ID{}, children: map[family][]workflow.ID{}, steps: map[workflow.StepRef]workflow.ID{},
		signals: map[workflow.ID][]*workflow.Signal{}, counters: map[workflow.ID]map[string]int64{},
		state: map[workflow.ID]map[string]json.RawMessage{}, results: map[workflow.ResultKey]*workflow.Result{},
		dead: map[workflow.ID]workflow.DeadLetter{},
	}
}

// loader collects copies of what a Need names, each thing once.
type loader struct {
	*store
	loaded workflow.Loaded
	seen   map[workflow.ID]bool
}

func (s *store) load(need workflow.Need, now time.Time) *workflow.Loaded {
	l := &loader{store: s, loaded: workflow.Loaded{Now: now}, seen: map[workflow.ID]bool{}}
	for _, id := range need.Executions {
		l.execution(s.executions[id])
	}
	if len(need.Keys) > 0 {
		for _, id := range s.started {
			if slices.Contains(need.Keys, s.executions[id].IdempotencyKey) {
				l.execution(s.executions[id])
			}
		}
	}
	for _, id := range need.Tasks {
		l.task(id, 2)
	}
	for _, ref := range need.Steps {
		l.task(s.steps[ref], 0)
	}
	for _, ref := range need.Waiters {
		for _, id := range s.of[ref.Execution] {
			if t := s.tasks[id]; t.WaitingFor == ref.Name && t.State == workflow.TaskWaiting {
				l.task(id, 1)
			}
		}
	}
	for _, execution := range need.Open {
		for _, id := range s.of[execution] {
			if t := s.tasks[id]; !t.State.Settled() && (t.Op != workflow.OpItem || t.Kind == workflow.KindOrchestrator) {
				l.task(id, 0)
			}
		}
	}
	for _, ref := range need.Mailbox {
		l.mailbox(ref.Execution, func(name string) bool { return name == ref.Name })
	}
	for _, execution := range need.Trees {
		for _, id := range s.of[execution] {
			l.task(id, 0)
		}
		l.mailbox(execution, func(string) bool { return true })
	}
	for _, id := range need.DeadLetters {
		if _, dead := s.dead[id]; dead {
			l.loaded.DeadLetters = append(l.loaded.DeadLetters, id)
		}
	}
	for _, ref := range need.Sent {
		for _, signal := range s.signals[ref.Execution] {
			if signal.IdempotencyKey == ref.Name {
				l.loaded.Sent = append(l.loaded.Sent, copied(signal))
			}
		}
	}
	l.results(need)
	for _, ref := range need.Counters {
		if value, ok := s.counters[ref.Execution][ref.Name]; ok {
			l.loaded.Counters = append(l.loaded.Counters, workflow.Counter{Execution: ref.Execution, Name: ref.Name, Value: value})
		}
	}
	return &l.loaded
}

// mailbox loads the signals that no wait has taken.
func (l *loader) mailbox(execution workflow.ID, named func(string) bool) {
	for _, signal := range l.signals[execution] {
		if named(signal.Name) && signal.TakenBy.IsZero() {
			l.loaded.Signals = append(l.loaded.Signals, copied(signal))
		}
	}
}

func (l *loader) execution(x *workflow.Execution) {
	if x != nil && !l.seen[x.ID] {
		l.seen[x.ID] = true
		l.loaded.Executions = append(l.loaded.Executions, copied(x))
	}
}

// task loads a task and so many of those above it, without what no decision looks at.
func (l *loader) task(id workflow.ID, above int) {
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

func copied[T any](p *T) *T {
	c := *p
	return &c
}

// copyTask copies what the core changes in place.
func copyTask(t *workflow.Task) *workflow.Task {
	c := copied(t)
	c.Await = slices.Clone(t.Await)
	return c
}

// input is what a task is called with: a root task's is its execution's.
func (s *store) input(t *workflow.Task) json.RawMessage {
	if t.Input == nil {
		return s.executions[t.Execution].Input
	}
	return t.Input
}

// descend collects what is below a task, of the newest runs.
func (s *store) descend(id workflow.ID, below map[workflow.ID]bool) {
	for _, child := range s.children[family{id, s.tasks[id].Run}] {
		below[child] = true
		s.descend(child, below)
	}
}

// journal is what the next turn of an orchestrator is made of.
func (s *store) journal(t *workflow.Task) protocol.Journal {
	j := protocol.Journal{Execution: s.executions[t.Execution], Task: t}
	for _, id := range s.children[family{t.ID, t.Run}] {
		j.Steps = append(j.Steps, s.tasks[id])
	}
	for key, value := range s.state[t.Execution] {
		j.State = append(j.State, workflow.StateEntry{Execution: t.Execution, Key: key, Value: value})
	}
	for name, value := range s.counters[t.Execution] {
		j.Counters = append(j.Counters, workflow.Counter{Execution: t.Execution, Name: name, Value: value})
	}
	return j
}

// items gives the items of a map in their order.
func (s *store) items(of workflow.ID, run int) []*workflow.Task {
	var items []*workflow.Task
	for _, id := range s.children[family{of, run}] {
		items = append(items, s.tasks[id])
	}
	slices.SortStableFunc(items, func(a, b *workflow.Task) int { return cmp.Compare(a.Item, b.Item) })
	return items
}

// stepName says which step of which orchestrator a task is, for people.
func (s *store) stepName(t *workflow.Task) string {
	if t.Op == workflow.OpItem {
		return fmt.Sprintf("%s[%d]", s.tasks[t.Parent].Key, t.Item)
	}
	return t.Key
}
