package durabletest

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"github.com/stent-dev/stent/internal/workflow"
)

// save stores a change in the order that the core asks for: what works on many
// tasks comes last, so that it meets those which the same change made or updated.
func (s *store) save(c *workflow.Change) {
	for _, x := range c.NewExecutions {
		s.started = append(s.started, x.ID)
		s.executions[x.ID] = copied(x)
	}
	for _, x := range c.Executions {
		s.executions[x.ID] = copied(x)
	}
	for _, move := range c.Moves {
		s.move(move)
	}
	for _, t := range c.NewTasks {
		s.insert(t)
	}
	for _, r := range c.Reopened {
		s.reopen(r)
	}
	for _, u := range c.Tasks {
		s.update(u)
	}
	for _, in := range c.Inputs {
		s.tasks[in.Task].Input = in.Input
	}
	s.saveContext(c)
	s.saveResults(c)
	for _, letter := range c.DeadLetters {
		s.dead[letter.Task] = letter
	}
	for _, id := range c.Exhumed {
		delete(s.dead, id)
	}
	for _, sweep := range c.Sweeps {
		s.sweep(sweep, c.Now)
	}
	for _, r := range c.Releases {
		s.release(r, c.Now)
	}
	for _, p := range c.Parks {
		s.park(p)
	}
	for _, g := range c.Gathers {
		var items []workflow.Item
		for _, t := range s.items(g.Map, g.Run) {
			items = append(items, workflow.Item{State: t.State, Result: t.Result, Error: t.Error})
		}
		s.tasks[g.Map].Result = workflow.GatherItems(items, g.Collect)
	}
}

// move puts a step into another run of its orchestrator.
func (s *store) move(m workflow.Move) {
	t := s.tasks[m.Task]
	old := family{t.Parent, t.ParentRun}
	s.children[old] = slices.DeleteFunc(s.children[old], func(id workflow.ID) bool { return id == m.Task })
	delete(s.steps, workflow.StepRef{Parent: t.Parent, Run: t.ParentRun, Key: t.Key})
	t.ParentRun, t.ParentTurn = m.Run, 0
	s.adopt(t)
}

// adopt makes a task known as one of its parent's.
func (s *store) adopt(t *workflow.Task) {
	if !t.Parent.IsZero() {
		s.steps[workflow.StepRef{Parent: t.Parent, Run: t.ParentRun, Key: t.Key}] = t.ID
		s.children[family{t.Parent, t.ParentRun}] = append(s.children[family{t.Parent, t.ParentRun}], t.ID)
	}
}

func (s *store) reopen(r workflow.Reopened) {
	t := s.tasks[r.Task]
	t.Result, t.Error, t.Queue = nil, nil, cmp.Or(r.Queue, t.Queue)
}

func (s *store) insert(from *workflow.Task) {
	t := copyTask(from)
	s.tasks[t.ID] = t
	s.of[t.Execution] = append(s.of[t.Execution], t.ID)
	s.adopt(t)
	s.schedule(t)
	s.shares(t)
}

// update keeps what was not loaded, unless the change sets it.
func (s *store) update(u workflow.TaskUpdate) {
	was, t := s.tasks[u.ID], copyTask(u.Task)
	t.Input, t.Queue = was.Input, was.Queue
	if t.Result == nil {
		t.Result = was.Result
	}
	if t.Error == nil && t.State != workflow.TaskCompleted {
		t.Error = was.Error
	}
	if !u.SetDetail {
		t.Detail = was.Detail
	}
	s.tasks[u.ID] = t
	if was.DueAt == nil || t.DueAt == nil || !was.DueAt.Equal(*t.DueAt) {
		s.schedule(t)
	}
	s.shares(t)
}

