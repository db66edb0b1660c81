package sqlite_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/sqlite"
	"github.com/stent-dev/stent/internal/workflow"
)

// BenchmarkActivity takes single activities from their start over a lease to
// their result, in batches; an operation is one activity.
func BenchmarkActivity(b *testing.B) {
	for _, batch := range []int{1, 100} {
		for _, relaxed := range []bool{false, true} {
			b.Run(fmt.Sprintf("batch=%d/relaxed=%t", batch, relaxed), func(b *testing.B) {
				path := migrated(b, filepath.Join(b.TempDir(), "stent.db"))
				store, err := sqlite.Open(b.Context(), path, sqlite.Options{Relaxed: relaxed})
				if err != nil {
					b.Fatal(err)
				}
				defer func() { _ = store.Close() }()
				scheduler, err := join(b.Context(), store)
				if err != nil {
					b.Fatal(err)
				}
				for done := 0; b.Loop(); done++ {
					if done%batch == 0 {
						runActivities(b, store, scheduler, batch)
					}
				}
			})
		}
	}
}

func runActivities(b *testing.B, store db.Store, scheduler workflow.ID, n int) {
	b.Helper()
	if _, err := start(b.Context(), store, "f", n); err != nil {
		b.Fatal(err)
	}
	claimed, err := claim(b.Context(), store, scheduler, "f", n)
	if err != nil || len(claimed) != n {
		b.Fatalf("claimed %d tasks, %v; want %d", len(claimed), err, n)
	}
	events := make([]workflow.Event, n)
	for i, c := range claimed {
		events[i] = workflow.Succeeded{Lease: leaseOf(c), Value: []byte(`"done"`)}
	}
	_, err = store.Commit(b.Context(), workflow.NeedOf(events), func(l *workflow.Loaded) (*workflow.Change, error) {
		change, _ := workflow.Decide(l, events, workflow.Env{NewID: newID, Functions: registry{}, Limits: workflow.DefaultLimits()})
		return change, nil
	})
	if err != nil {
		b.Fatal(err)
	}
}
