package app

import (
	"context"
	"fmt"

	"github.com/stent-dev/stent/internal/delivery"
	"github.com/stent-dev/stent/internal/wire"
	"github.com/stent-dev/stent/internal/workflow"
)

// manifests reads workers' manifests for the engine.
type manifests struct{ client *delivery.Client }

func (m manifests) Manifest(ctx context.Context, url, secret string) ([]*workflow.Function, error) {
	manifest, err := m.client.Manifest(ctx, url, secret)
	if err != nil {
		return nil, err
	}
	functions := make([]*workflow.Function, len(manifest.Functions))
	for i := range manifest.Functions {
		if functions[i], err = registration(&manifest.Functions[i], url); err != nil {
			return nil, fmt.Errorf("the worker's manifest, /functions/%d: %w", i, err)
		}
	}
	return functions, nil
}

// registration makes a function of its entry in a manifest; url is the worker's own.
func registration(m *wire.ManifestFunction, url string) (*workflow.Function, error) {
	spec := workflow.FunctionSpec{
		Name: m.Name, Kind: m.Kind, URL: m.URL, Version: m.Version, Queue: m.Queue, Priority: m.Priority, Tags: m.Tags,
		Timeout: m.Timeout, HeartbeatTimeout: m.HeartbeatTimeout, Idempotent: m.Idempotent,
		IdempotencyKeyFrom: m.IdempotencyKeyFrom, CacheTTL: m.CacheTTL, MaxConcurrent: m.MaxConcurrent,
		Retry: (*workflow.RetrySpec)(m.RetryPolicy), RateLimit: (*workflow.RateLimitSpec)(m.RateLimit),
	}
	if spec.URL == "" {
		spec.URL = url
	}
	return spec.Function()
}
