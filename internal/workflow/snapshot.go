package workflow

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"
)

// StepRef names a step: the parent task, its run, and the key.
type StepRef struct {
	Parent ID
	Run    int
	Key    string
}

// NameRef names a signal, a counter or an idempotency key of an execution.
type NameRef struct {
	Execution ID
	Name      string
}

// Need is what must be loaded, under the locks of Executions, to decide a batch
// of events. A store loads the union; what does not exist is left out.
type Need struct {
	Executions []ID      // to lock, in the order of ids, and load
	Keys       []string  // and the executions with these idempotency keys
	Tasks      []ID      // with their parents and grandparents
	Steps      []StepRef // children by key
	Waiters    []NameRef // tasks that wait for the signal, with their parents
	Mailbox    []NameRef // signals that no wait has taken, oldest first
	Sent       []NameRef // signals by their idempotency keys
	Counters   []NameRef
	Results    []ResultKey // shared results, to lock in the order of keys unless they can be taken
	ResultsOf  []ID        // and those that these tasks own or await
	Open       []ID        // executions whose tasks are all wanted that are not settled, but for callbacks and items of maps that are activities
	// Trees are executions of which all tasks are wanted, the results that these own or
	// owned, and all signals that no wait has taken.
	Trees       []ID
	DeadLetters []ID // tasks, of which those are wanted that have a dead letter
}

// NeedOf gives what a batch of events needs, without repetitions.
func NeedOf(events []Event) Need {
	var n Need
	for _, e := range events {
		e.needs(&n)
	}
	n.Executions = sorted(n.Executions)
	n.Tasks = sorted(n.Tasks)
	n.Open = sorted(n.Open)
	n.Trees = sorted(n.Trees)
	n.DeadLetters = sorted(n.DeadLetters)
	n.Keys = distinct(n.Keys)
	n.Steps = distinct(n.Steps)
	n.Waiters = distinct(n.Waiters)
	n.Mailbox = distinct(n.Mailbox)
	n.Sent = distinct(n.Sent)
	n.Counters = distinct(n.Counters)
	n.Results = sortedKeys(n.Results)
	n.ResultsOf = sorted(n.ResultsOf)
	n.Mailbox = slices.DeleteFunc(n.Mailbox, func(ref NameRef) bool { // comes with the tree
		_, found := slices.BinarySearchFunc(n.Trees, ref.Execution, ID.Compare)
		return found
	})
	return n
}

func sorted(ids []ID) []ID {
	slices.SortFunc(ids, ID.Compare)
	return slices.Compact(ids)
}

