// Package db is the contract between Stent's use cases and its stores: what a
// store must do, in words that both PostgreSQL and SQLite can keep, and the
// errors that it gives. Stores load, save and fence; every decision is made by
// package workflow. It imports workflow only.
//
// The adapters are db/postgres and db/sqlite; db/dbtest is the suite that both
// must pass, and db/dbopen chooses one by its URL.
package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/stent-dev/stent/internal/workflow"
)

// Errors that every store gives, found with errors.Is.
var (
	ErrNotFound = errors.New("not found")
	// ErrConflict says that another transaction came first (a serialization
	// failure, a deadlock, a fence that no longer holds, a duplicate key): nothing
	// was stored, and the same call may succeed when tried again.
	ErrConflict = errors.New("another transaction came first")
	// ErrUnknown says that the connection broke while committing: it may be stored or not.
	ErrUnknown = errors.New("it is not known whether the transaction was committed")
	// ErrExpired says that the scheduler was taken for dead: it must let go of all that it holds.
	ErrExpired = errors.New("the scheduler's lease has expired")
	// ErrUnavailable says that the database cannot be reached or does not accept writes now.
	ErrUnavailable = errors.New("the database is unavailable")
)

// ErrTooSlow says that the database gave up a statement that took too long: nothing
// was stored. It is an ErrUnavailable.
var ErrTooSlow = fmt.Errorf("%w: a statement took too long", ErrUnavailable)

// DefaultNamespace is the namespace of everything until someone asks for more.
const DefaultNamespace = "default"

// Store is one database.
type Store interface {
	Journal
	Leases
	Results
	DeadLetters
	Ended
	Catalog
	Queries

	// Ping tells whether the database answers and its schema is current.
	Ping(ctx context.Context) error
	// Pools gives the state of the pools of connections now, always in the same order.
	Pools() []Pool
	// Secret gives the named secret of this database, making it of fresh when there is none yet.
	Secret(ctx context.Context, name string, fresh []byte) ([]byte, error)
	Close() error
}

// Pool is a pool of connections to the database.
type Pool struct {
	Name             string
	Idle, InUse, Max int
	Waits            int64         // times that somebody had to wait for a connection
	Waited           time.Duration // for connections, all together
}

// Journal is the way of every transition.
type Journal interface {
	// Commit locks what need names, loads it, lets decide make a change of it, and
	// saves that, as one transaction. When decide gives an error or an empty change,
	// nothing is stored. It takes one round trip to load and one to save, whatever
	// the number of events. Errors: ErrConflict, ErrUnknown, ErrExpired,
	// ErrUnavailable, and what decide gave.
	Commit(ctx context.Context, need workflow.Need, decide func(*workflow.Loaded) (*workflow.Change, error)) (Saved, error)
	// Turns loads what the turns of these orchestrator tasks are made of, in any order.
	Turns(ctx context.Context, tasks []workflow.ID) ([]Turn, error)
}

// Saved is what a commit found out while saving.
type Saved struct {
	// Swept are the tasks that a Sweep cancelled and that a scheduler held.
	Swept []workflow.Lease
}

// Turn is what one turn of an orchestrator is made of. The task's Input is the
// run's (the execution's, where the task has none of its own).
type Turn struct {
	Execution *workflow.Execution
	Task      *workflow.Task
	// Steps are the task's children of its current run, in the order in which they
	// were made, with Result and Error but without Input.
	Steps    []*workflow.Task
	State    []workflow.StateEntry
	Counters []workflow.Counter
}

// Results is what is done about shared results beside commits.
type Results interface {
	// SettledResults gives the results that tasks wait for though nobody runs for
	// them any more. Its cost follows the number of results that are waited for, not
	// of the tasks that wait.
	SettledResults(ctx context.Context) ([]SettledResult, error)
	// ResultWaiters gives at most limit tasks that wait for a result, those that were
	// made first, but for those of paused executions. Of each lease, only Execution
	// and Task are set.
	ResultWaiters(ctx context.Context, key workflow.ResultKey, limit int) ([]workflow.Lease, error)
	// InvalidateResults deletes at most limit completed results of the function, with
	// version not nil of that version, and tells how many it deleted.
	InvalidateResults(ctx context.Context, function string, version *string, limit int) (int, error)
	// DeleteOldResults deletes at most limit results that expired a minute ago, and as
	// many that were left running an hour ago by owners that are gone; it tells how
	// many it deleted.
	DeleteOldResults(ctx context.Context, limit int) (int, error)
}

// SettledResult is a result that nobody runs for. Completed says that it can be
// taken, otherwise one of those that wait for it is to run.
type SettledResult struct {
	Key       workflow.ResultKey
	Completed bool
}

