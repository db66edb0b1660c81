package engine

import (
	"sync/atomic"
	"time"
)

// clock tells the database's time between transactions. Every process has a clock of
// its own, and what orchestrators are told must not depend on which one delivers.
type clock struct {
	ahead atomic.Int64 // of this process, in nanoseconds, as far as was last seen
}

// saw takes the time that the database has just told.
func (c *clock) saw(now time.Time) { c.ahead.Store(int64(time.Until(now))) }

// Now is the database's time, as exactly as its last answer came; in a process that
// has neither joined as a scheduler nor committed anything yet, its own.
func (e *Engine) Now() time.Time {
	return time.Now().Add(time.Duration(e.clock.ahead.Load())).UTC().Truncate(time.Microsecond)
}
