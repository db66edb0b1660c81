package dbtest

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

var limiting = map[string]func(*fixture){
	"ClaimTakesNoMoreSlotsThanThereAre":           slotsAreTaken,
	"SlotsAreFreedWhateverEndsTheAttempt":         slotsAreFreed,
	"SlotsAreCountedApartForEachKey":              slotsOfKeys,
	"LanesOfOneFunctionShareItsSlots":             slotsAreShared,
	"MetersThatAllowNothingMoreAreTold":           fullIsTold,
	"ConcurrentClaimsKeepToTheLimit":              claimsKeepToLimit,
	"RateLimitHoldsStartsBack":                    rateHoldsBack,
	"RateLimitLetsMoreStartWhenThePeriodHasGone":  ratePasses,
	"TimeIsUpThoughEverySlotIsTaken":              elapsedOfFullLane,
	"MetersAreForgottenWhenTheySayNothing":        metersAreForgotten,
	"QueuesStayPausedUntilResumed":                queuesPause,
	"QueueDepthsCountWhatIsDueAndNobodyHasLeased": queueDepths,
}

func limited(maxConcurrent int) db.Quota {
	q := quota("f", 100)
	q.MaxConcurrent = maxConcurrent
	return q
}

func (f *fixture) startMany(n int, change ...func(*workflow.Execution, *workflow.Task)) {
	f.Helper()
	for range n {
		f.start("f", change...)
	}
}

func keyed(key string) func(*workflow.Execution, *workflow.Task) {
	return func(_ *workflow.Execution, t *workflow.Task) { t.Options = &workflow.CallOptions{ConcurrencyKey: key} }
}

// end settles a claimed task.
func (f *fixture) end(t *workflow.Task) {
	f.Helper()
	f.commit(workflow.Need{Executions: []workflow.ID{t.Execution}, Tasks: []workflow.ID{t.ID}}, func(l *workflow.Loaded, c *workflow.Change) {
		was := l.Tasks[0].Token
		l.Tasks[0].State, l.Tasks[0].Holder, l.Tasks[0].Slot = workflow.TaskCompleted, workflow.ID{}, false
		c.Tasks = []workflow.TaskUpdate{{Task: l.Tasks[0], WasToken: was}}
	})
}

func slotsAreTaken(f *fixture) {
	scheduler := f.join()
	f.startMany(5)
	first := f.claim(scheduler, limited(2))
	f.equal("claimed", []any{len(first), first[0].Task.Slot}, []any{2, true})
	meters, err := f.store.Meters(f.ctx, []db.MeterRef{{Function: "f"}, {Function: "g"}})
	f.ok(err)
	f.equal("meters", []int{meters[db.MeterRef{Function: "f"}].Running, meters[db.MeterRef{Function: "g"}].Running}, []int{2, 0})
	f.equal("nothing is left", len(f.claim(f.join(), limited(2))), 0)
	f.equal("the slot is loaded", f.load(workflow.Need{Tasks: []workflow.ID{first[0].Task.ID}}).Tasks[0].Slot, true)
	f.end(first[0].Task)
	second := f.claim(scheduler, limited(2))
	f.equal("after one has ended", len(second), 1)
	f.equal("with a higher limit", len(f.claim(scheduler, limited(3))), 1)
	unlimited := f.claim(scheduler, quota("f", 10))
	f.equal("without a limit", []any{len(unlimited), unlimited[0].Task.Slot}, []any{1, false})
}

func slotsAreFreed(f *fixture) {
	scheduler := f.join()
	f.startMany(1)
	claimed := f.claim(scheduler, limited(1))[0].Task
	f.startMany(1)
	f.commit(workflow.Need{Executions: []workflow.ID{claimed.Execution}}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.Sweeps = []workflow.Sweep{{Execution: claimed.Execution}}
	})
	again := f.claim(scheduler, limited(1))
	f.equal("after a sweep", len(again), 1)
	f.commit(workflow.Need{Executions: []workflow.ID{again[0].Task.Execution}, Tasks: []workflow.ID{again[0].Task.ID}},
		func(l *workflow.Loaded, c *workflow.Change) {
			t := l.Tasks[0]
			t.State, t.Holder, t.Slot, t.DueAt = workflow.TaskPending, workflow.ID{}, false, &l.Now
			c.Tasks = []workflow.TaskUpdate{{Task: t, WasToken: t.Token}}
		})
	f.equal("after it was released", len(f.claim(scheduler, limited(1))), 1)
}

