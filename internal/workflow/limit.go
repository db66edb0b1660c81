package workflow

import (
	"math"
	"time"
)

// Limited tells whether attempts of the function have to be counted before they start.
func (f *Function) Limited() bool { return f.MaxConcurrent > 0 || f.RateLimit != nil }

// Meter is what is counted of a limited function; calls with a concurrency key are
// counted apart for each key. Whoever starts attempts holds it locked meanwhile.
type Meter struct {
	Running int      // attempts in flight, by leases that have not been taken over
	Starts  []Starts // the latest, in order
}

// Starts are attempts that started at about the same time.
type Starts struct {
	At    time.Time `json:"at"`
	Count int       `json:"n"`
}

// startsKept bounds how finely a meter tells when attempts started: a period is
// divided in so many parts.
const startsKept = 64

// Allow says how many attempts may start at now without any moment at which more
// than maxConcurrent (0: no limit) run, or any period of the rate limit (nil: none),
// wherever it begins, in which more than its limit start.
func (m *Meter) Allow(maxConcurrent int, rate *RateLimit, now time.Time) int {
	allowed := math.MaxInt
	if maxConcurrent > 0 {
		allowed = max(maxConcurrent-m.Running, 0)
	}
	if rate != nil {
		left := rate.Limit
		for _, s := range m.Starts {
			if s.At.After(now.Add(-rate.Per)) {
				left -= s.Count
			}
		}
		allowed = min(allowed, max(left, 0))
	}
	return allowed
}

// Begin counts attempts that start at now. Those of one part of the period count as
// if they had all started with the last of them: never too few are counted.
func (m *Meter) Begin(n int, rate *RateLimit, now time.Time) {
	m.Running += n
	if rate == nil {
		m.Starts = nil
		return
	}
	for len(m.Starts) > 0 && !m.Starts[0].At.After(now.Add(-rate.Per)) {
		m.Starts = m.Starts[1:]
	}
	if n == 0 {
		return
	}
	if last := len(m.Starts) - 1; last >= 0 && now.Sub(m.Starts[last].At) < rate.Per/startsKept {
		m.Starts[last].At = now
		m.Starts[last].Count += n
		return
	}
	m.Starts = append(m.Starts, Starts{At: now, Count: n})
}

// Again is how long from now the rate limit lets nothing more start; 0: it does, or there is none.
func (m *Meter) Again(rate *RateLimit, now time.Time) time.Duration {
	if rate == nil || len(m.Starts) == 0 || m.Allow(0, rate, now) > 0 {
		return 0
	}
	return max(m.Starts[0].At.Add(rate.Per).Sub(now), 0)
}

// IdleAt is from when on the meter, if nothing runs, says nothing that a new one does not.
func (m *Meter) IdleAt(rate *RateLimit, now time.Time) time.Time {
	if rate == nil || len(m.Starts) == 0 {
		return now
	}
	return m.Starts[len(m.Starts)-1].At.Add(rate.Per)
}
