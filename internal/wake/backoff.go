package wake

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// sleep waits; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// pause waits about delay, give or take a quarter, and returns the next one.
func pause(ctx context.Context, delay time.Duration) time.Duration {
	sleep(ctx, time.Duration(float64(delay)*(0.75+0.5*rand.Float64())))
	return min(2*delay, maxBackoff)
}

// logInterval is the least time between two complaints.
const logInterval = 30 * time.Second

// quietLog logs failures that may come many times a second.
type quietLog struct {
	logger *slog.Logger

	mu         sync.Mutex
	last       time.Time
	suppressed int
}

func (l *quietLog) bad(message string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.last) >= logInterval {
		l.logger.Warn(message, slog.Any("error", err), slog.Int("suppressed", l.suppressed))
		l.last, l.suppressed = now, 0
		return
	}
	l.suppressed++
}

func (l *quietLog) good(message string) {
	l.logger.Info(message)
}