func slotsOfKeys(f *fixture) {
	scheduler := f.join()
	f.startMany(3)
	f.startMany(3, keyed("a"))
	f.startMany(3, keyed("b"))
	lanes, err := f.store.Lanes(f.ctx)
	f.ok(err)
	f.equal("lanes", len(lanes), 3)
	quotas := make([]db.Quota, len(lanes))
	for i, lane := range lanes {
		quotas[i] = db.Quota{Lane: lane, Limit: 10, Kind: workflow.KindActivity, MaxConcurrent: 2}
	}
	count := map[string]int{}
	for _, c := range f.claim(scheduler, quotas...) {
		count[c.Task.ConcurrencyKey()]++
	}
	f.equal("claimed", count, map[string]int{"": 2, "a": 2, "b": 2})
}

func slotsAreShared(f *fixture) {
	f.startMany(3)
	f.startMany(3, func(_ *workflow.Execution, t *workflow.Task) { t.Priority = 9 })
	high := limited(4)
	high.Priority = 9
	count := map[int]int{}
	for _, c := range f.claim(f.join(), high, limited(4)) {
		count[c.Task.Priority]++
	}
	f.equal("claimed", count, map[int]int{9: 3})
	count = map[int]int{}
	for _, c := range f.claim(f.join(), limited(4), high) {
		count[c.Task.Priority]++
	}
	f.equal("then", count, map[int]int{0: 1})
}

func fullIsTold(f *fixture) {
	f.startMany(3)
	scheduler := f.join()
	claim := func(q db.Quota) (int, bool) {
		claimed, back, err := f.store.Claim(f.ctx, scheduler, []db.Quota{q, quota("none", 1)})
		f.ok(err)
		f.equal("of what is not limited", back.Of(quota("none", 1)), false)
		return len(claimed), back.Of(q)
	}
	one := limited(3)
	one.Limit = 1
	n, full := claim(one)
	f.equal("one of three", []any{n, full}, []any{1, false})
	n, full = claim(limited(4))
	f.equal("all there are", []any{n, full}, []any{2, false})
	f.startMany(2)
	n, full = claim(limited(4))
	f.equal("all that may", []any{n, full}, []any{1, true})
	n, full = claim(limited(4))
	f.equal("none", []any{n, full}, []any{0, true})
}

// claimsKeepToLimit lets schedulers claim and end attempts at once, and counts how many run.
func claimsKeepToLimit(f *fixture) {
	const tasks, claimers, most = 200, 6, 3
	f.startMany(tasks)
	var running, peak, ended atomic.Int64
	var done sync.WaitGroup
	for range claimers {
		scheduler := f.join()
		done.Go(func() {
			for ended.Load() < tasks {
				claimed, _, err := f.store.Claim(f.ctx, scheduler, []db.Quota{limited(most)})
				if errors.Is(err, db.ErrConflict) {
					continue
				}
				if err != nil {
					f.Errorf("claiming: %v", err)
					return
				}
				for now := running.Add(int64(len(claimed))); ; {
					was := peak.Load()
					if now <= was || peak.CompareAndSwap(was, now) {
						break
					}
				}
				for _, c := range claimed {
					running.Add(-1)
					f.end(c.Task)
					ended.Add(1)
				}
			}
		})
	}
	done.Wait()
	f.equal("the most that ran at once", peak.Load() <= most && peak.Load() > 0, true)
	f.equal("all ended", ended.Load(), int64(tasks))
}

func rated(limit int, per time.Duration) db.Quota {
	q := quota("f", 100)
	q.Rate = &workflow.RateLimit{Limit: limit, Per: per}
	return q
}

