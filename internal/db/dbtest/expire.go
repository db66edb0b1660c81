package dbtest

import (
	"slices"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

var expiring = map[string]func(*fixture){
	"ExpiredSchedulerCannotLease":          expiredCannotLease,
	"UnknownSchedulerCannotLease":          unknownCannotLease,
	"BeatAfterExpiryIsRefused":             beatAfterExpiry,
	"BeatKeepsASchedulerAlive":             beatKeepsAlive,
	"OrphansAreFound":                      orphansAreFound,
	"LivingSchedulersHaveNoOrphans":        livingHaveNone,
	"HeldFindsLeasesAndUnholdForgetsThem":  heldAndUnhold,
	"SchedulerThatLeftCountsAsAliveNoMore": leave,
	"OrphansOfASchedulerThatLeftAreFound":  leavingOrphans,
}

// expire takes every scheduler for dead: their leases last less than an hour.
func (f *fixture) expire() {
	f.Helper()
	f.ok(f.store.Expire(f.ctx, -time.Hour))
}

func expiredCannotLease(f *fixture) {
	scheduler := f.join()
	e, root := f.start("f")
	f.expire()
	_, _, err := f.store.Claim(f.ctx, scheduler, []db.Quota{quota("f", 1)})
	f.is(err, db.ErrExpired)
	f.refusesLessee(scheduler, e, root)
	f.equal("state", f.task(root.ID).State, workflow.TaskPending)
}

// refusesLessee tries to lease a task in a commit.
func (f *fixture) refusesLessee(scheduler workflow.ID, e *workflow.Execution, root *workflow.Task) {
	f.Helper()
	step := newChild(root, "step", heldBy(scheduler, 1))
	_, err := f.tryCommit(workflow.Need{Executions: []workflow.ID{e.ID}}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.NewTasks, c.Lessee = []*workflow.Task{step}, scheduler
		c.Holds = []workflow.Hold{{Scheduler: scheduler, Execution: e.ID}}
	})
	f.is(err, db.ErrExpired)
	_, _, err = f.store.Task(f.ctx, step.ID)
	f.is(err, db.ErrNotFound)
}

func unknownCannotLease(f *fixture) {
	e, root := f.start("f")
	_, _, err := f.store.Claim(f.ctx, newID(), []db.Quota{quota("f", 1)})
	f.is(err, db.ErrExpired)
	f.refusesLessee(newID(), e, root)
}

func beatAfterExpiry(f *fixture) {
	s := scheduler()
	f.ok(f.store.Join(f.ctx, s))
	f.ok(f.store.Beat(f.ctx, s))
	f.expire()
	f.is(f.store.Beat(f.ctx, s), db.ErrExpired)
	f.is(f.store.Beat(f.ctx, scheduler()), db.ErrExpired)
}

func beatKeepsAlive(f *fixture) {
	s := scheduler()
	f.ok(f.store.Join(f.ctx, s))
	before, err := f.store.Schedulers(f.ctx)
	f.ok(err)
	time.Sleep(2 * time.Millisecond)
	s.State, s.InFlight, s.Queues, s.Lease = db.SchedulerDraining, 9, []string{"eu", "us"}, time.Minute
	f.ok(f.store.Beat(f.ctx, s))
	f.ok(f.store.Expire(f.ctx, time.Hour))
	after, err := f.store.Schedulers(f.ctx)
	f.ok(err)
	f.equal("how many", len(after), 1)
	got := after[0]
	if !got.SeenAt.After(before[0].SeenAt) {
		f.Fatalf("seen at %s, before at %s", got.SeenAt, before[0].SeenAt)
	}
	f.equal("scheduler", []any{got.ID, got.Host, got.State, got.InFlight, got.Capacity, got.Queues, got.Tags, got.Lease},
		[]any{s.ID, "host", db.SchedulerDraining, 9, 10, s.Queues, s.Tags, time.Minute})
}

