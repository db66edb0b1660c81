package scheduler

import (
	"context"
	"time"

	"github.com/stent-dev/stent/internal/telemetry"
)

// cleaning deletes what nobody needs any more, each kind of it in small batches,
// each batch a transaction of its own, until nothing of the kind is left.
func (t *tenure) cleaning(ctx context.Context) {
	ticker := time.NewTicker(t.options.CleanInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		t.clean(ctx, "results", t.engine.DeleteOldResults)
		t.clean(ctx, "meters", t.engine.ForgetMeters)
		t.clean(ctx, "executions", func(ctx context.Context) (bool, error) {
			return t.engine.ExpireExecutions(ctx, t.options.Retention)
		})
		if t.options.Retention > 0 {
			t.clean(ctx, "dead letters", func(ctx context.Context) (bool, error) {
				return t.engine.ExpireDeadLetters(ctx, t.options.Retention)
			})
		}
	}
}

// clean deletes batches of one kind. What fails is tried again at the next tick.
func (t *tenure) clean(ctx context.Context, kind string, batch func(context.Context) (more bool, err error)) {
	for more := true; more && ctx.Err() == nil; {
		var err error
		if more, err = batch(ctx); err != nil && ctx.Err() == nil {
			t.options.Log.WarnContext(ctx, "what nobody needs any more could not be deleted", "kind", kind, telemetry.LogError, err)
			return
		}
	}
}
