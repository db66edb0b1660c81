package scheduler_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/scheduler"
	"github.com/stent-dev/stent/internal/workflow"
)

func TestTurnThatIsTooLargeBlocksItsExecution(t *testing.T) {
	t.Parallel()
	s := setup(t, scheduler.Options{MaxTurnBytes: 4000}, nil)
	w := durable.NewWorker()
	durable.Activity(w, "write", func(context.Context, int) (string, error) { return strings.Repeat("x", 1500), nil })
	durable.Orchestrator(w, "library", func(ctx *durable.Context, books int) (int, error) {
		for range books {
			if _, err := durable.Call[string](ctx, "write", 0); err != nil {
				return 0, err
			}
		}
		return books, nil
	})
	s.serve(w)
	if view := s.wait(s.start("library", "2")); view.Execution.State != workflow.ExecutionCompleted {
		t.Errorf("a turn within the limit: %s, %v", view.Execution.State, view.Error)
	}
	id := s.start("library", "3")
	eventually(t, "the block", func() bool {
		x, err := s.store.Execution(t.Context(), id)
		return err == nil && x.State == workflow.ExecutionBlocked && x.Error.Type == workflow.ErrorHistoryLimit &&
			strings.Contains(x.Error.Message, "may take 4000")
	})
}

func TestNextRunIsSuggestedWhenTheHistoryIsLong(t *testing.T) {
	t.Parallel()
	s := setup(t, scheduler.Options{}, nil)
	w := durable.NewWorker()
	durable.Orchestrator(w, "ledger", func(ctx *durable.Context, before int) (int, error) {
		if ctx.Run() == 1 {
			return before, nil
		}
		for !ctx.ContinueAsNewSuggested() {
			if _, err := durable.Local(ctx, "entry", func() (int, error) { return 1, nil }); err != nil {
				return 0, err
			}
			if ctx.Steps()%500 == 0 {
				if err := ctx.Sleep(0); err != nil {
					return 0, err
				}
			}
		}
		return 0, durable.ContinueAsNew(ctx.Steps())
	})
	s.serve(w)
	if view := s.wait(s.start("ledger", "0")); string(view.Result) != "5000" && string(view.Result) != "5001" {
		t.Errorf("the next run was begun after %s steps: %s, %v", view.Result, view.Execution.State, view.Error)
	}
}
