package db

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"
	"time"

	"github.com/stent-dev/stent/internal/workflow"
)

// A list with filters is put together of runs: each is what one index gives in the
// order of the list, so that a page costs what it shows and not what it passes over.
// Stores give runs of ids; how they make a list is said here, once for all stores.

// ExecutionRun is a part of a list of executions: those of one state, function, queue
// or tag, as far as these are set, that the rest of the filter selects too.
type ExecutionRun struct {
	State                workflow.ExecutionState
	Function, Queue, Tag string
	ExecutionFilter
}

// Runs splits the filter into runs that have no execution in common, but for those of
// several tags. With byTag there is an index of tags that gives one tag in order.
func (f *ExecutionFilter) Runs(byTag bool) (runs []ExecutionRun) {
	rest := *f
	if len(f.Queues) == 1 {
		rest.Queues = nil
	}
	one := func(r ExecutionRun) {
		if len(f.Queues) == 1 {
			r.Queue = f.Queues[0]
		}
		runs = append(runs, r)
	}
	switch {
	case len(f.Tags) > 0 && byTag:
		rest.Tags = nil
		for _, tag := range f.Tags {
			one(ExecutionRun{Tag: tag, ExecutionFilter: rest})
		}
	case len(f.Tags) > 0:
		one(ExecutionRun{ExecutionFilter: rest})
	case len(f.Functions) > 0:
		rest.Functions, rest.States = nil, nil
		states := f.States
		if len(states) == 0 {
			states = ExecutionStates()
		}
		for _, function := range f.Functions {
			for _, state := range states {
				one(ExecutionRun{Function: function, State: state, ExecutionFilter: rest})
			}
		}
	case len(f.States) > 0:
		rest.States = nil
		for _, state := range f.States {
			one(ExecutionRun{State: state, ExecutionFilter: rest})
		}
	case len(f.Queues) > 1 && !slices.Contains(f.Queues, workflow.DefaultQueue):
		rest.Queues = nil
		for _, queue := range f.Queues {
			one(ExecutionRun{Queue: queue, ExecutionFilter: rest})
		}
	default:
		one(ExecutionRun{ExecutionFilter: rest})
	}
	return runs
}

// ExecutionStates are all states of executions.
func ExecutionStates() []workflow.ExecutionState {
	return append(OpenStates(),
		workflow.ExecutionCompleted, workflow.ExecutionFailed, workflow.ExecutionTimedOut, workflow.ExecutionCancelled)
}

// OpenStates are the states of executions that are not terminal.
func OpenStates() []workflow.ExecutionState {
	return []workflow.ExecutionState{
		workflow.ExecutionPending, workflow.ExecutionRunning, workflow.ExecutionCancelling, workflow.ExecutionBlocked,
	}
}

// skew is how far the clock of a service may be from the database's: ids are made by
// the one, times of creation by the other.
const skew = 10 * time.Minute

// IDs bounds the ids of executions that the filter may select: at least the first,
// below the second.
func (f *ExecutionFilter) IDs() (least, below workflow.ID) {
	below = f.Before
	if below.IsZero() {
		below = workflow.ID(bytes.Repeat([]byte{0xff}, len(below)))
	}
	if f.CreatedAfter != nil {
		least = firstID(f.CreatedAfter.Add(-skew))
	}
	if f.CreatedBefore != nil {
		if last := firstID(f.CreatedBefore.Add(skew)); last.Compare(below) < 0 {
			below = last
		}
	}
	return least, below
}

// firstID is below every UUIDv7 of that millisecond or a later one.
func firstID(at time.Time) (id workflow.ID) {
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(max(at.UnixMilli(), 0))) //nolint:gosec // not negative
	copy(id[:6], ms[2:])
	return id
}