func orphansAreFound(f *fixture) {
	scheduler := f.join()
	_, due := f.start("f")
	e, root := f.start("g", waiting)
	handed := newChild(root, "handed", heldBy(scheduler, 4))
	settled := newChild(root, "settled", inState(workflow.TaskCompleted))
	f.commit(workflow.Need{}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.NewTasks, c.Lessee = []*workflow.Task{handed, settled}, scheduler
		c.Holds = []workflow.Hold{{Scheduler: scheduler, Execution: e.ID}}
	})
	f.claim(scheduler, quota("f", 1))
	f.expire()

	one, err := f.store.Orphans(f.ctx, 1)
	f.ok(err)
	f.equal("at most one", len(one), 1)
	all, err := f.store.Orphans(f.ctx, 10)
	f.ok(err)
	slices.SortFunc(all, func(a, b workflow.Lease) int { return a.Task.Compare(b.Task) })
	f.equal("orphans", all, []workflow.Lease{{Execution: due.Execution, Task: due.ID, Token: 1}, {Execution: e.ID, Task: handed.ID, Token: 4}})

	for _, l := range all {
		f.commit(workflow.Need{Executions: []workflow.ID{l.Execution}, Tasks: []workflow.ID{l.Task}}, func(loaded *workflow.Loaded, c *workflow.Change) {
			for _, t := range loaded.Tasks {
				if t.ID == l.Task {
					t.State, t.Holder, t.DueAt, t.Token = workflow.TaskPending, workflow.ID{}, &loaded.Now, t.Token+1
					c.Tasks = []workflow.TaskUpdate{{Task: t, WasToken: l.Token}}
				}
			}
		})
	}
	none, err := f.store.Orphans(f.ctx, 10)
	f.ok(err)
	f.equal("orphans left", len(none), 0)
	schedulers, err := f.store.Schedulers(f.ctx)
	f.ok(err)
	f.equal("schedulers", len(schedulers), 1)
	f.equal("state and in flight of one that was taken over", []any{schedulers[0].State, schedulers[0].InFlight}, []any{db.SchedulerExpired, 3})
	f.equal("claimable", len(f.claim(f.join(), quota("f", 9), quota("step", 9))), 2)
}

func leavingOrphans(f *fixture) {
	scheduler := f.join()
	f.start("f")
	f.claim(scheduler, quota("f", 1))
	f.ok(f.store.Leave(f.ctx, scheduler))
	for _, left := range []int{1, 1} {
		orphans, err := f.store.Orphans(f.ctx, 10)
		f.ok(err)
		f.equal("orphans", len(orphans), left)
	}
	schedulers, err := f.store.Schedulers(f.ctx)
	f.ok(err)
	f.equal("state and in flight", []any{schedulers[0].State, schedulers[0].InFlight}, []any{db.SchedulerStopped, 0})
}

func livingHaveNone(f *fixture) {
	scheduler := f.join()
	f.start("f")
	f.claim(scheduler, quota("f", 1))
	f.ok(f.store.Expire(f.ctx, time.Hour))
	orphans, err := f.store.Orphans(f.ctx, 10)
	f.ok(err)
	f.equal("orphans", len(orphans), 0)
}

func heldAndUnhold(f *fixture) {
	scheduler, other := f.join(), f.join()
	a, aRoot := f.start("f")
	b, bRoot := f.start("f")
	c, _ := f.start("g")
	f.claim(scheduler, quota("f", 5))
	f.claim(other, quota("g", 5))
	held := func(executions ...workflow.ID) map[workflow.ID]bool {
		leases, err := f.store.Held(f.ctx, scheduler, executions)
		f.ok(err)
		ids := map[workflow.ID]bool{}
		for _, l := range leases {
			ids[l.Task] = true
		}
		return ids
	}
	f.equal("all", held(), set(aRoot.ID, bRoot.ID))
	f.equal("of one", held(a.ID), set(aRoot.ID))
	f.equal("of another's", held(c.ID), set())
	f.commit(workflow.Need{Executions: []workflow.ID{a.ID}, Tasks: []workflow.ID{aRoot.ID}}, func(l *workflow.Loaded, change *workflow.Change) {
		t := l.Tasks[0]
		t.State, t.Holder = workflow.TaskCompleted, workflow.ID{}
		change.Tasks = []workflow.TaskUpdate{{Task: t, WasToken: t.Token}}
		change.Unholds = []workflow.Hold{{Scheduler: scheduler, Execution: a.ID}}
	})
	f.equal("after one settled", held(), set(bRoot.ID))
	f.ok(f.store.Unhold(f.ctx, scheduler, []workflow.ID{b.ID}))
	f.equal("what is held is not let go", held(), set(bRoot.ID))
	f.commit(workflow.Need{Executions: []workflow.ID{b.ID}, Tasks: []workflow.ID{bRoot.ID}}, func(l *workflow.Loaded, change *workflow.Change) {
		t := l.Tasks[0]
		t.State, t.Holder = workflow.TaskCompleted, workflow.ID{}
		change.Tasks = []workflow.TaskUpdate{{Task: t, WasToken: t.Token}}
	})
	f.ok(f.store.Unhold(f.ctx, scheduler, []workflow.ID{b.ID}))
	f.equal("after all were let go", held(), set())
}

func leave(f *fixture) {
	s := scheduler()
	f.ok(f.store.Join(f.ctx, s))
	f.ok(f.store.Leave(f.ctx, s.ID))
	f.is(f.store.Beat(f.ctx, s), db.ErrExpired)
	_, _, err := f.store.Claim(f.ctx, s.ID, []db.Quota{quota("f", 1)})
	f.is(err, db.ErrExpired)
	f.ok(f.store.Expire(f.ctx, -time.Hour))
	schedulers, err := f.store.Schedulers(f.ctx)
	f.ok(err)
	for _, left := range schedulers {
		f.equal("state", left.State, db.SchedulerStopped)
	}
}
