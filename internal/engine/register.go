package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/wake"
	"github.com/stent-dev/stent/internal/workflow"
)

// ManifestError says why a worker could not be registered; its text is safe to show.
type ManifestError struct {
	Err    error
	Secret bool // nothing can be signed with the secret
}

func (e *ManifestError) Error() string { return e.Err.Error() }
func (e *ManifestError) Unwrap() error { return e.Err }

// PutFunction registers a function, or registers it anew, by name and version.
func (e *Engine) PutFunction(ctx context.Context, f *workflow.Function) (*workflow.Function, error) {
	f.Namespace = db.DefaultNamespace
	if err := e.store.PutFunctions(ctx, []*workflow.Function{f}); err != nil {
		return nil, refusal(err)
	}
	if err := e.registered(ctx, f); err != nil {
		return nil, err
	}
	return e.Function(ctx, f.Name, &f.Version)
}

// registered makes a registration felt: here at once, elsewhere by a hint, and by
// orchestrators that waited for better code.
func (e *Engine) registered(ctx context.Context, functions ...*workflow.Function) error {
	if err := e.functions.refresh(ctx); err != nil {
		return refusal(err)
	}
	hint := wake.Hint{Functions: true}
	for _, f := range functions {
		if err := e.store.Hasten(ctx, f.Name); err != nil {
			return refusal(err)
		}
		hint.Queues = append(hint.Queues, f.Queue)
	}
	e.bus.Publish(hint)
	return nil
}

// Function gives a registered function; version nil: the one registered last. Error: workflow.ErrNotFound.
func (e *Engine) Function(ctx context.Context, name string, version *string) (*workflow.Function, error) {
	if err := e.functions.know(ctx, name); err != nil {
		return nil, refusal(err)
	}
	if f := e.functions.Lookup(name, version); f != nil {
		return f, nil
	}
	return nil, fmt.Errorf("function %q: %w", name, workflow.ErrNotFound)
}

// Functions gives every registered function, the newest registration first.
func (e *Engine) Functions(ctx context.Context) ([]*workflow.Function, error) {
	functions, err := e.store.Functions(ctx)
	return functions, refusal(err)
}

// DeleteFunction removes every version of a function. Its tasks wait until it is registered again.
func (e *Engine) DeleteFunction(ctx context.Context, name string) error {
	if err := e.store.DeleteFunction(ctx, name); err != nil {
		return refusal(err)
	}
	return e.registered(ctx)
}

// RegisterWorker reads the manifest at url and registers what it names. Errors: *ManifestError, ErrUnavailable.
func (e *Engine) RegisterWorker(ctx context.Context, url, secret string) (*workflow.Worker, []*workflow.Function, error) {
	if e.options.Manifests == nil {
		return nil, nil, &ManifestError{Err: errors.New("this service does not register workers")}
	}
	functions, err := e.options.Manifests.Manifest(ctx, url, secret)
	if err != nil {
		if refused := new(ManifestError); errors.As(err, &refused) {
			return nil, nil, refused
		}
		return nil, nil, &ManifestError{Err: err}
	}
	w := &workflow.Worker{Namespace: db.DefaultNamespace, ID: NewID(), URL: url, Secret: secret, Health: workflow.WorkerHealthy}
	for _, f := range functions {
		f.Namespace = db.DefaultNamespace
	}
	if w, err = e.store.PutWorker(ctx, w, functions); err != nil {
		return nil, nil, refusal(err)
	}
	if err := e.registered(ctx, functions...); err != nil {
		return nil, nil, err
	}
	return w, e.hostedBy(w.ID), nil
}

// RefreshWorker reads a worker's manifest again. Errors as of RegisterWorker, and workflow.ErrNotFound.
func (e *Engine) RefreshWorker(ctx context.Context, id workflow.ID) (*workflow.Worker, []*workflow.Function, error) {
	w, _, err := e.Worker(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	return e.RegisterWorker(ctx, w.URL, w.Secret)
}

// Workers gives every registered worker.
func (e *Engine) Workers(ctx context.Context) ([]*workflow.Worker, error) {
	workers, err := e.store.Workers(ctx)
	return workers, refusal(err)
}

// Worker gives a worker and the functions that it hosts. Error: workflow.ErrNotFound.
func (e *Engine) Worker(ctx context.Context, id workflow.ID) (*workflow.Worker, []*workflow.Function, error) {
	if err := e.functions.refresh(ctx); err != nil {
		return nil, nil, refusal(err)
	}
	if w := e.functions.worker(id); w != nil {
		return w, e.hostedBy(id), nil
	}
	return nil, nil, fmt.Errorf("worker %s: %w", id, workflow.ErrNotFound)
}

func (e *Engine) hostedBy(id workflow.ID) []*workflow.Function {
	var hosted []*workflow.Function
	for _, versions := range e.functions.loaded.Load().versions {
		for _, f := range versions {
			if f.Worker == id {
				hosted = append(hosted, f)
			}
		}
	}
	return hosted
}

// DeleteWorker removes a worker and its functions. Error: workflow.ErrNotFound.
func (e *Engine) DeleteWorker(ctx context.Context, id workflow.ID) error {
	if err := e.store.DeleteWorker(ctx, id); err != nil {
		return refusal(err)
	}
	return e.registered(ctx)
}

// WorkerHealth records how a worker's endpoint was last seen.
func (e *Engine) WorkerHealth(ctx context.Context, id workflow.ID, h workflow.WorkerHealth, lastError string) error {
	if err := e.store.SetWorkerHealth(ctx, id, h, lastError); err != nil {
		return refusal(err)
	}
	e.functions.stale()
	return nil
}

// Lookup gives what is known here of a function, and of the worker that hosts it;
// both may be nil. It asks no database.
func (e *Engine) Lookup(name string, version *string) (*workflow.Function, *workflow.Worker) {
	f := e.functions.Lookup(name, version)
	if f == nil {
		return nil, nil
	}
	return f, e.functions.worker(f.Worker)
}

// Glance looks for functions in the database if they are not known here, but not if that was done a moment ago.
func (e *Engine) Glance(ctx context.Context, names ...string) { e.functions.glance(ctx, names...) }

// Host gives the worker that hosts a function; zero when it was registered by itself, or
// is not known here, nor to the database a moment ago: it waits for nobody.
func (e *Engine) Host(ctx context.Context, function string, version *string) workflow.ID {
	e.Glance(ctx, function)
	if f := e.functions.Lookup(function, version); f != nil {
		return f.Worker
	}
	return workflow.ID{}
}

// HostOf gives the worker that hosts a function, as known here; nil when it was registered by itself.
func (e *Engine) HostOf(f *workflow.Function) *workflow.Worker { return e.functions.worker(f.Worker) }