// Leases is how schedulers find due work and stay alive.
type Leases interface {
	// Lanes gives the lanes that have tasks due now, in any order. Its cost follows
	// the number of lanes, not of tasks.
	Lanes(ctx context.Context) ([]Lane, error)
	// Claim leases due tasks, of each lane at most as many as asked for, those due
	// longest first: token and attempt grow, state becomes running (a waiting task
	// keeps its state), started_at becomes now for an activity (and, where unset, for
	// an orchestrator), the holder is set, pending executions whose root task it is
	// become running. No task is waited for: what others have locked is passed over.
	//
	// Of limited lanes it leases no more than their meters allow, which it counts and
	// keeps under locks of its own; each task that begins an attempt takes a slot.
	// Errors: ErrExpired, ErrConflict, ErrUnavailable.
	Claim(ctx context.Context, scheduler workflow.ID, lanes []Quota) ([]Claimed, HeldBack, error)
	// ForgetMeters deletes at most so many meters of limited functions that say nothing any more.
	ForgetMeters(ctx context.Context, limit int) (deleted int, err error)

	// Join registers a scheduler. Beat renews what it holds, all of it, by one
	// write: ErrExpired when others have already taken it for dead.
	Join(ctx context.Context, s Scheduler) error
	Beat(ctx context.Context, s Scheduler) error
	// Leave ends a scheduler. It should hold nothing any more: what it does is orphaned.
	Leave(ctx context.Context, scheduler workflow.ID) error
	// Expire marks the schedulers as expired whose lease, as they said it, ran out that
	// long ago or longer.
	Expire(ctx context.Context, grace time.Duration) error
	// Orphans gives leases of schedulers that have expired or left, at most limit. The
	// same call takes those off the books that hold nothing any more, which are then
	// still listed for a day, as they were.
	Orphans(ctx context.Context, limit int) ([]workflow.Lease, error)
	// Held gives the leases that the scheduler holds in these executions; with none
	// named, in all. It serves to find leases that a scheduler does not know it has.
	Held(ctx context.Context, scheduler workflow.ID, executions []workflow.ID) ([]workflow.Lease, error)
	// Unhold forgets that the scheduler holds anything of these executions, but of
	// those of which it does. Claims and commits of it that are under way are waited for.
	Unhold(ctx context.Context, scheduler workflow.ID, executions []workflow.ID) error
	// Hasten makes the tasks of the function due now whose next delivery was put off:
	// those that are pending after at least one failure.
	Hasten(ctx context.Context, function string) error
	// NextDue tells how long it is until the next task becomes due that is not yet;
	// ok is false when there is none.
	NextDue(ctx context.Context) (in time.Duration, ok bool, err error)
}

// Lane is a kind of due work that is claimed or passed over as a whole.
type Lane struct {
	Queue    string // "" for timers
	Function string // workflow.Task.Lane: "" for timers, of callbacks a name that no function has
	Version  string // "" also for tasks that take the current version: see Pinned
	Pinned   bool
	Priority int
	Key      string    // the concurrency key of its tasks
	Oldest   time.Time // when its first task became due
}

// Quota asks for tasks of a lane.
type Quota struct {
	Lane
	Limit int
	// Kind is what the lane's function is registered as now; a task that was made
	// before its function was registered becomes it. "" for timers.
	Kind workflow.Kind
	// The limits of the lane's function: 0 and nil are none.
	MaxConcurrent int
	Rate          *workflow.RateLimit
}

// Limited tells whether a meter has to be kept for the lane.
func (q *Quota) Limited() bool { return q.MaxConcurrent > 0 || q.Rate != nil }

// Claimed is a leased task. The task's Input is set, also on a root task. Of the
// execution only ID, Function, Version, State, Tags, Seed, TraceParent, DeadlineAt
// and CancelRequested are.
type Claimed struct {
	Task      *workflow.Task
	Execution *workflow.Execution
	// Elapsed says that the task was not pending: the time of a timer, of a wait or
	// of an asynchronous attempt is up, and there is nothing to deliver.
	Elapsed bool
}

// SchedulerState is where a scheduler instance stands.
type SchedulerState string

// The states of a scheduler instance.
const (
	SchedulerStarting SchedulerState = "starting"
	SchedulerReady    SchedulerState = "ready"
	SchedulerDraining SchedulerState = "draining"
	SchedulerStopped  SchedulerState = "stopped"
	SchedulerExpired  SchedulerState = "expired"
)

// Scheduler is one scheduler instance.
type Scheduler struct {
	ID        workflow.ID
	Host      string
	State     SchedulerState
	Queues    []string
	Tags      []string
	Capacity  int
	InFlight  int
	StartedAt time.Time
	SeenAt    time.Time
	// Lease is how long after SeenAt others take over what it holds.
	Lease time.Duration
}

// Catalog is what is registered: functions and the workers that host them.
type Catalog interface {
	PutFunctions(ctx context.Context, functions []*workflow.Function) error
	Functions(ctx context.Context) ([]*workflow.Function, error) // all, newest registration first
	DeleteFunction(ctx context.Context, name string) error       // every version; ErrNotFound
	// PutWorker makes or renews the worker with this URL, with its functions: those
	// that it had and are not named any more go. It gives the worker as stored.
	PutWorker(ctx context.Context, w *workflow.Worker, functions []*workflow.Function) (*workflow.Worker, error)
	Workers(ctx context.Context) ([]*workflow.Worker, error)
	DeleteWorker(ctx context.Context, id workflow.ID) error // and its functions; ErrNotFound
	// SetWorkerHealth records a worker's health; since is kept when it already was unreachable.
	// PauseQueue stops the delivery of a queue's tasks, or lets it go on.
	PauseQueue(ctx context.Context, name string, paused bool) error
	PausedQueues(ctx context.Context) ([]string, error)
	SetWorkerHealth(ctx context.Context, id workflow.ID, h workflow.WorkerHealth, lastError string) error
}

