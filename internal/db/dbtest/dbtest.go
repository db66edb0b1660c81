// Package dbtest is the conformance suite of package db: what every store must do,
// one sentence a test. It hands stores changes made by hand, so that it does not
// depend on what package workflow decides. It imports db and workflow, and only
// tests of stores import it.
package dbtest

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

// Open gives a store on a fresh database that ends with the test.
type Open func(t testing.TB) db.Store

// Run runs the suite, in parallel, each test on a database of its own.
func Run(t *testing.T, open Open) {
	for _, group := range []map[string]func(*fixture){journal, sweeping, mailbox, sharing, leasing, limiting, expiring, pausing, calling, burying, catalog, listing, changing, counting, ending} {
		for name, test := range group {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(newFixture(t, open))
			})
		}
	}
}

// fixture is a test and its store.
type fixture struct {
	testing.TB
	store db.Store
	ctx   context.Context //nolint:containedctx // the test's own
}

func newFixture(t testing.TB, open Open) *fixture {
	t.Helper()
	return &fixture{TB: t, store: open(t), ctx: t.Context()}
}

var lastID atomic.Uint64

// newID gives ids in their order, as if they were made around at.
func newID() workflow.ID {
	var id workflow.ID
	binary.BigEndian.PutUint64(id[:], uint64(at(0).UnixMilli())<<16) //nolint:gosec // after 1970
	binary.BigEndian.PutUint64(id[8:], lastID.Add(1))
	return id
}

func (f *fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) is(err, want error) {
	f.Helper()
	if !errors.Is(err, want) {
		f.Fatalf("got error %v, want %v", err, want)
	}
}

func (f *fixture) equal(what string, got, want any) {
	f.Helper()
	if reflect.DeepEqual(got, want) {
		return
	}
	g, _ := json.MarshalIndent(got, "", " ")
	w, _ := json.MarshalIndent(want, "", " ")
	f.Fatalf("%s\ngot  %s\nwant %s", what, g, w)
}

// commit saves a change that is made of what was loaded.
func (f *fixture) commit(need workflow.Need, fill func(l *workflow.Loaded, c *workflow.Change)) db.Saved {
	f.Helper()
	saved, err := f.tryCommit(need, fill)
	f.ok(err)
	return saved
}

func (f *fixture) tryCommit(need workflow.Need, fill func(l *workflow.Loaded, c *workflow.Change)) (db.Saved, error) {
	return f.store.Commit(f.ctx, need, func(l *workflow.Loaded) (*workflow.Change, error) {
		c := &workflow.Change{Now: l.Now}
		fill(l, c)
		return c, nil
	})
}

// overview reads an execution with all that is shown of it.
func (f *fixture) overview(id workflow.ID) *db.Overview {
	f.Helper()
	overview, err := f.store.Overview(f.ctx, id)
	f.ok(err)
	f.equal("execution", overview.ID, id)
	return overview
}

// load gives what a need loads, and stores nothing.
func (f *fixture) load(need workflow.Need) *workflow.Loaded {
	f.Helper()
	var loaded *workflow.Loaded
	_, err := f.store.Commit(f.ctx, need, func(l *workflow.Loaded) (*workflow.Change, error) {
		loaded = l
		return nil, nil //nolint:nilnil // nothing to save
	})
	f.ok(err)
	return loaded
}

// newExecution is a pending execution with its root task, which is due at a time.
func newExecution(function string, due time.Time) (*workflow.Execution, *workflow.Task) {
	e := &workflow.Execution{
		ID: newID(), Function: function, Input: json.RawMessage(`{"n": 1}`), Tags: []string{"a", "b"}, Seed: "seed",
		Queue: workflow.DefaultQueue, RootTask: newID(), CreatedAt: due, State: workflow.ExecutionPending,
	}
	return e, &workflow.Task{
		ID: e.RootTask, Execution: e.ID, Key: "root", Op: workflow.OpStart, Name: function, Queue: e.Queue,
		CreatedAt: due, Kind: workflow.KindActivity, State: workflow.TaskPending, DueAt: &due, ScheduledFor: &due,
	}
}

// start stores an execution whose root task is due, as changed.
func (f *fixture) start(function string, change ...func(*workflow.Execution, *workflow.Task)) (e *workflow.Execution, root *workflow.Task) {
	f.Helper()
	f.commit(workflow.Need{}, func(l *workflow.Loaded, c *workflow.Change) {
		e, root = newExecution(function, l.Now)
		for _, change := range change {
			change(e, root)
		}
		c.NewExecutions, c.NewTasks = []*workflow.Execution{e}, []*workflow.Task{root}
	})
	return e, root
}

