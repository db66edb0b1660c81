package sqlite

import (
	"sync"
	"time"
)

// clock is the database's clock: this process's, in microseconds, and never going
// back while the process lives.
type clock struct {
	mu   sync.Mutex
	last time.Time
}

func (c *clock) now() time.Time { return c.atLeast(0) }

// tick gives a time that is later than every one before.
func (c *clock) tick() time.Time { return c.atLeast(time.Microsecond) }

func (c *clock) atLeast(after time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	earliest := c.last.Add(after)
	c.last = time.Now().UTC().Truncate(time.Microsecond)
	if c.last.Before(earliest) {
		c.last = earliest
	}
	return c.last
}
