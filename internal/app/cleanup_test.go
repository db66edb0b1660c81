package app_test

import (
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
)

// Executions that have ended go by the retention of their functions, those of others
// stay; and what is left works on.
func TestEndedExecutionsAreCleanedAway(t *testing.T) {
	onBoth(t, func(t *testing.T, c *cluster) {
		w := openWorkshop(t, c, 3, few)
		durable.Orchestrator(w.worker, "brief", func(ctx *durable.Context, n int) (int, error) {
			return durable.Call[int](ctx, "step", n)
		}, durable.Retention(time.Millisecond))
		durable.Orchestrator(w.worker, "kept", func(ctx *durable.Context, n int) (int, error) {
			return durable.Call[int](ctx, "step", n)
		}, durable.Retention(0))
		c.serve(w.worker)
		kept := c.dispatch("kept", "0")
		w.ended(kept, durable.StateCompleted)
		failing := c.dispatch("brief", "3")
		gone := []string{failing, c.dispatch("brief", "0"), c.dispatch("step", "1")}
		for _, id := range gone {
			eventually(t, "the end of "+id, func() bool {
				_, err := w.client.Get(t.Context(), id)
				return code(err) == "not_found"
			})
		}
		if letters := w.dead(durable.DeadLetterFilter{}); len(letters) > 0 {
			t.Errorf("dead letters without executions: %v", letters)
		}
		if x, err := w.client.Get(t.Context(), kept); err != nil || x.State != durable.StateCompleted || len(x.Progress) != 1 {
			t.Errorf("the one that is kept: %+v, %v", x, err)
		}
		again := c.dispatch("kept", "1")
		w.ended(again, durable.StateCompleted)
		dry, err := w.client.Cleanup(t.Context(), durable.Cleanup{Executions: true, DeadLetters: true, DryRun: true})
		if err != nil || *dry != (durable.Cleaned{Executions: 2}) {
			t.Errorf("would clean %+v, %v", dry, err)
		}
		done, err := w.client.Cleanup(t.Context(), durable.Cleanup{Executions: true})
		if err != nil || *done != (durable.Cleaned{Executions: 2}) {
			t.Errorf("cleaned %+v, %v", done, err)
		}
		stats, err := w.client.Stats(t.Context())
		if err != nil || stats.Executions.Total != 0 || stats.Tasks.Total != 0 || stats.DeadLetters != 0 {
			t.Errorf("left %+v, %v", stats, err)
		}
	}, "STENT_RETENTION=1s", "STENT_CLEANUP_INTERVAL=50ms")
}

// Bulk actions act by any process on what others run.
func TestManyExecutionsAreActedOnAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, c *cluster) {
		w := openWorkshop(t, c, 3, few)
		durable.Orchestrator(w.worker, "patient", func(ctx *durable.Context, _ int) (bool, error) {
			return durable.WaitSignal[bool](ctx, "go", time.Hour)
		})
		c.serve(w.worker)
		var ids []string
		for range 12 {
			ids = append(ids, c.dispatch("patient", "0"))
		}
		patient := durable.Bulk{Filter: durable.ExecutionFilter{Functions: []string{"patient"}}}
		eventually(t, "all to wait", func() bool {
			stats, err := w.client.Stats(t.Context())
			return err == nil && stats.Executions.ByState["running"] == 12 && stats.Tasks.ByState["waiting"] == 24
		})
		check := func(what string, want durable.BulkDone, done *durable.BulkDone, err error) {
			t.Helper()
			if err != nil || *done != want {
				t.Fatalf("%s: %+v, %v; want %+v", what, done, err, want)
			}
		}
		all := durable.BulkDone{Matched: 12, Affected: 12}
		done, err := w.client.PauseAll(t.Context(), patient)
		check("pausing", all, done, err)
		done, err = w.client.ResumeAll(t.Context(), patient)
		check("resuming", all, done, err)
		few := patient
		few.Limit = 5
		done, err = w.client.CancelAll(t.Context(), few)
		check("cancelling a few", durable.BulkDone{Matched: 5, Affected: 5, More: true}, done, err)
		few.Limit = 7
		done, err = w.client.CancelAll(t.Context(), few)
		check("cancelling the rest", durable.BulkDone{Matched: 7, Affected: 7}, done, err)
		for _, id := range ids {
			w.ended(id, durable.StateCancelled)
		}
		if _, err := w.client.RestartAll(t.Context(), patient); code(err) != "invalid_request" {
			t.Errorf("restarting without states: %v", err)
		}
		patient.Filter.States = []durable.State{durable.StateCancelled}
		done, err = w.client.RestartAll(t.Context(), patient)
		check("restarting", all, done, err)
		for _, id := range ids {
			if _, err := w.client.Signal(t.Context(), id, "go", true); err != nil {
				t.Fatal(err)
			}
			w.ended(id, durable.StateCompleted)
		}
	})
}
