package postgres

import (
	"context"
	"encoding/json"
	"net"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/testenv"
	"github.com/stent-dev/stent/internal/workflow"
)

// countingConn counts round trips: reads from the server that follow a write to it.
type countingConn struct {
	net.Conn
	trips *atomic.Int64
	wrote atomic.Bool
}

func (c *countingConn) Write(b []byte) (int, error) {
	if c.wrote.CompareAndSwap(false, true) {
		c.trips.Add(1)
	}
	return c.Conn.Write(b)
}

func (c *countingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.wrote.Store(false)
	return n, err
}

func TestHotPathTakesFewRoundTrips(t *testing.T) {
	t.Parallel()
	var trips atomic.Int64
	config, err := pgxpool.ParseConfig(migrated(t, testenv.Relaxed()))
	if err != nil {
		t.Fatal(err)
	}
	config.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return false }
	config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return &countingConn{Conn: conn, trips: &trips}, err
	}
	store, err := open(t.Context(), config, Options{Commits: 1, Leases: 1, Reads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	scheduler := db.Scheduler{ID: newID(), State: db.SchedulerReady}
	if err := store.Join(t.Context(), scheduler); err != nil {
		t.Fatal(err)
	}
	lane := db.Quota{Lane: db.Lane{Queue: "default", Function: "f"}, Limit: 5}
	for _, step := range []struct {
		name string
		want int64
		run  func() error
	}{
		{"a start", 2, func() error { _, err := start(t.Context(), store); return err }},
		{"a claim", 1, func() error { _, _, err := store.Claim(t.Context(), scheduler.ID, []db.Quota{lane}); return err }},
		{"a commit that loads and saves of each kind", 2, func() error { return everything(t.Context(), store, scheduler.ID) }},
		{"a turn", 1, func() error { _, err := store.Turns(t.Context(), []workflow.ID{newID()}); return err }},
		{"a heartbeat", 1, func() error { return store.Beat(t.Context(), scheduler) }},
	} {
		for _, prepared := range []bool{false, true} {
			before := trips.Load()
			if err := step.run(); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
			if got := trips.Load() - before; prepared && got != step.want {
				t.Errorf("%s took %d round trips, want %d", step.name, got, step.want)
			}
		}
	}
}

// everything starts an execution and then commits a change with something of
// nearly every kind to it.
func everything(ctx context.Context, store *Store, scheduler workflow.ID) error {
	e := newID()
	root := newID()
	need := workflow.Need{
		Executions: []workflow.ID{e}, Keys: []string{"k"}, Tasks: []workflow.ID{root}, Open: []workflow.ID{e},
		Steps:    []workflow.StepRef{{Parent: root, Key: "a"}},
		Waiters:  []workflow.NameRef{{Execution: e, Name: "s"}},
		Mailbox:  []workflow.NameRef{{Execution: e, Name: "s"}},
		Counters: []workflow.NameRef{{Execution: e, Name: "n"}},
	}
	_, err := store.Commit(ctx, need, func(l *workflow.Loaded) (*workflow.Change, error) {
		execution, task := newExecution(e, root, l)
		return &workflow.Change{
			Now: l.Now, NewExecutions: []*workflow.Execution{execution}, NewTasks: []*workflow.Task{task},
			Executions: []*workflow.Execution{execution}, Tasks: []workflow.TaskUpdate{{Task: task}},
			Inputs:   []workflow.TaskInput{{Execution: e, Task: root, Input: json.RawMessage(`1`)}},
			Sweeps:   []workflow.Sweep{{Execution: e, Under: root}},
			Releases: []workflow.Release{{Execution: e, Map: root, To: 1}},
			NewSignals: []*workflow.Signal{{
				ID: newID(), Execution: e, Name: "s", Seq: 1, Payload: json.RawMessage(`1`), ReceivedAt: l.Now,
			}},
			Counters: []workflow.Counter{{Execution: e, Name: "n", Value: 1}},
			State:    []workflow.StateEntry{{Execution: e, Key: "k", Value: json.RawMessage(`1`)}},
			Attempts: []workflow.FailedAttempt{{Execution: e, Task: root, StartedAt: l.Now, EndedAt: l.Now}},
			Holds:    []workflow.Hold{{Scheduler: scheduler, Execution: e}},
			Lessee:   scheduler,
		}, nil
	})
	return err
}
