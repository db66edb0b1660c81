package durabletest

import (
	"github.com/stent-dev/stent/internal/workflow"
)

// results loads shared results, each once.
func (l *loader) results(need workflow.Need) {
	wanted, of := need.Results, need.ResultsOf
	for _, execution := range need.Trees {
		of = append(of, l.of[execution]...)
	}
	for _, id := range of {
		if t := l.tasks[id]; t != nil {
			wanted = append(wanted, t.OwnsResult, t.AwaitsResult)
		}
	}
	seen := map[workflow.ResultKey]bool{}
	for _, key := range wanted {
		if r := l.store.results[key]; r != nil && !seen[key] {
			seen[key] = true
			l.loaded.Results = append(l.loaded.Results, workflow.LoadedResult{Result: copied(r), Owned: l.owned(r)})
		}
	}
}

// owned tells whether the owner of a result is at it still.
func (s *store) owned(r *workflow.Result) bool {
	t := s.tasks[r.Task]
	return t != nil && !t.State.Settled() && t.OwnsResult == r.Key
}

func (s *store) saveResults(c *workflow.Change) {
	for _, r := range c.NewResults {
		s.results[r.Key] = copied(r)
	}
	for _, u := range c.Results {
		s.results[u.Key] = copied(u.Result)
	}
}

// shares notes that a task waits for a result.
func (s *store) shares(t *workflow.Task) {
	if !t.AwaitsResult.IsZero() {
		s.sharers = append(s.sharers, t.ID)
	}
}

// woken gives a task whose wait for a result is over: it is there, or nobody is at it.
func (s *store) woken() (*workflow.Task, bool) {
	waiting := s.sharers[:0]
	var first *workflow.Task
	for _, id := range s.sharers {
		t := s.tasks[id]
		if t.AwaitsResult.IsZero() || t.State.Settled() {
			continue
		}
		waiting = append(waiting, id)
		x, r := s.executions[t.Execution], s.results[t.AwaitsResult]
		if first == nil && !x.Paused && (r == nil || r.State == workflow.ResultCompleted || !s.owned(r)) {
			first = t
		}
	}
	s.sharers = waiting
	return first, first != nil
}

// wake lets the tasks go on whose wait for a result is over.
func (e *Env) wake() {
	e.t.Helper()
	for t, ok := e.store.woken(); ok; t, ok = e.store.woken() {
		e.decide(workflow.Woken{Execution: t.Execution, Task: t.ID})
		if e.store.tasks[t.ID].AwaitsResult == t.AwaitsResult {
			return // its execution has ended
		}
	}
}

// decides lets the result that a task shares decide whether it is delivered, if that
// was not done when it was made.
func (e *Env) decides(t *workflow.Task, f *function, lease workflow.Lease) (deliver bool) {
	e.t.Helper()
	if !t.Undecided(f.Function) {
		return true
	}
	v := e.commit(workflow.Beginning{Lease: lease, Result: t.KeyOf(f.Function, e.store.input(t))})
	e.must("Beginning", v.Err)
	return !v.Withheld
}
