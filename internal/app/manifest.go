package app

import (
	"context"
	"fmt"

	"github.com/stent-dev/stent/internal/delivery"
	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/protocol"
	"github.com/stent-dev/stent/internal/workflow"
)

// manifests reads workers' manifests for the engine.
type manifests struct{ client *delivery.Client }

func (m manifests) Manifest(ctx context.Context, url, secret string) ([]*workflow.Function, error) {
	if err := delivery.CheckSecret(secret); err != nil {
		return nil, &engine.ManifestError{Err: err, Secret: true}
	}
	manifest, err := m.client.Manifest(ctx, url, secret)
	if err != nil {
		return nil, err
	}
	functions := make([]*workflow.Function, len(manifest.Functions))
	for i := range manifest.Functions {
		if functions[i], err = protocol.Function(&manifest.Functions[i], url); err != nil {
			return nil, fmt.Errorf("the worker's manifest, /functions/%d: %w", i, err)
		}
	}
	return functions, nil
}
