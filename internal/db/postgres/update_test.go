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
// must not touch an index: then all its updates stay on the page of their row, if that
// has room. Here it always has. With the fill factor of the schema that is so because
// earlier versions are pruned, which anybody's snapshot may delay.
func TestUpdatesOfTheHotPathAreHeapOnly(t *testing.T) {
	t.Parallel()
	url := migrated(t, testenv.Relaxed())
	conn := connect(t, url)
	if _, err := conn.Exec(t.Context(), "ALTER TABLE tasks SET (fillfactor = 10)"); err != nil { // a row or two on each page
		t.Fatal(err)
	}
	store := openURL(t, url)
	scheduler := join(t, store)
	const executions, steps = 40, 4
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
	if updates, heapOnly := heapOnlyUpdates(t, conn, 3*executions*steps); heapOnly != updates {
		t.Errorf("%d of %d updates were heap-only, want all", heapOnly, updates)
	}
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
