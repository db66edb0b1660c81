package delivery

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// BreakerState says whether deliveries may go to an endpoint.
type BreakerState int

// The states. Only a failure to connect opens, only contact closes.
//
//	          no connection                probe time, Acquire
//	Closed ──────────────────▶ Open ──────────────────────────▶ HalfOpen
//	   ▲                         ▲            no connection        │
//	   │                         └─────────────────────────────────┤
//	   └────────────────────────── contact ────────────────────────┘
const (
	Closed   BreakerState = iota // all may go
	Open                         // none until the probe time
	HalfOpen                     // one, the probe, is under way
)

var stateNames = [...]string{"closed", "open", "half_open"}

func (s BreakerState) String() string { return stateNames[s] }

// Unlimited is what Allow returns for a closed endpoint.
const Unlimited = math.MaxInt

const (
	minProbeDelay = 500 * time.Millisecond
	maxProbeDelay = 10 * time.Second
	probeJitter   = 0.1
)

// Endpoint is an endpoint whose breaker is not closed.
type Endpoint struct {
	Origin  string
	State   BreakerState
	Since   time.Time // when it was first found unreachable
	ProbeAt time.Time // when one delivery may be tried
	Why     string    // no connection could be made the last time, for people to read
}

// Breaker remembers which endpoints, by origin, could not be connected to, so
// that their tasks wait instead of failing one by one. It has no clock: each
// call says what time it is. It is safe for concurrent use.
type Breaker struct {
	onChange func(e Endpoint, now time.Time)
	random   func() float64

	tripped atomic.Int64 // len(endpoints); the usual zero needs no lock
	mu      sync.Mutex
	// endpoints holds those that are not closed.
	endpoints map[string]*endpoint
}

type endpoint struct {
	Endpoint
	delay time.Duration // before the next probe
}

// NewBreaker returns a breaker with all endpoints closed. onChange, which may be
// nil, is told of every change of state, in order; it must be quick and must
// not call the breaker.
func NewBreaker(onChange func(e Endpoint, now time.Time)) *Breaker {
	if onChange == nil {
		onChange = func(Endpoint, time.Time) {}
	}
	return &Breaker{onChange: onChange, random: rand.Float64, endpoints: make(map[string]*endpoint)}
}

// Allow says how many deliveries may go to an endpoint now: Unlimited, none, or
// one probe; with none, probeAt is when to ask again. It reserves nothing.
func (b *Breaker) Allow(origin string, now time.Time) (n int, probeAt time.Time) {
	if b.tripped.Load() == 0 {
		return Unlimited, time.Time{}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.endpoints[origin]
	switch {
	case e == nil:
		return Unlimited, time.Time{}
	case now.Before(e.ProbeAt):
		return 0, e.ProbeAt
	}
	return 1, time.Time{}
}

// Acquire asks to make a delivery now. If the endpoint is due for a probe, the
// first caller gets to make it and should Report what came of it (a Client with
// Options.Breaker does); the others get false. A probe that nobody reports on is
// given up after 10 s.
func (b *Breaker) Acquire(origin string, now time.Time) bool {
	if b.tripped.Load() == 0 {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.endpoints[origin]
	if e == nil {
		return true
	}
	if now.Before(e.ProbeAt) {
		return false
	}
	e.ProbeAt = now.Add(maxProbeDelay)
	b.change(e, HalfOpen, now)
	return true
}

// Report tells what a delivery showed about its endpoint, and with ContactFailed why.
func (b *Breaker) Report(origin string, contact Contact, why string, now time.Time) {
	switch contact {
	case ContactMade:
		b.Reachable(origin, now)
	case ContactFailed:
		b.Unreachable(origin, why, now)
	case ContactUnknown:
		b.abandon(origin, now)
	}
}

// Unreachable opens an endpoint. Each failed probe doubles the time to the next
// one, from 0.5 s to 10 s, give or take a tenth; failures of deliveries that
// were under way already change nothing.
func (b *Breaker) Unreachable(origin, why string, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.endpoints[origin]
	switch {
	case e == nil:
		e = &endpoint{Endpoint: Endpoint{Origin: origin, Since: now}, delay: minProbeDelay}
		b.endpoints[origin] = e
		b.tripped.Add(1)
	case e.State == Open && now.Before(e.ProbeAt):
		return
	default:
		e.delay = min(2*e.delay, maxProbeDelay)
	}
	e.Why = why
	jitter := 1 + probeJitter*(2*b.random()-1)
	e.ProbeAt = now.Add(time.Duration(float64(e.delay) * jitter))
	b.change(e, Open, now)
}

// Reachable closes an endpoint.
func (b *Breaker) Reachable(origin string, now time.Time) {
	if b.tripped.Load() == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.endpoints[origin]; e != nil {
		delete(b.endpoints, origin)
		b.tripped.Add(-1)
		e.ProbeAt = time.Time{}
		b.change(e, Closed, now)
	}
}

// Reset closes an endpoint because someone says so, for instance because its
// worker was registered anew.
func (b *Breaker) Reset(origin string, now time.Time) { b.Reachable(origin, now) }

// abandon lets another delivery be the probe when one ended without a finding.
func (b *Breaker) abandon(origin string, now time.Time) {
	if b.tripped.Load() == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.endpoints[origin]; e != nil && e.State == HalfOpen {
		e.ProbeAt = now
		b.change(e, Open, now)
	}
}

// Snapshot lists the endpoints that are not closed, by origin.
func (b *Breaker) Snapshot() []Endpoint {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]Endpoint, 0, len(b.endpoints))
	for e := range maps.Values(b.endpoints) {
		list = append(list, e.Endpoint)
	}
	slices.SortFunc(list, func(x, y Endpoint) int { return strings.Compare(x.Origin, y.Origin) })
	return list
}

func (b *Breaker) change(e *endpoint, to BreakerState, now time.Time) {
	if e.State == to {
		return
	}
	e.State = to
	b.onChange(e.Endpoint, now)
}
