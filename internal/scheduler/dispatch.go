package scheduler

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/stent-dev/stent/internal/delivery"
	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/telemetry"
	"github.com/stent-dev/stent/internal/workflow"
)

// dispatch claims due tasks when a hint, the clock or room gives reason to look.
func (t *tenure) dispatch(ctx context.Context) {
	for ctx.Err() == nil {
		next, err := t.runOnce(ctx)
		if err != nil && ctx.Err() == nil {
			t.options.Log.WarnContext(ctx, "due tasks could not be claimed", telemetry.LogError, err)
			next = t.options.PollInterval
		}
		if next == 0 {
			continue
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
		case <-t.poke:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// runOnce claims as much as there is room for, and says when to look again.
func (t *tenure) runOnce(ctx context.Context) (next time.Duration, err error) {
	room := t.ledger.reserveClaim()
	defer func() { t.ledger.unreserve(room) }()
	if room == 0 {
		t.ledger.setBacklog(true) // whoever makes room pokes
		return t.options.PollInterval, nil
	}
	lanes, err := t.engine.Lanes(ctx)
	if err != nil {
		return 0, err
	}
	more := false
	var full []engine.HeldBack
	for _, group := range t.quotas(ctx, lanes) {
		// What becomes free meanwhile is for those who were held back, not for what comes after them.
		group = slices.DeleteFunc(group, func(q engine.Quota) bool {
			return slices.ContainsFunc(full, func(back engine.HeldBack) bool { return back.Of(q) })
		})
		left, err := t.claimGroup(ctx, group, &room, &full)
		if err != nil {
			return 0, err
		}
		more = more || left
	}
	t.ledger.setBacklog(more)
	in, ok, err := t.engine.NextDue(ctx)
	if err != nil {
		return 0, err
	}
	if ok && in > 0 {
		return min(max(in, time.Millisecond), t.options.PollInterval), nil
	}
	return t.options.PollInterval, nil
}

// claimGroup claims from lanes of one priority until there is no room, or nothing
// more in any of them: a lane that gave less than its share (all that it has is
// paused, or held back by a limit) leaves it to the others. It says whether work may
// have been left for want of room, and adds to full what limits held back.
func (t *tenure) claimGroup(ctx context.Context, lanes []engine.Quota, room *int, full *[]engine.HeldBack) (left bool, err error) {
	for len(lanes) > 0 {
		asked := share(lanes, *room)
		if len(asked) == 0 {
			return true, nil
		}
		got := map[engine.Lane]int{}
		back, err := t.engine.Claim(ctx, asked, func(tasks []engine.Claimed) {
			*room -= len(tasks)
			for _, c := range tasks {
				got[laneOf(c)]++
				t.begin(job{task: c.Task, execution: c.Execution, elapsed: c.Elapsed, claimed: true})
			}
		})
		if err != nil {
			return false, err
		}
		*full = append(*full, back)
		if back.Again > 0 {
			t.DueIn(back.Again)
		}
		spent := map[engine.Lane]bool{}
		for _, q := range asked {
			spent[bare(q.Lane)] = got[bare(q.Lane)] < q.Limit
		}
		for i := range lanes {
			lanes[i].Limit -= got[bare(lanes[i].Lane)]
		}
		lanes = slices.DeleteFunc(lanes, func(q engine.Quota) bool { return q.Limit <= 0 || spent[bare(q.Lane)] })
	}
	return false, nil
}

// bare is a lane without what differs from look to look.
func bare(l engine.Lane) engine.Lane {
	l.Oldest = time.Time{}
	return l
}

// laneOf is the lane that a task was claimed from.
func laneOf(c engine.Claimed) engine.Lane {
	l := engine.Lane{Queue: c.Task.Queue, Function: c.Task.Lane(), Priority: c.Task.Priority, Key: c.Task.ConcurrencyKey()}
	if c.Elapsed {
		l.Function = ""
	}
	if c.Task.Version != nil {
		l.Pinned, l.Version = true, *c.Task.Version
	}
	return l
}

// quotas keeps the lanes that may be claimed from now, in groups of equal
// priority, the highest first, and in each the lane that has waited longest first.
func (t *tenure) quotas(ctx context.Context, lanes []engine.Lane) [][]engine.Quota {
	var open []engine.Quota
	now := time.Now()
	for _, lane := range lanes {
		if q, ok := t.quota(ctx, lane, now); ok {
			open = append(open, q)
		}
	}
	slices.SortFunc(open, func(a, b engine.Quota) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), a.Oldest.Compare(b.Oldest))
	})
	var groups [][]engine.Quota
	for i, q := range open {
		if i == 0 || open[i-1].Priority != q.Priority {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], q)
	}
	return groups
}

// quota says how much may be claimed of a lane at most.
func (t *tenure) quota(ctx context.Context, lane engine.Lane, now time.Time) (engine.Quota, bool) {
	if lane.Function == "" {
		return engine.Quota{Lane: lane, Limit: delivery.Unlimited}, true
	}
	if !t.servesQueue(lane.Queue) || t.engine.QueuePaused(lane.Queue) {
		return engine.Quota{}, false
	}
	if receiver, ok := workflow.Receiver(lane.Function); ok {
		return t.callbackQuota(lane, receiver, now)
	}
	var version *string
	if lane.Pinned {
		version = &lane.Version
	}
	t.engine.Glance(ctx, lane.Function)
	f, _ := t.engine.Lookup(lane.Function, version)
	if f == nil {
		return engine.Quota{}, false // it waits until the function is registered
	}
	limit := t.allowed(f, now)
	return engine.Quota{Lane: lane, Limit: limit, Kind: f.Kind, MaxConcurrent: f.MaxConcurrent, Rate: f.RateLimit}, limit > 0
}

// allowed says how many tasks of the function may be delivered now: without
// bound, none, or one to find out whether its endpoint is back.
func (t *tenure) allowed(f *workflow.Function, now time.Time) int {
	if !t.servesTags(f.Tags) {
		return 0
	}
	if w := t.engine.HostOf(f); w != nil && w.Health == workflow.WorkerDisabled {
		return 0
	}
	n, _ := t.breaker.Allow(t.client.Origin(f.URL), now)
	return n
}

// share divides room among lanes, evenly but for what their limits leave over.
func share(lanes []engine.Quota, room int) []engine.Quota {
	var asked []engine.Quota
	for i, q := range lanes {
		part := (room + len(lanes) - i - 1) / (len(lanes) - i)
		q.Limit = min(q.Limit, part)
		if q.Limit > 0 {
			asked = append(asked, q)
			room -= q.Limit
		}
	}
	return asked
}
