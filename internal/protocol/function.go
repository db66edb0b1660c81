package protocol

import (
	"github.com/stent-dev/stent/internal/wire"
	"github.com/stent-dev/stent/internal/workflow"
)

// Function makes a function of its entry in a manifest; url is the worker's own. The
// error is workflow.FieldErrors.
func Function(m *wire.ManifestFunction, url string) (*workflow.Function, error) {
	spec := workflow.FunctionSpec{
		Name: m.Name, Kind: m.Kind, URL: m.URL, Version: m.Version, Queue: m.Queue, Priority: m.Priority, Tags: m.Tags,
		Timeout: m.Timeout, HeartbeatTimeout: m.HeartbeatTimeout, Idempotent: m.Idempotent,
		IdempotencyKeyFrom: m.IdempotencyKeyFrom, CacheTTL: m.CacheTTL, MaxConcurrent: m.MaxConcurrent,
		Retry: (*workflow.RetrySpec)(m.RetryPolicy), RateLimit: (*workflow.RateLimitSpec)(m.RateLimit), Retention: m.Retention,
	}
	if spec.URL == "" {
		spec.URL = url
	}
	return spec.Function()
}
