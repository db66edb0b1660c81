package engine_test

import (
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/wake"
	"github.com/stent-dev/stent/internal/workflow"
)

func TestCleanupCountsAndThenDeletesWhatHasEnded(t *testing.T) {
	t.Parallel()
	e, _ := setup(t, wake.NewLocal(), nil)
	ids := started(t, e, 230)
	for _, id := range ids[:220] {
		if err := e.Cancel(t.Context(), id, true); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		what engine.Cleanup
		want engine.Cleaned
	}{
		{engine.Cleanup{OlderThan: time.Hour, Executions: true, DryRun: true}, engine.Cleaned{}},
		{engine.Cleanup{Executions: true, DeadLetters: true, DryRun: true}, engine.Cleaned{Executions: 220}},
		{engine.Cleanup{DeadLetters: true}, engine.Cleaned{}},
		{engine.Cleanup{Executions: true, DeadLetters: true}, engine.Cleaned{Executions: 220}},
		{engine.Cleanup{Executions: true}, engine.Cleaned{}},
	} {
		if done, err := e.Cleanup(t.Context(), step.what); err != nil || done != step.want {
			t.Fatalf("%+v gave %+v, %v; want %+v", step.what, done, err, step.want)
		}
	}
	if list, err := e.Executions(t.Context(), engine.ExecutionFilter{Page: engine.Page{Limit: 500}}); err != nil || len(list) != 10 {
		t.Errorf("%d are left, %v", len(list), err)
	}
}

func TestExecutionsExpireAsTheirFunctionSaysOrElseTheService(t *testing.T) {
	t.Parallel()
	e, _ := setup(t, wake.NewLocal(), nil)
	ids := map[string]workflow.ID{}
	for name, retention := range map[string]string{"quick": "1ms", "forever": "0s", "silent": "", "gone": "1ms"} {
		spec := workflow.FunctionSpec{Name: name, Kind: "activity", URL: "http://127.0.0.1:1"}
		if retention != "" {
			spec.Retention = &retention
		}
		f, err := spec.Function()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.PutFunction(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		s, err := e.Start(t.Context(), engine.StartRequest{Function: name})
		if err != nil {
			t.Fatal(err)
		}
		if err := e.Cancel(t.Context(), s.Execution.ID, true); err != nil {
			t.Fatal(err)
		}
		ids[name] = s.Execution.ID
	}
	if err := e.DeleteFunction(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	expire := func(retention time.Duration, want ...string) {
		t.Helper()
		<-time.After(5 * time.Millisecond)
		if more, err := e.ExpireExecutions(t.Context(), retention); err != nil || more {
			t.Fatal(more, err)
		}
		left := 0
		for _, id := range ids {
			if _, err := e.Execution(t.Context(), id); err == nil {
				left++
			}
		}
		for _, name := range want {
			if _, err := e.Execution(t.Context(), ids[name]); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if left != len(want) {
			t.Errorf("%d are left, want %v", left, want)
		}
	}
	expire(0, "forever", "silent", "gone")
	expire(time.Hour, "forever", "silent", "gone")
	expire(time.Millisecond, "forever")
}