// waiting makes a root task that of an orchestrator which nobody need claim.
func waiting(_ *workflow.Execution, root *workflow.Task) {
	root.Kind, root.State, root.DueAt = workflow.KindOrchestrator, workflow.TaskWaiting, nil
}

// newChild is an activity that nobody holds yet, as changed.
func newChild(parent *workflow.Task, key string, change ...func(*workflow.Task)) *workflow.Task {
	t := &workflow.Task{
		ID: newID(), Execution: parent.Execution, Parent: parent.ID, ParentRun: parent.Run, Key: key, Op: workflow.OpCall,
		Name: "step", Queue: workflow.DefaultQueue, Input: json.RawMessage(`1`), CreatedAt: parent.CreatedAt,
		Kind: workflow.KindActivity, State: workflow.TaskPending,
	}
	for _, change := range change {
		change(t)
	}
	return t
}

// newItems are the items of a map, from 0.
func newItems(m *workflow.Task, n int) []*workflow.Task {
	items := make([]*workflow.Task, n)
	for i := range items {
		items[i] = newChild(m, strconv.Itoa(i), func(t *workflow.Task) {
			t.Op, t.Item, t.ParentRun = workflow.OpItem, i, 0
		})
	}
	return items
}

func isMap(t *workflow.Task) {
	t.Op, t.Kind, t.State, t.Queue = workflow.OpMap, workflow.KindMap, workflow.TaskWaiting, ""
}

func isOrchestrator(t *workflow.Task) {
	t.Kind, t.State = workflow.KindOrchestrator, workflow.TaskWaiting
}

func inState(s workflow.TaskState) func(*workflow.Task) {
	return func(t *workflow.Task) { t.State = s }
}

func heldBy(scheduler workflow.ID, token int64) func(*workflow.Task) {
	return func(t *workflow.Task) { t.State, t.Holder, t.Token = workflow.TaskRunning, scheduler, token }
}

func due(at time.Time) func(*workflow.Task) {
	return func(t *workflow.Task) { t.DueAt, t.ScheduledFor = &at, &at }
}

// add stores tasks.
func (f *fixture) add(tasks ...*workflow.Task) {
	f.Helper()
	f.commit(workflow.Need{}, func(_ *workflow.Loaded, c *workflow.Change) { c.NewTasks = tasks })
}

func (f *fixture) task(id workflow.ID) *workflow.Task {
	f.Helper()
	t, _, err := f.store.Task(f.ctx, id)
	f.ok(err)
	return t
}

func (f *fixture) execution(id workflow.ID) *workflow.Execution {
	f.Helper()
	e, err := f.store.Execution(f.ctx, id)
	f.ok(err)
	return e
}

// join registers a scheduler.
func (f *fixture) join() workflow.ID {
	f.Helper()
	s := scheduler()
	f.ok(f.store.Join(f.ctx, s))
	return s.ID
}

func scheduler() db.Scheduler {
	return db.Scheduler{
		ID: newID(), Host: "host", State: db.SchedulerReady, Queues: []string{"default"}, Tags: []string{"gpu"},
		Capacity: 10, InFlight: 3, Lease: 30 * time.Second,
	}
}

func quota(function string, limit int) db.Quota {
	return db.Quota{Lane: db.Lane{Queue: workflow.DefaultQueue, Function: function}, Limit: limit, Kind: workflow.KindActivity}
}

func (f *fixture) claim(scheduler workflow.ID, quotas ...db.Quota) []db.Claimed {
	f.Helper()
	claimed, _, err := f.store.Claim(f.ctx, scheduler, quotas)
	f.ok(err)
	return claimed
}

func idsOf(tasks []*workflow.Task) map[workflow.ID]bool {
	ids := make(map[workflow.ID]bool, len(tasks))
	for _, t := range tasks {
		ids[t.ID] = true
	}
	return ids
}

func set(ids ...workflow.ID) map[workflow.ID]bool {
	s := make(map[workflow.ID]bool, len(ids))
	for _, id := range ids {
		s[id] = true
	}
	return s
}

func claimedIDs(claimed []db.Claimed) []workflow.ID {
	ids := make([]workflow.ID, len(claimed))
	for i, c := range claimed {
		ids[i] = c.Task.ID
	}
	return ids
}
