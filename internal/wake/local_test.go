package wake

import (
	"slices"
	"strconv"
	"sync"
	"testing"
)

func TestLocalDeliversBeforePublishReturns(t *testing.T) {
	t.Parallel()
	bus := NewLocal()
	first, second := record(t, bus), record(t, bus)
	bus.Publish(Hint{Queues: []string{"default"}})
	for _, r := range []*recorder{first, second} {
		if got := r.all(); len(got) != 1 || got[0].Queues[0] != "default" {
			t.Errorf("got %+v", got)
		}
	}
}

func TestLocalDropsEmptyHints(t *testing.T) {
	t.Parallel()
	bus := NewLocal()
	r := record(t, bus)
	bus.Publish(Hint{})
	if got := r.all(); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestSubscriberIsNotCalledAfterCancel(t *testing.T) {
	t.Parallel()
	bus := NewLocal()
	calls := 0
	cancel := bus.Subscribe(func(Hint) { calls++ })
	other := record(t, bus)
	bus.Publish(Hint{Functions: true})
	cancel()
	cancel()
	bus.Publish(Hint{Functions: true})
	if calls != 1 || len(other.all()) != 2 {
		t.Errorf("cancelled one: %d calls, want 1; other: %d, want 2", calls, len(other.all()))
	}
}

func TestSubscriberIsCalledOneAtATime(t *testing.T) {
	t.Parallel()
	bus := NewLocal()
	calls := 0 // the race detector watches it
	defer bus.Subscribe(func(Hint) { calls++ })()
	var publishers sync.WaitGroup
	for range 8 {
		publishers.Go(func() {
			for range 100 {
				bus.Publish(Hint{Functions: true})
				bus.Subscribe(func(Hint) {})()
			}
		})
	}
	publishers.Wait()
	if calls != 800 {
		t.Errorf("%d calls, want 800", calls)
	}
}

func BenchmarkLocalPublish(b *testing.B) {
	bus := NewLocal()
	defer bus.Subscribe(func(Hint) {})()
	h := Hint{Queues: []string{"default"}, Executions: []string{"0190"}}
	for b.Loop() {
		bus.Publish(h)
	}
}

func TestTooManyWatchedStandForAny(t *testing.T) {
	t.Parallel()
	var b batch
	many := make([]string, maxListed+1)
	for i := range many {
		many[i] = strconv.Itoa(i)
	}
	b.add(Hint{Watched: many, Changed: many[:2]})
	b.add(Hint{Watched: []string{"more"}, Changed: many[1:3]})
	h := b.hint()
	if h.All || !slices.Equal(h.Watched, []string{Any}) || !slices.Equal(h.Changed, many[:3]) {
		t.Errorf("got %+v", h)
	}
	b.add(Hint{All: true})
	if h := b.hint(); len(h.Changed) > 0 || !slices.Equal(h.Watched, []string{Any}) {
		t.Errorf("with all: %+v", h)
	}
}
