package main

import (
	"net/http"
	"sync"
)

// storage stands for an object store, a payment provider, or whatever else the
// world outside is: a request with a key that it knows has no second effect.
type storage struct {
	before, after func() // called around each request's effect; nil: nothing

	mu       sync.Mutex
	requests int
	names    map[string]string // by idempotency key
}

func newStorage() *storage { return &storage{names: map[string]string{}} }

func (s *storage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.before != nil {
		s.before()
	}
	s.mu.Lock()
	s.requests++
	s.names[r.Header.Get("Idempotency-Key")] = r.URL.Path
	s.mu.Unlock()
	if s.after != nil {
		s.after()
	}
	w.WriteHeader(http.StatusNoContent)
}

// counts tells how many requests came, and how many effects they had.
func (s *storage) counts() (requests, effects int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests, len(s.names)
}
