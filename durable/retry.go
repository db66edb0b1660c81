package durable

import (
	"errors"
	"time"

	"github.com/stent-dev/stent/internal/wire"
)

// RetryPolicy says how often and when a failed activity runs again. A zero
// field keeps what it would be without: the service's default (3 attempts, 1 s,
// doubled each time up to 60 s, a jitter of a tenth), or for a single call the
// function's own policy.
//
// The wait after attempt n is InitialDelay * BackoffFactor^(n-1), at most
// MaxDelay, plus or minus Jitter of it; longer if a Retryable error asks for that.
type RetryPolicy struct {
	MaxAttempts   int           // 1 means never again
	InitialDelay  time.Duration // before the second attempt
	BackoffFactor float64       // at least 1
	MaxDelay      time.Duration
	Jitter        float64  // a share from 0 to 1; negative means none at all
	RetryFor      []string // the error types that are retried; empty means all
}

func (p RetryPolicy) wire() (*wire.RetryPolicy, error) {
	switch {
	case p.MaxAttempts < 0:
		return nil, errors.New("a negative MaxAttempts")
	case p.InitialDelay < 0 || p.MaxDelay < 0:
		return nil, errors.New("a negative delay")
	case p.BackoffFactor != 0 && !(p.BackoffFactor >= 1):
		return nil, errors.New("a BackoffFactor of less than 1")
	case p.Jitter > 1 || p.Jitter != p.Jitter:
		return nil, errors.New("a Jitter of more than 1")
	}
	out := &wire.RetryPolicy{RetryFor: p.RetryFor}
	if p.MaxAttempts > 0 {
		out.MaxAttempts = &p.MaxAttempts
	}
	out.InitialDelay = optionalDuration(p.InitialDelay)
	out.MaxDelay = optionalDuration(p.MaxDelay)
	if p.BackoffFactor != 0 {
		out.BackoffFactor = &p.BackoffFactor
	}
	if p.Jitter != 0 {
		jitter := max(p.Jitter, 0)
		out.Jitter = &jitter
	}
	return out, nil
}

func optionalDuration(d time.Duration) *string {
	if d == 0 {
		return nil
	}
	s := wire.FormatDuration(d)
	return &s
}