// MergeIDs makes one list of runs, each newest first: the newest ids of them all,
// each once, at most limit.
func MergeIDs(runs [][]workflow.ID, limit int) []workflow.ID {
	ids := slices.Concat(runs...)
	if len(runs) > 1 {
		slices.SortFunc(ids, func(a, b workflow.ID) int { return b.Compare(a) })
		ids = slices.Compact(ids)
	}
	return ids[:min(len(ids), limit)]
}

// TaskRun is a part of a list of tasks, in the order of their ids: those that call one
// function, of one queue or one kind, as far as these are set, that the rest of the
// filter selects too.
type TaskRun struct {
	Function, Queue string
	Kind            workflow.Kind
	Erred           bool // only tasks with an error, as all have that failed or were cancelled
	TaskFilter
}

// TaskPlace is where a list of tasks goes on.
type TaskPlace struct {
	Open      bool        // among the open tasks
	Execution workflow.ID // of the open tasks: those of this execution and of earlier ones
	Task      workflow.ID // below this one; of another execution than Execution, any
}

// TaskPage is a part of a list of tasks.
type TaskPage struct {
	Tasks []*workflow.Task
	// Next is where the list goes on, nil at its end. A page may have fewer tasks than
	// its limit, even none, though the list goes on: so much was looked at by then.
	Next *TaskPlace
}

// TaskRef names a task and its execution.
type TaskRef struct{ Execution, Task workflow.ID }

// TaskLister reads what lists of tasks are made of.
type TaskLister interface {
	// OpenExecutions gives executions that are not terminal, newest first.
	OpenExecutions(ctx context.Context, below workflow.ID, limit int) ([]workflow.ID, error)
	// OpenTasks gives tasks of these executions, those of the newest first, and of each the
	// newest first; of the place's execution those that the place is before.
	OpenTasks(ctx context.Context, executions []workflow.ID, f *TaskFilter, place TaskPlace, limit int) ([]TaskRef, error)
	// TaskIDs gives tasks below an id, newest first.
	TaskIDs(ctx context.Context, run *TaskRun, below workflow.ID, limit int) ([]workflow.ID, error)
	TasksByID(ctx context.Context, ids []workflow.ID) ([]*workflow.Task, error)
}

// Bounds of what one page of open tasks looks at.
const (
	openChunk  = 250  // executions at once
	openChunks = 8    // of them
	openLimit  = 1000 // tasks of a page
)

// ListTasks makes a page of tasks, newest first. Those of one execution and those of
// any state are in the order of their ids. No index knows the state of tasks, as the
// hot path would have to write it; so of lists by state, the open tasks come first,
// by their executions, of which the open ones are known: the newest execution first,
// of each its newest task first, without callbacks of executions that have ended.
func ListTasks(ctx context.Context, l TaskLister, f TaskFilter) (*TaskPage, error) {
	var open, settled []workflow.TaskState
	for _, s := range f.States {
		if s.Settled() {
			settled = append(settled, s)
		} else {
			open = append(open, s)
		}
	}
	p := &taskPage{lister: l, limit: min(f.Limit, openLimit)}
	place := TaskPlace{Open: len(open) > 0 && f.Execution.IsZero()}
	if f.After != nil && (f.After.Open == place.Open || place.Open && len(settled) > 0) {
		place = *f.After
	}
	if place.Open {
		of := f
		of.States = open
		done, err := p.open(ctx, &of, place)
		if err != nil || !done || len(settled) == 0 || len(p.ids) >= p.limit {
			if done && err == nil && len(settled) > 0 {
				p.next = &TaskPlace{}
			}
			return p.load(ctx, err)
		}
		place = TaskPlace{}
	}
	if f.Execution.IsZero() && len(open) > 0 {
		f.States = settled
	}
	return p.load(ctx, p.ordered(ctx, &f, place.Task))
}

// taskPage is a page while it is made.
type taskPage struct {
	lister TaskLister
	limit  int
	ids    []workflow.ID
	next   *TaskPlace
}

