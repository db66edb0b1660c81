package db

import (
	"cmp"
	"slices"
	"time"

	"github.com/stent-dev/stent/internal/workflow"
)

// MeterRef names a meter: that of a function, and of a concurrency key of its calls.
type MeterRef struct {
	Function string
	Key      string
}

// Meters are the meters of the limited lanes of one claim, locked by its store.
type Meters map[MeterRef]*workflow.Meter

// HeldBack is what limits kept a claim from.
type HeldBack struct {
	Again time.Duration // how long the strictest rate limit lets nothing more start; 0: none does
	Full  []MeterRef    // the meters that allow nothing more now
}

// Of tells whether limits held back tasks of a lane.
func (h HeldBack) Of(q Quota) bool { return q.Limited() && slices.Contains(h.Full, q.meter()) }

// MetersOf names the meters that a claim of these lanes needs, in the order in which
// they are to be locked.
func MetersOf(lanes []Quota) []MeterRef {
	var refs []MeterRef
	for i := range lanes {
		if lanes[i].Limited() {
			refs = append(refs, lanes[i].meter())
		}
	}
	return SortMeters(refs)
}

// SortMeters gives each of the meters once, in the order in which they are to be locked.
func SortMeters(refs []MeterRef) []MeterRef {
	slices.SortFunc(refs, func(a, b MeterRef) int { return cmp.Or(cmp.Compare(a.Function, b.Function), cmp.Compare(a.Key, b.Key)) })
	return slices.Compact(refs)
}

func (q *Quota) meter() MeterRef { return MeterRef{q.Function, q.Key} }

// Allow cuts the limits of lanes to what the meters allow at now. Lanes of one meter
// share what it allows, the first of them first.
func (ms Meters) Allow(lanes []Quota, now time.Time) []Quota {
	lanes = slices.Clone(lanes)
	granted := map[MeterRef]int{}
	for i := range lanes {
		if q := &lanes[i]; q.Limited() {
			ref := q.meter()
			q.Limit = min(q.Limit, max(ms[ref].Allow(q.MaxConcurrent, q.Rate, now)-granted[ref], 0))
			granted[ref] += q.Limit
		}
	}
	return lanes
}

// Begin counts in the meters what was claimed, and gives what they then hold back.
func (ms Meters) Begin(lanes []Quota, claimed []Claimed, now time.Time) (back HeldBack) {
	begun := map[MeterRef]int{}
	for _, c := range claimed {
		if c.Task.Slot && !c.Elapsed {
			begun[MeterRef{c.Task.Name, c.Task.ConcurrencyKey()}]++
		}
	}
	for i := range lanes {
		q := &lanes[i]
		if !q.Limited() {
			continue
		}
		ref := q.meter()
		ms[ref].Begin(begun[ref], q.Rate, now)
		delete(begun, ref)
		if in := ms[ref].Again(q.Rate, now); in > 0 && (back.Again == 0 || in < back.Again) {
			back.Again = in
		}
		if ms[ref].Allow(q.MaxConcurrent, q.Rate, now) <= 0 {
			back.Full = append(back.Full, ref)
		}
	}
	return back
}