func rateHoldsBack(f *fixture) {
	f.startMany(5)
	claim := func(q db.Quota) (int, time.Duration) {
		claimed, back, err := f.store.Claim(f.ctx, f.join(), []db.Quota{q})
		f.ok(err)
		return len(claimed), back.Again
	}
	one := rated(3, time.Hour)
	one.Limit = 1
	n, again := claim(one)
	f.equal("one", []any{n, again}, []any{1, time.Duration(0)})
	n, again = claim(rated(3, time.Hour))
	f.equal("the rest of the period", []any{n, again > 59*time.Minute && again <= time.Hour}, []any{2, true})
	n, again = claim(rated(3, time.Hour))
	f.equal("beyond it", []any{n, again > 59*time.Minute && again <= time.Hour}, []any{0, true})
	meters, err := f.store.Meters(f.ctx, []db.MeterRef{{Function: "f"}})
	f.ok(err)
	count := 0
	for _, s := range meters[db.MeterRef{Function: "f"}].Starts {
		count += s.Count
	}
	f.equal("starts", count, 3)
}

func ratePasses(f *fixture) {
	f.startMany(4)
	started := map[time.Time]int{}
	for deadline := time.Now().Add(time.Minute); len(started) < 2; {
		if time.Now().After(deadline) {
			f.Fatal("nothing more started")
		}
		claimed := f.claim(f.join(), rated(2, 200*time.Millisecond))
		for _, c := range claimed {
			started[*c.Task.StartedAt]++
		}
	}
	var at []time.Time
	for t, n := range started {
		f.equal("together", n, 2)
		at = append(at, t)
	}
	apart := at[0].Sub(at[1]).Abs()
	f.equal("a period apart", apart >= 150*time.Millisecond, true)
}

func elapsedOfFullLane(f *fixture) {
	scheduler := f.join()
	f.startMany(2)
	t := f.claim(scheduler, limited(1))[0].Task
	past := t.CreatedAt.Add(-time.Minute)
	f.commit(workflow.Need{Executions: []workflow.ID{t.Execution}, Tasks: []workflow.ID{t.ID}}, func(l *workflow.Loaded, c *workflow.Change) {
		l.Tasks[0].Holder, l.Tasks[0].DueAt = workflow.ID{}, &past // it answered that a report will follow, which is late
		c.Tasks = []workflow.TaskUpdate{{Task: l.Tasks[0], WasToken: t.Token}}
	})
	lanes, err := f.store.Lanes(f.ctx)
	f.ok(err)
	var claimed []db.Claimed
	for _, lane := range lanes {
		if lane.Function == "" {
			claimed = append(claimed, f.claim(scheduler, db.Quota{Lane: lane, Limit: 10})...)
		}
	}
	f.equal("claimed", claimedIDs(claimed), []workflow.ID{t.ID})
	f.equal("as elapsed, with its slot", []any{claimed[0].Elapsed, claimed[0].Task.Slot}, []any{true, true})
	f.equal("there is no other slot", len(f.claim(scheduler, limited(1))), 0)
	depths, err := f.store.QueueDepths(f.ctx)
	f.ok(err)
	f.equal("depth", depths[0].Due, int64(1))
}

func metersAreForgotten(f *fixture) {
	f.startMany(2)
	f.claim(f.join(), rated(5, time.Hour))
	n, err := f.store.ForgetMeters(f.ctx, 10)
	f.ok(err)
	f.equal("forgotten", n, 0)
}

func queuesPause(f *fixture) {
	for range 2 {
		f.ok(f.store.PauseQueue(f.ctx, "b", true))
		f.ok(f.store.PauseQueue(f.ctx, "a", true))
	}
	names, err := f.store.PausedQueues(f.ctx)
	f.ok(err)
	f.equal("paused", names, []string{"a", "b"})
	for range 2 {
		f.ok(f.store.PauseQueue(f.ctx, "a", false))
	}
	names, err = f.store.PausedQueues(f.ctx)
	f.ok(err)
	f.equal("paused", names, []string{"b"})
}

func queueDepths(f *fixture) {
	scheduler := f.join()
	f.startMany(3)
	f.startMany(2, func(_ *workflow.Execution, t *workflow.Task) { t.Queue = "eu" })
	f.startMany(1, func(_ *workflow.Execution, t *workflow.Task) {
		later := t.DueAt.Add(time.Hour)
		t.DueAt = &later
	})
	f.claim(scheduler, quota("f", 1))
	depths, err := f.store.QueueDepths(f.ctx)
	f.ok(err)
	count := map[string]int64{}
	for _, d := range depths {
		count[d.Name] = d.Due
		f.equal("oldest", d.Oldest.IsZero(), false)
	}
	f.equal("due", count, map[string]int64{"default": 2, "eu": 2})
}
