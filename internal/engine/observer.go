package engine

import (
	"maps"
	"slices"
	"time"

	"github.com/stent-dev/stent/internal/workflow"
)

// Observer is told what this process stores, for metrics and traces. Its methods
// must be quick, since they are called between transactions, and must not call the engine.
type Observer interface {
	// Committed is told of each transaction: what it changed, of how many events, and
	// how long it took. Tasks that it handed over are not on their way yet.
	Committed(c *workflow.Change, events int, took time.Duration)
	// Failed is told of each transaction that stored nothing, as far as is known.
	Failed(took time.Duration)
}

type unobserved struct{}

func (unobserved) Committed(*workflow.Change, int, time.Duration) {}
func (unobserved) Failed(time.Duration)                           {}

// URLs gives where the registered functions are served, as known here, each once.
func (e *Engine) URLs() []string {
	urls := map[string]struct{}{}
	for _, f := range e.functions.loaded.Load().current {
		urls[f.URL] = struct{}{}
	}
	return slices.Sorted(maps.Keys(urls))
}

// Pools gives the state of the pools of connections to the database.
func (e *Engine) Pools() []Pool { return e.store.Pools() }
