package workflow

import (
	"math"
	"slices"
	"time"
)

// RetryPolicy says how often and when a failed activity runs again.
type RetryPolicy struct {
	MaxAttempts   int           `json:"max_attempts"`
	InitialDelay  time.Duration `json:"initial_delay"`
	BackoffFactor float64       `json:"backoff_factor"`
	MaxDelay      time.Duration `json:"max_delay"`
	Jitter        float64       `json:"jitter"`    // share of the delay, 0 to 1
	RetryFor      []string      `json:"retry_for"` // error types; empty: all that are retryable
}

// RetryOverrides replaces the fields of a policy that are set.
type RetryOverrides struct {
	MaxAttempts   *int           `json:"max_attempts,omitempty"`
	InitialDelay  *time.Duration `json:"initial_delay,omitempty"`
	BackoffFactor *float64       `json:"backoff_factor,omitempty"`
	MaxDelay      *time.Duration `json:"max_delay,omitempty"`
	Jitter        *float64       `json:"jitter,omitempty"`
	RetryFor      []string       `json:"retry_for,omitempty"`
}

// DefaultRetryPolicy is the policy of a function that gives none.
func DefaultRetryPolicy() RetryPolicy {
	return RetryPolicy{MaxAttempts: 3, InitialDelay: time.Second, BackoffFactor: 2, MaxDelay: time.Minute, Jitter: 0.1}
}

// turnRetry is how a turn that was not answered well is delivered again, without end.
var turnRetry = RetryPolicy{InitialDelay: 500 * time.Millisecond, BackoffFactor: 2, MaxDelay: 30 * time.Second, Jitter: 0.1}

// Apply gives the policy with the overrides put in; nil overrides nothing.
func (o *RetryOverrides) Apply(p RetryPolicy) RetryPolicy {
	if o == nil {
		return p
	}
	if o.MaxAttempts != nil {
		p.MaxAttempts = *o.MaxAttempts
	}
	if o.InitialDelay != nil {
		p.InitialDelay = *o.InitialDelay
	}
	if o.BackoffFactor != nil {
		p.BackoffFactor = *o.BackoffFactor
	}
	if o.MaxDelay != nil {
		p.MaxDelay = *o.MaxDelay
	}
	if o.Jitter != nil {
		p.Jitter = *o.Jitter
	}
	if o.RetryFor != nil {
		p.RetryFor = o.RetryFor
	}
	return p
}

// Delay gives the wait after the failure numbered failures (from 1):
// min(InitialDelay × BackoffFactor^(failures−1), MaxDelay), plus or minus Jitter of
// it. random is uniform in [0, 1). The result is never negative and never more
// than MaxDelay × (1 + Jitter).
func (p RetryPolicy) Delay(failures int, random float64) time.Duration {
	limit := float64(max(p.MaxDelay, 0))
	delay := float64(max(p.InitialDelay, 0)) * math.Pow(max(p.BackoffFactor, 0), float64(max(failures-1, 0)))
	if math.IsNaN(delay) || delay > limit { // NaN is 0 × ∞: clamp before the jitter
		delay = limit
		if p.InitialDelay <= 0 {
			delay = 0
		}
	}
	delay *= 1 + min(max(p.Jitter, 0), 1)*(2*random-1)
	if delay >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(delay)
}

// Retries tells whether an error of this type is tried again after so many failures.
func (p RetryPolicy) Retries(errorType string, failures int) bool {
	if failures >= max(p.MaxAttempts, 1) {
		return false
	}
	return len(p.RetryFor) == 0 || slices.Contains(p.RetryFor, errorType)
}
