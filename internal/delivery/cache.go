package delivery

import "sync"

// maxCached bounds a cache; the registry of a service holds fewer URLs and secrets.
const maxCached = 4096

// cache remembers what was made of a string: a parsed URL, a signing key.
type cache[V any] struct {
	mu      sync.RWMutex
	entries map[string]V
}

// get returns the cached value, or what create makes of the key. A full cache
// starts anew, which is cheaper than keeping an order of use.
func (c *cache[V]) get(key string, create func(string) V) V {
	c.mu.RLock()
	v, ok := c.entries[key]
	c.mu.RUnlock()
	if ok {
		return v
	}
	v = create(key)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.entries == nil || len(c.entries) >= maxCached {
		c.entries = make(map[string]V)
	}
	c.entries[key] = v
	return v
}