func sortedKeys(keys []ResultKey) []ResultKey {
	slices.SortFunc(keys, func(a, b ResultKey) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(keys)
}

// distinct keeps the first of each, in their order.
func distinct[T comparable](of []T) []T {
	if len(of) < 2 {
		return of
	}
	seen := make(map[T]struct{}, len(of))
	return slices.DeleteFunc(of, func(v T) bool {
		_, known := seen[v]
		seen[v] = struct{}{}
		return known
	})
}

// Counter is one counter's value.
type Counter struct {
	Execution ID
	Name      string
	Value     int64
}

// Loaded is what a store found of a Need. Tasks come once each and without their
// Input, Result, Error and Detail, which no decision looks at.
type Loaded struct {
	Now        time.Time // of the transaction, by the database's clock
	Executions []*Execution
	Tasks      []*Task
	Signals    []*Signal
	Sent       []*Signal // that have the idempotency keys, taken or not
	Counters   []Counter
	Results    []LoadedResult
	// DeadLetters are those of the tasks asked for that have one.
	DeadLetters []ID
}

// Change is all that a batch of events changes. A store saves it in the
// transaction that loaded it, or nothing of it.
type Change struct {
	Now           time.Time
	NewExecutions []*Execution
	Executions    []*Execution // the changing fields of locked ones
	NewTasks      []*Task
	Tasks         []TaskUpdate
	Inputs        []TaskInput
	Sweeps        []Sweep
	Releases      []Release
	Parks         []Park
	Gathers       []Gather
	NewSignals    []*Signal
	Taken         []*Signal // TakenBy of buffered ones
	Counters      []Counter // new values
	State         []StateEntry
	Attempts      []FailedAttempt
	DeadLetters   []DeadLetter // of tasks that may have one already
	Exhumed       []ID         // tasks whose dead letters go, if they have one
	Reopened      []Reopened
	Moves         []Move         // come before NewTasks, which may have the same keys
	NewResults    []*Result      // must not exist yet
	Results       []ResultUpdate // of loaded ones
	Holds         []Hold         // executions of which Lessee now holds something; may exist already
	Unholds       []Hold
	// FreedQueues are the queues of limited tasks whose slots this change frees. There is
	// nothing to save of them.
	FreedQueues []string
	// Freed are the results whose owners ended without a value. There is nothing to
	// save of them: they belong to nobody because their owner is not open.
	Freed []ResultKey
	// Handed are the tasks that this change leases to Lessee; they are among
	// NewTasks and Tasks, and there is nothing more to save of them.
	Handed []Handed
	// Lessee is the scheduler that this change leases tasks to; the save is
	// refused if it no longer counts as alive. Zero: nothing is leased.
	Lessee ID
}

// Handed is a task that was leased in the transaction that made it due. Fresh
// says that the transaction made the task too, so that nothing of it need be loaded.
type Handed struct {
	Task      *Task
	Execution *Execution
	Fresh     bool
}

// Empty tells whether there is nothing to save.
func (c *Change) Empty() bool {
	return len(c.NewExecutions)+len(c.Executions)+len(c.NewTasks)+len(c.Tasks)+len(c.Inputs)+len(c.Sweeps)+
		len(c.Releases)+len(c.Parks)+len(c.NewSignals)+len(c.Taken)+len(c.Counters)+len(c.State)+len(c.Attempts)+
		len(c.DeadLetters)+len(c.Exhumed)+len(c.NewResults)+len(c.Results)+len(c.Holds)+len(c.Unholds) == 0
}

// TaskUpdate saves the changing fields of a task, on the condition that its
// token is still the one that was loaded.
type TaskUpdate struct {
	*Task
	WasToken int64
	// SetDetail says that Detail was set; otherwise the stored one stays.
	SetDetail bool
}

// TaskInput replaces a task's input: the next run's.
type TaskInput struct {
	Execution ID
	Task      ID
	Input     json.RawMessage
}

// Reopened is a task that had settled and has not any more: its result and error
// go, before the change updates it, and it gets another queue unless Queue is "".
type Reopened struct {
	Execution ID
	Task      ID
	Queue     string
}

// Move gives a step to another run of its parent: to a new one, which keeps it, or to a
// negative one, which is none. It is of no turn of that run.
type Move struct {
	Execution ID
	Task      ID
	Run       int
}

// Sweep cancels, in one statement, every task below Under that has not settled
// (but not Under itself), or every one of the execution when Under is zero, but for
// callbacks. The token of each grows, so that no answer counts any more. Tasks that
// were made or updated by the same change are swept too.
type Sweep struct {
	Execution ID
	Under     ID
}

// Release makes the items From to To (exclusive) of a map due, those that are still
// pending; parked ones are only scheduled.
type Release struct {
	Execution ID
	Map       ID
	Run       int // of the map's items: their ParentRun
	From, To  int
	Parked    bool
}

// Park takes every pending task of an execution that is due out of what is due, but
// for callbacks; or, if it is not paused any more, makes them due again at the time
// for which they are scheduled. Tasks that were made, updated or released by the
// same change follow too.
type Park struct {
	Execution ID
	Paused    bool
}

// Gather sets a completed map's result from its items, with GatherItems.
type Gather struct {
	Execution ID
	Map       ID
	Run       int
	Collect   bool
}

// Item is what a Gather needs of each item, in the order of Task.Item.
type Item struct {
	State  TaskState
	Result json.RawMessage
	Error  *Error
}

// StateEntry is one key of an execution's custom state.
type StateEntry struct {
	Execution ID
	Key       string
	Value     json.RawMessage
}

// Hold says that a scheduler holds tasks of an execution, or has.
type Hold struct {
	Scheduler ID
	Execution ID
}