// Queries are reads for people. They see committed state and lock nothing.
type Queries interface {
	Execution(ctx context.Context, id workflow.ID) (*workflow.Execution, error) // ErrNotFound
	Overview(ctx context.Context, id workflow.ID) (*Overview, error)            // ErrNotFound
	Executions(ctx context.Context, f ExecutionFilter) ([]*workflow.Execution, error)
	// ExecutionIDs gives the ids of what Executions gives.
	ExecutionIDs(ctx context.Context, f ExecutionFilter) ([]workflow.ID, error)
	// States gives the states of those of the executions that exist.
	States(ctx context.Context, ids []workflow.ID) (map[workflow.ID]workflow.ExecutionState, error)
	Task(ctx context.Context, id workflow.ID) (*workflow.Task, []workflow.FailedAttempt, error) // ErrNotFound
	// Tasks is ListTasks.
	Tasks(ctx context.Context, f TaskFilter) (*TaskPage, error)
	Signals(ctx context.Context, execution workflow.ID, p Page) ([]*workflow.Signal, error)
	// Schedulers lists all of them, the newest first. One that was not heard of for longer
	// than its lease, by the database's clock, is SchedulerExpired, though nobody may be
	// there to take over from it.
	Schedulers(ctx context.Context) ([]Scheduler, error)
	// Meters reads meters without locking them.
	Meters(ctx context.Context, refs []MeterRef) (Meters, error)
	// Changes tells what of an execution has changed since a mark that an earlier call
	// gave; a zero mark, or one that says nothing to this database, is before all. Its
	// cost follows the number of the execution's tasks. ErrNotFound.
	Changes(ctx context.Context, execution workflow.ID, since Mark) (*Changes, error)
	// Outline is Overview without Progress. ErrNotFound.
	Outline(ctx context.Context, id workflow.ID) (*Overview, error)
	// TasksByID gives those of the tasks that exist, in the order of their ids.
	TasksByID(ctx context.Context, ids []workflow.ID) ([]*workflow.Task, error)
	// Stats counts, or estimates where there are too many. Its cost does not grow.
	Stats(ctx context.Context) (*Stats, error)
	// QueueDepths gives, of each queue that has any, the tasks that are due, as far as
	// they are counted.
	QueueDepths(ctx context.Context) ([]QueueDepth, error)
}

// Mark is a moment in the life of a database: what was committed by then is before
// it. Only the store that gave it understands it.
type Mark string

// Changes is what of an execution has changed since a mark.
type Changes struct {
	State     workflow.ExecutionState
	Execution bool          // something of the execution itself: a field, a counter, its custom state
	Tasks     []workflow.ID // that are new or changed, in the order of their ids
	// Mark is the moment at which this was so. Rough is one before it that is short
	// enough to travel: since it, some may come again.
	Mark, Rough Mark
}

// QueueDepth is how much is due in a queue.
type QueueDepth struct {
	Name   string
	Due    int64
	More   bool // Due is where counting stopped
	Oldest time.Time
}

// Overview is an execution with all that is shown of it, read in one round trip.
type Overview struct {
	*workflow.Execution
	Progress []Step // in the order in which they were made, without items of maps and what earlier runs made
	Counters []workflow.Counter
	State    []workflow.StateEntry
}

// Step is what is shown of a task in the progress of its execution, which may have
// ten thousand of them; its fields are as those of workflow.Task.
type Step struct {
	ID                                   workflow.ID
	Key                                  string
	Kind                                 workflow.Kind
	State                                workflow.TaskState
	StartedAt, CompletedAt, ScheduledFor *time.Time
	Error                                *workflow.Error
	Detail                               json.RawMessage
	WaitingFor                           string
	AwaitsResult, CacheHit               bool // waits for, or was settled with, the result of another call with the same key
	Items, Open                          int
}

// Page is a part of a list, newest first: at most Limit items whose ids are before Before.
type Page struct {
	Limit  int
	Before workflow.ID // zero: from the newest
}

// ExecutionFilter selects executions; empty fields select all. Several values of one field are alternatives.
type ExecutionFilter struct {
	Page
	States        []workflow.ExecutionState
	Functions     []string
	Queues        []string
	Tags          []string
	CreatedAfter  *time.Time
	CreatedBefore *time.Time
	Paused        *bool
}

// TaskFilter selects tasks, Limit at most; empty fields select all.
type TaskFilter struct {
	Limit     int
	After     *TaskPlace  // nil: from the newest
	Execution workflow.ID // zero: of all
	States    []workflow.TaskState
	Queues    []string
	Functions []string
	Kinds     []workflow.Kind
}
