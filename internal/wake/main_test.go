package wake

import (
	"context"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recorder collects hints.
type recorder struct {
	mu    sync.Mutex
	hints []Hint
}

func record(t *testing.T, b Bus) *recorder {
	t.Helper()
	r := &recorder{}
	t.Cleanup(b.Subscribe(func(h Hint) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.hints = append(r.hints, h)
	}))
	return r
}

func (r *recorder) all() []Hint {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Hint(nil), r.hints...)
}

func sawAll(hints []Hint) bool {
	for _, h := range hints {
		if h.All {
			return true
		}
	}
	return false
}

// run runs a bus for the length of a test.
func run(t *testing.T, b Bus) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}
