package postgres

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/testenv"
	"github.com/stent-dev/stent/internal/workflow"
)

// leaseUnderWay begins what a claim does, on a connection of its own, up to its commit.
func leaseUnderWay(t *testing.T, url string, scheduler workflow.ID, e *workflow.Execution) pgx.Tx {
	t.Helper()
	tx, err := connect(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []struct {
		sql  string
		args []any
	}{
		{"SELECT id FROM schedulers WHERE id = $1 AND state NOT IN ('stopped', 'expired') FOR KEY SHARE", []any{scheduler.String()}},
		{`UPDATE tasks SET holder = $1, due_at = NULL, state = 'running', token = 1 WHERE execution_id = $2`, []any{scheduler.String(), e.ID.String()}},
		{"INSERT INTO holds VALUES ('default', $1, $2) ON CONFLICT DO NOTHING", []any{scheduler.String(), e.ID.String()}},
	} {
		if _, err := tx.Exec(t.Context(), statement.sql, statement.args...); err != nil {
			t.Fatal(err)
		}
	}
	return tx
}

// A claim whose caller gave up (its context ended, its connection broke) may still
// be under way in the server when the scheduler leaves.
func TestLeavingSchedulerLosesNoLeaseThatIsUnderWay(t *testing.T) {
	t.Parallel()
	url := migrated(t, testenv.Relaxed())
	store := openURL(t, url)
	scheduler := join(t, store)
	e, err := start(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	tx := leaseUnderWay(t, url, scheduler, e)
	left := make(chan error, 1)
	go func() { left <- store.Leave(t.Context(), scheduler) }()
	select {
	case err := <-left:
		left <- err
	case <-time.After(time.Second): // it waits for the lease: good
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Log("leave gave", <-left)
	if err := store.Expire(t.Context(), -time.Hour); err != nil {
		t.Fatal(err)
	}
	orphans, err := store.Orphans(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(orphans) != 1 {
		t.Errorf("nobody finds the task that the scheduler holds, which is gone: orphans %v", orphans)
	}
}

// The same for the hold of an execution that is forgotten as idle.
func TestUnholdKeepsTheHoldOfALeaseThatIsUnderWay(t *testing.T) {
	t.Parallel()
	url := migrated(t, testenv.Relaxed())
	store := openURL(t, url)
	scheduler := join(t, store)
	e, err := start(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, url).Exec(t.Context(), "INSERT INTO holds VALUES ('default', $1, $2)", scheduler.String(), e.ID.String()); err != nil {
		t.Fatal(err) // held before
	}
	tx := leaseUnderWay(t, url, scheduler, e)
	done := make(chan error, 1)
	go func() { done <- store.Unhold(t.Context(), scheduler, []workflow.ID{e.ID}) }()
	select {
	case err := <-done:
		done <- err
	case <-time.After(time.Second):
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Log("unhold gave", err)
	}
	held, err := store.Held(t.Context(), scheduler, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Expire(t.Context(), -time.Hour); err != nil {
		t.Fatal(err)
	}
	orphans, err := store.Orphans(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(held) != 1 || len(orphans) != 1 {
		t.Errorf("a task is held that neither its scheduler finds (%v) nor, after its death, anybody else (%v)", held, orphans)
	}
}

// A process that is stopped in the middle of a transaction loses its connection.
func TestIdleTransactionThatWasThrownOutIsNoFaultOfItsEvents(t *testing.T) {
	t.Parallel()
	store := openURL(t, migrated(t, testenv.Relaxed())+"?idle_in_transaction_session_timeout=200ms")
	e, err := start(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Commit(t.Context(), workflow.Need{Executions: []workflow.ID{e.ID}}, func(l *workflow.Loaded) (*workflow.Change, error) {
		<-time.After(time.Second) // as if stopped by SIGSTOP
		l.Executions[0].Retries = 1
		return &workflow.Change{Now: l.Now, Executions: l.Executions}, nil
	})
	if !errors.Is(err, db.ErrUnknown) && !errors.Is(err, db.ErrUnavailable) && !errors.Is(err, db.ErrConflict) {
		t.Errorf("the commit gave %v, which makes the engine refuse the event for good", err)
	}
}

// The claims and look-ups of a scheduler that a slow database delays must not
// keep its heartbeat from being sent.
func TestBeatIsNotStarvedByTheOtherCallsOfItsScheduler(t *testing.T) {
	t.Parallel()
	url := migrated(t, testenv.Relaxed())
	store, err := Open(t.Context(), url, Options{}) // the pools of production
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	join(t, store) // dies
	if err := store.Expire(t.Context(), -time.Hour); err != nil {
		t.Fatal(err)
	}
	scheduler := join(t, store)
	tx, err := connect(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE"); err != nil { // stands for slow scans
		t.Fatal(err)
	}
	slow := make(chan error, 3)
	go func() { _, err := store.Lanes(t.Context()); slow <- err }()                // dispatch
	go func() { _, err := store.Held(t.Context(), scheduler, nil); slow <- err }() // reconciling
	go func() { _, err := store.Orphans(t.Context(), 200); slow <- err }()         // recovering
	<-time.After(500 * time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := store.Beat(ctx, db.Scheduler{ID: scheduler, State: db.SchedulerReady}); err != nil {
		t.Errorf("a heartbeat, which touches no table that is slow: %v", err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := <-slow; err != nil {
			t.Error(err)
		}
	}
}