func (s *store) saveContext(c *workflow.Change) {
	for _, signal := range c.NewSignals {
		s.signals[signal.Execution] = append(s.signals[signal.Execution], copied(signal))
	}
	for _, taken := range c.Taken {
		s.signals[taken.Execution][taken.Seq-1].TakenBy = taken.TakenBy // they are numbered from 1
	}
	for _, counter := range c.Counters {
		if s.counters[counter.Execution] == nil {
			s.counters[counter.Execution] = map[string]int64{}
		}
		s.counters[counter.Execution][counter.Name] = counter.Value
	}
	for _, entry := range c.State {
		if s.state[entry.Execution] == nil {
			s.state[entry.Execution] = map[string]json.RawMessage{}
		}
		s.state[entry.Execution][entry.Key] = entry.Value
	}
}

func (s *store) sweep(sweep workflow.Sweep, now time.Time) {
	for _, id := range s.of[sweep.Execution] {
		t := s.tasks[id]
		if t.State.Settled() || !s.below(t, sweep.Under) {
			continue
		}
		t.State, t.CompletedAt, t.DueAt, t.Holder = workflow.TaskCancelled, &now, nil, workflow.ID{}
		t.WaitingFor, t.Await = "", nil
		if t.OwnsResult.IsZero() {
			t.OwnsResult = t.AwaitsResult
		}
		t.AwaitsResult = workflow.ResultKey{}
		t.Token++
	}
}

// below tells whether a task is somewhere below another, or in the execution if that is zero.
func (s *store) below(t *workflow.Task, under workflow.ID) bool {
	if under.IsZero() {
		return true
	}
	for p := s.tasks[t.Parent]; p != nil; p = s.tasks[p.Parent] {
		if p.ID == under {
			return true
		}
	}
	return false
}

func (s *store) release(r workflow.Release, now time.Time) {
	items := s.children[family{r.Map, r.Run}] // made in the order of their index
	for _, id := range items[r.From:min(r.To, len(items))] {
		t := s.tasks[id]
		if t.State == workflow.TaskPending && t.DueAt == nil && t.Holder.IsZero() {
			t.ScheduledFor = &now
			if !r.Parked {
				t.DueAt = &now
			}
			s.schedule(t)
		}
	}
}

// park takes the tasks of a paused execution out of what is due, or brings them back.
func (s *store) park(p workflow.Park) {
	for _, id := range s.of[p.Execution] {
		t := s.tasks[id]
		switch {
		case t.State != workflow.TaskPending:
		case p.Paused:
			t.DueAt = nil
		case t.DueAt == nil:
			t.DueAt = t.ScheduledFor // none: an item whose turn has not come
			s.schedule(t)
		}
	}
}

// lease takes a due task. elapsed says that its time is up, and that there is
// nothing to deliver. kind is what its function is now: a task that never ran becomes that.
func (s *store) lease(t *workflow.Task, kind workflow.Kind, now time.Time) (lease workflow.Lease, elapsed bool) {
	t.ScheduledFor, t.DueAt, t.Holder = t.DueAt, nil, holder
	t.Token++
	lease = workflow.Lease{Execution: t.Execution, Task: t.ID, Token: t.Token}
	if t.State != workflow.TaskPending {
		return lease, true
	}
	t.State = workflow.TaskRunning
	if kind != "" && t.Attempt == 0 && t.Turn == 0 {
		t.Kind = kind
	}
	t.Attempt++
	if t.StartedAt == nil || t.Kind == workflow.KindActivity {
		t.StartedAt = &now
	}
	if x := s.executions[t.Execution]; t.Root() && x.State == workflow.ExecutionPending {
		x.State, x.StartedAt = workflow.ExecutionRunning, &now
	}
	return lease, false
}

// holder holds what is being delivered: there is one scheduler.
var holder = workflow.ID{15: 1}

// hasten makes tasks of functions that wait after a failure due at once, as a
// registration of the functions does.
func (s *store) hasten(functions map[string]bool, now time.Time) {
	for _, x := range s.started {
		for _, id := range s.of[x] {
			t := s.tasks[id]
			if functions[t.Name] && t.State == workflow.TaskPending && t.Failures > 0 && t.DueAt != nil && t.DueAt.After(now) {
				t.DueAt, t.ScheduledFor = &now, &now
				s.schedule(t)
			}
		}
	}
}