// load reads the tasks of the page, unless making it failed.
func (p *taskPage) load(ctx context.Context, err error) (*TaskPage, error) {
	if err != nil {
		return nil, err
	}
	page := &TaskPage{Next: p.next}
	if len(p.ids) == 0 {
		return page, nil
	}
	tasks, err := p.lister.TasksByID(ctx, p.ids)
	if err != nil {
		return nil, err
	}
	byID := make(map[workflow.ID]*workflow.Task, len(tasks))
	for _, t := range tasks {
		byID[t.ID] = t
	}
	for _, id := range p.ids {
		if t := byID[id]; t != nil {
			page.Tasks = append(page.Tasks, t)
		}
	}
	return page, nil
}

// open adds open tasks; done tells that there are no more of them.
func (p *taskPage) open(ctx context.Context, f *TaskFilter, place TaskPlace) (done bool, err error) {
	_, below := (&ExecutionFilter{}).IDs()
	var executions []workflow.ID
	if !place.Execution.IsZero() {
		below, executions = place.Execution, []workflow.ID{place.Execution}
	}
	for range openChunks {
		more, err := p.lister.OpenExecutions(ctx, below, openChunk)
		if err != nil {
			return false, err
		}
		executions = append(executions, more...)
		if len(executions) == 0 {
			return true, nil
		}
		refs, err := p.lister.OpenTasks(ctx, executions, f, place, p.limit+1-len(p.ids))
		if err != nil {
			return false, err
		}
		for _, ref := range refs {
			if len(p.ids) == p.limit {
				p.next = &place
				return false, nil
			}
			p.ids = append(p.ids, ref.Task)
			place = TaskPlace{Open: true, Execution: ref.Execution, Task: ref.Task}
		}
		if len(more) < openChunk {
			return true, nil
		}
		below = more[len(more)-1]
		place = TaskPlace{Open: true, Execution: below} // before none of its tasks
		executions = nil
	}
	p.next = &place
	return false, nil
}

// ordered adds tasks in the order of their ids.
func (p *taskPage) ordered(ctx context.Context, f *TaskFilter, below workflow.ID) error {
	if below.IsZero() {
		_, below = (&ExecutionFilter{}).IDs()
	}
	most := p.limit + 1 - len(p.ids)
	runs := f.runs()
	lists := make([][]workflow.ID, len(runs))
	for i := range runs {
		var err error
		if lists[i], err = p.lister.TaskIDs(ctx, &runs[i], below, most); err != nil {
			return err
		}
	}
	ids := MergeIDs(lists, most)
	if len(ids) == most {
		ids = ids[:most-1]
		p.next = &TaskPlace{}
		if len(ids) > 0 {
			p.next.Task = ids[len(ids)-1]
		}
	}
	p.ids = append(p.ids, ids...)
	return nil
}

// runs splits the filter into runs that have no task in common.
func (f *TaskFilter) runs() (runs []TaskRun) {
	erred := len(f.States) > 0
	for _, s := range f.States {
		erred = erred && (s == workflow.TaskFailed || s == workflow.TaskCancelled)
	}
	rest := *f
	switch {
	case !f.Execution.IsZero():
		return []TaskRun{{TaskFilter: rest}}
	case len(f.Functions) > 0:
		rest.Functions = nil
		for _, function := range f.Functions {
			runs = append(runs, TaskRun{Function: function, Erred: erred, TaskFilter: rest})
		}
	case len(f.Queues) > 0 && !slices.Contains(f.Queues, workflow.DefaultQueue):
		rest.Queues = nil
		for _, queue := range f.Queues {
			runs = append(runs, TaskRun{Queue: queue, Erred: erred, TaskFilter: rest})
		}
	case len(f.Kinds) > 0 && !slices.ContainsFunc(f.Kinds, workflow.Kind.Delivered):
		rest.Kinds = nil
		for _, kind := range f.Kinds {
			runs = append(runs, TaskRun{Kind: kind, Erred: erred, TaskFilter: rest})
		}
	default:
		runs = []TaskRun{{Erred: erred, TaskFilter: rest}}
	}
	return runs
}
