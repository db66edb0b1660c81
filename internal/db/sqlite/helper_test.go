package sqlite_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/sqlite"
	"github.com/stent-dev/stent/internal/workflow"
)

var ids atomic.Uint64

// newID gives ids in their order.
func newID() workflow.ID {
	var id workflow.ID
	binary.BigEndian.PutUint64(id[8:], ids.Add(1))
	id[0] = 1
	return id
}

// openStore gives a store on a fresh file that ends with the test.
func openStore(t testing.TB) *sqlite.Store {
	t.Helper()
	return openPath(t, migrated(t, filepath.Join(t.TempDir(), "stent.db")))
}

func migrated(t testing.TB, path string) string {
	t.Helper()
	if err := sqlite.Migrate(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	return path
}

func openPath(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

// newExecution is an execution with its root task, due at a time.
func newExecution(function string, due time.Time) (*workflow.Execution, *workflow.Task) {
	e := &workflow.Execution{
		ID: newID(), Function: function, Input: []byte(`{"n":1}`), Queue: workflow.DefaultQueue, RootTask: newID(),
		CreatedAt: due, State: workflow.ExecutionPending,
	}
	return e, &workflow.Task{
		ID: e.RootTask, Execution: e.ID, Key: "root", Op: workflow.OpStart, Name: function, Queue: e.Queue,
		CreatedAt: due, Kind: workflow.KindActivity, State: workflow.TaskPending, DueAt: &due,
	}
}

// start stores fresh executions of a function, due now, in one commit.
func start(ctx context.Context, store db.Store, function string, n int) (executions []*workflow.Execution, err error) {
	_, err = store.Commit(ctx, workflow.Need{}, func(l *workflow.Loaded) (*workflow.Change, error) {
		c := &workflow.Change{Now: l.Now}
		for range n {
			e, root := newExecution(function, l.Now)
			executions = append(executions, e)
			c.NewExecutions, c.NewTasks = append(c.NewExecutions, e), append(c.NewTasks, root)
		}
		return c, nil
	})
	return executions, err
}

func join(ctx context.Context, store db.Store) (workflow.ID, error) {
	scheduler := db.Scheduler{ID: newID(), Host: "test", State: db.SchedulerReady, Lease: time.Minute}
	return scheduler.ID, store.Join(ctx, scheduler)
}

func claim(ctx context.Context, store db.Store, scheduler workflow.ID, function string, limit int) ([]db.Claimed, error) {
	lane := db.Lane{Queue: workflow.DefaultQueue, Function: function}
	claimed, _, err := store.Claim(ctx, scheduler, []db.Quota{{Lane: lane, Limit: limit, Kind: workflow.KindActivity}})
	return claimed, err
}

// leaveLease starts an execution and claims its root task.
func leaveLease(ctx context.Context, store db.Store) error {
	if _, err := start(ctx, store, "left", 1); err != nil {
		return err
	}
	scheduler, err := join(ctx, store)
	if err != nil {
		return err
	}
	claimed, err := claim(ctx, store, scheduler, "left", 10)
	if err == nil && len(claimed) != 1 {
		err = fmt.Errorf("claimed %d tasks, want 1", len(claimed))
	}
	return err
}

func isExpired(err error) bool { return errors.Is(err, db.ErrExpired) }
