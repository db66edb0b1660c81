package postgres

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stent-dev/stent/internal/testenv"
	"github.com/stent-dev/stent/internal/workflow"
)

// The hot path (a step is made held, and settles; its orchestrator waits, and runs)
// must not touch an index: nearly all its updates stay on the page of their row, on
// space that earlier ones left. Now and then that is not free yet, because of some
// connection to the server that is just starting; so one good round of several is
// enough, and the test runs beside no other.
func TestUpdatesOfTheHotPathAreHeapOnly(t *testing.T) { //nolint:paralleltest // see above
	const rounds = 5
	var shares []float64
	for range rounds {
		share := heapOnlyShare(t)
		if share >= 0.9 {
			return
		}
		shares = append(shares, share)
	}
	t.Errorf("the shares of heap-only updates were %.2f; want 0.9", shares)
}

// heapOnlyShare runs the hot path on a fresh database.
func heapOnlyShare(t *testing.T) float64 {
	t.Helper()
	url := migrated(t, testenv.Relaxed())
	store := openURL(t, url)
	scheduler := join(t, store)
	const executions, steps = 40, 12
	var ids, roots []workflow.ID
	save(t, store, workflow.Need{}, func(l *workflow.Loaded, c *workflow.Change) {
		for range executions {
			e, root := newExecution(newID(), newID(), l)
			root.Kind, root.State, root.Holder, root.DueAt, root.Token = workflow.KindOrchestrator, workflow.TaskRunning, scheduler, nil, 1
			ids, roots = append(ids, e.ID), append(roots, root.ID)
			c.NewExecutions, c.NewTasks = append(c.NewExecutions, e), append(c.NewTasks, root)
		}
	})
	for step := range steps {
		var held []workflow.ID
		save(t, store, workflow.Need{Executions: ids, Tasks: roots}, func(l *workflow.Loaded, c *workflow.Change) {
			held = storeTurns(l, c, scheduler, strconv.Itoa(step))
		})
		save(t, store, workflow.Need{Executions: ids, Tasks: held}, func(l *workflow.Loaded, c *workflow.Change) {
			storeCompletions(l, c, scheduler)
		})
	}
	if err := store.Close(); err != nil { // its connections then report what they did
		t.Fatal(err)
	}
	updates, heapOnly := heapOnlyUpdates(t, connect(t, url), 2*executions*steps)
	return float64(heapOnly) / float64(updates)
}

func save(t *testing.T, store *Store, need workflow.Need, change func(*workflow.Loaded, *workflow.Change)) {
	t.Helper()
	_, err := store.Commit(t.Context(), need, func(l *workflow.Loaded) (*workflow.Change, error) {
		c := &workflow.Change{Now: l.Now}
		change(l, c)
		return c, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func storeTurns(l *workflow.Loaded, c *workflow.Change, scheduler workflow.ID, key string) (held []workflow.ID) {
	for _, root := range l.Tasks {
		was := root.Token
		root.State, root.Holder = workflow.TaskWaiting, workflow.ID{}
		root.Await = []workflow.AwaitNode{{Mode: workflow.AwaitAll, Parent: -1, Open: 1}}
		c.Tasks = append(c.Tasks, workflow.TaskUpdate{Task: root, WasToken: was})
		step := &workflow.Task{
			ID: newID(), Execution: root.Execution, Parent: root.ID, Key: key, Op: workflow.OpCall, Name: "g", Queue: "default",
			Input: json.RawMessage(`{"order": "ORD-0001"}`), CreatedAt: l.Now, Kind: workflow.KindActivity,
			State: workflow.TaskRunning, Holder: scheduler, Token: 1, Attempt: 1, StartedAt: &l.Now,
		}
		held = append(held, step.ID)
		c.NewTasks = append(c.NewTasks, step)
	}
	return held
}

func storeCompletions(l *workflow.Loaded, c *workflow.Change, scheduler workflow.ID) {
	for _, t := range l.Tasks {
		was := t.Token
		if t.Parent.IsZero() {
			t.State, t.Holder, t.Await = workflow.TaskRunning, scheduler, nil
			t.Token++
		} else {
			t.State, t.Holder, t.CompletedAt, t.Result = workflow.TaskCompleted, workflow.ID{}, &l.Now, json.RawMessage(`{"paid": true}`)
		}
		c.Tasks = append(c.Tasks, workflow.TaskUpdate{Task: t, WasToken: was})
	}
}

// heapOnlyUpdates waits for the statistics to tell of at least so many updates.
func heapOnlyUpdates(t *testing.T, conn *pgx.Conn, least int64) (updates, heapOnly int64) {
	t.Helper()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for range 600 {
		err := conn.QueryRow(t.Context(),
			"SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'tasks'").Scan(&updates, &heapOnly)
		if err != nil {
			t.Fatal(err)
		}
		if updates >= least {
			return updates, heapOnly
		}
		<-ticker.C
	}
	t.Fatalf("the statistics tell of %d updates, want %d", updates, least)
	return 0, 0
}
