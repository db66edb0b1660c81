package scheduler_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/scheduler"
	"github.com/stent-dev/stent/internal/workflow"
)

// storeCallback stores an execution that ended some time ago and was to be told to a URL then.
func storeCallback(t *testing.T, store db.Store, url string, ago time.Duration) (callback workflow.ID) {
	t.Helper()
	_, err := store.Commit(t.Context(), workflow.Need{}, func(l *workflow.Loaded) (*workflow.Change, error) {
		then := l.Now.Add(-ago)
		x := &workflow.Execution{
			ID: engine.NewID(), Function: "f", RootTask: engine.NewID(), Queue: "default", CallbackURL: url, CreatedAt: then,
			State: workflow.ExecutionCompleted, CompletedAt: &then, Tags: []string{},
		}
		root := &workflow.Task{
			ID: x.RootTask, Execution: x.ID, Key: "root", Op: workflow.OpStart, Name: "f", Queue: "default", CreatedAt: then,
			Kind: workflow.KindActivity, State: workflow.TaskCompleted, CompletedAt: &then,
		}
		call := &workflow.Task{
			ID: engine.NewID(), Execution: x.ID, Key: "callback", Op: workflow.OpCallback, Name: url, Queue: "default", CreatedAt: then,
			Kind: workflow.KindActivity, State: workflow.TaskPending, DueAt: &then, ScheduledFor: &then,
			Input: json.RawMessage(`{"event":"execution.completed"}`),
		}
		callback = call.ID
		return &workflow.Change{Now: l.Now, NewExecutions: []*workflow.Execution{x}, NewTasks: []*workflow.Task{root, call}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return callback
}

func render(v *engine.ExecutionView) []byte { return []byte(v.ID.String()) }

func TestCallbackIsGivenUpWhenItsReceiverWasAwayForDays(t *testing.T) {
	t.Parallel()
	s := setup(t, scheduler.Options{Callbacks: scheduler.Callbacks{Render: render}}, nil)
	patient := storeCallback(t, s.store, "http://127.0.0.1:1", workflow.CallbackLife-time.Hour)
	given := storeCallback(t, s.store, "http://127.0.0.1:2", workflow.CallbackLife+time.Hour)
	state := func(id workflow.ID) (*workflow.Task, []workflow.FailedAttempt) {
		task, attempts, err := s.engine.Task(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return task, attempts
	}
	eventually(t, "giving up", func() bool { task, _ := state(given); return task.State == workflow.TaskFailed })
	if _, attempts := state(given); len(attempts) != 1 || attempts[0].Error.Type != "unreachable" {
		t.Errorf("attempts %+v", attempts)
	}
	if task, attempts := state(patient); task.State.Settled() || len(attempts) > 0 {
		t.Errorf("the younger one is %s after %+v", task.State, attempts)
	}
}

func TestSchedulerThatCannotRenderLeavesCallbacksToOthers(t *testing.T) {
	t.Parallel()
	called := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called <- struct{}{} }))
	t.Cleanup(server.Close)
	s := setup(t, scheduler.Options{}, nil)
	id := storeCallback(t, s.store, server.URL, time.Hour)
	s.register("work", "activity", server.URL)
	s.start("work", "1")
	<-called // so it has looked for what is due
	if task, _, err := s.engine.Task(t.Context(), id); err != nil || task.State != workflow.TaskPending || task.Attempt != 0 {
		t.Errorf("%+v, %v", task, err)
	}
}
