package wake

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// Bus hands hints to subscribers.
type Bus interface {
	// Publish never blocks on a network and never fails. The hint's slices must
	// not be changed afterwards.
	Publish(Hint)
	// Subscribe calls f for each hint, one at a time but from changing
	// goroutines. f must be quick, must not keep or change the hint's slices, and
	// must call neither Publish nor cancel. After cancel returned, f is not
	// called any more.
	Subscribe(f func(Hint)) (cancel func())
	// Run serves the bus until ctx ends; it returns when all that it started has
	// ended. Hints travel within the process without it.
	Run(ctx context.Context) error
}

// Local hands hints to the subscribers of its own process, in the goroutine of
// the publisher. The zero value is ready for use.
type Local struct {
	mu            sync.Mutex // guards changes of subscriptions
	subscriptions atomic.Pointer[[]*subscription]
}

var _ Bus = (*Local)(nil)

type subscription struct {
	mu sync.Mutex // one call at a time
	f  func(Hint) // nil when cancelled
}

func (s *subscription) call(h Hint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f != nil {
		s.f(h)
	}
}

// NewLocal returns a bus without subscribers.
func NewLocal() *Local { return new(Local) }

// Publish calls the subscribers and returns.
func (l *Local) Publish(h Hint) {
	list := l.subscriptions.Load()
	if list == nil || h.Empty() {
		return
	}
	for _, s := range *list {
		s.call(h)
	}
}

// Subscribe is Bus.Subscribe.
func (l *Local) Subscribe(f func(Hint)) (cancel func()) {
	s := &subscription{f: f}
	l.update(func(list []*subscription) []*subscription { return append(list, s) })
	return func() {
		l.update(func(list []*subscription) []*subscription {
			return slices.DeleteFunc(list, func(other *subscription) bool { return other == s })
		})
		s.mu.Lock()
		defer s.mu.Unlock()
		s.f = nil
	}
}

// update replaces the list by a changed copy, so that Publish needs no lock.
func (l *Local) update(change func([]*subscription) []*subscription) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []*subscription
	if old := l.subscriptions.Load(); old != nil {
		list = slices.Clone(*old)
	}
	list = change(list)
	l.subscriptions.Store(&list)
}

// Run waits for ctx to end: Local has nothing to serve.
func (l *Local) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}
