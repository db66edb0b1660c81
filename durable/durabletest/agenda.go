package durabletest

import (
	"cmp"
	"container/heap"
	"slices"
	"time"

	"github.com/stent-dev/stent/internal/workflow"
)

// agenda is what happens at what time: tasks that become due, and answers that are
// given later. What is due at the same time goes by priority, and then in the order
// in which it came to be due.
type agenda struct {
	entries entries
	count   int
}

// entry is a task that is due, unless it was moved since, or an answer.
type entry struct {
	at       time.Time
	priority int
	order    int
	task     workflow.ID
	answer   workflow.Event // nil: the task is due
}

type entries []entry

func (e entries) Len() int      { return len(e) }
func (e entries) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e entries) Less(i, j int) bool {
	a, b := e[i], e[j]
	return cmp.Or(a.at.Compare(b.at), cmp.Compare(b.priority, a.priority), cmp.Compare(a.order, b.order)) < 0
}
func (e *entries) Push(x any) { *e = append(*e, x.(entry)) }
func (e *entries) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	*e = slices.Delete(*e, last, last+1)
	return x
}

func (a *agenda) add(e entry) {
	a.count++
	e.order = a.count
	heap.Push(&a.entries, e)
}

// schedule notes when a task is due, if it is.
func (s *store) schedule(t *workflow.Task) {
	if t.DueAt != nil {
		s.due.add(entry{at: *t.DueAt, priority: t.Priority, task: t.ID})
	}
}

// next gives what happens next; ok is false when nothing ever will by itself.
func (s *store) next() (e entry, ok bool) {
	for len(s.due.entries) > 0 {
		e := s.due.entries[0]
		t := s.tasks[e.task]
		switch {
		case e.answer != nil:
			return e, true
		case t.DueAt == nil || !t.DueAt.Equal(e.at):
			heap.Pop(&s.due.entries) // it was settled or moved
		default:
			return e, true
		}
	}
	return entry{}, false
}

// take removes what next gave.
func (s *store) take() { heap.Pop(&s.due.entries) }
