package postgres

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/testenv"
	"github.com/stent-dev/stent/internal/workflow"
)

// patience bounds what must not wait at all, on any machine.
const patience = 20 * time.Second

func join(t *testing.T, store *Store) workflow.ID {
	t.Helper()
	s := db.Scheduler{ID: newID(), State: db.SchedulerReady}
	if err := store.Join(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return s.ID
}

func TestClaimPassesOverWhatACommitHasLocked(t *testing.T) {
	t.Parallel()
	store := openURL(t, migrated(t, testenv.Relaxed()))
	scheduler := join(t, store)
	locked, err := start(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	free, err := start(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	claim := func(ctx context.Context) []db.Claimed {
		claimed, _, err := store.Claim(ctx, scheduler, []db.Quota{{Lane: db.Lane{Queue: "default", Function: "f"}, Limit: 5}})
		if err != nil {
			t.Errorf("claiming: %v", err)
		}
		return claimed
	}
	_, err = store.Commit(t.Context(), workflow.Need{Executions: []workflow.ID{locked.ID}}, func(*workflow.Loaded) (*workflow.Change, error) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		claimed := claim(ctx)
		if len(claimed) != 1 || claimed[0].Task.ID != free.RootTask {
			t.Errorf("claimed %d tasks while an execution was locked, want the one of the other", len(claimed))
		}
		return nil, nil //nolint:nilnil // nothing to save
	})
	if err != nil {
		t.Fatal(err)
	}
	if claimed := claim(t.Context()); len(claimed) != 1 || claimed[0].Task.ID != locked.RootTask {
		t.Errorf("claimed %d tasks afterwards, want the one that was locked", len(claimed))
	}
}

// A commit that leases to a scheduler while that one is being expired is either
// seen by the sweep or refused.
func TestExpiryWaitsForTheLeasesUnderWay(t *testing.T) {
	t.Parallel()
	url := migrated(t, testenv.Relaxed())
	store := openURL(t, url)
	scheduler := join(t, store)
	e, err := start(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	other := connect(t, url)
	tx, err := other.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lease := `UPDATE tasks SET holder = $1, due_at = NULL, state = 'running', token = 1 WHERE execution_id = $2`
	for _, statement := range []struct {
		sql  string
		args []any
	}{
		{"SELECT id FROM schedulers WHERE id = $1 AND state NOT IN ('stopped', 'expired') FOR KEY SHARE", []any{scheduler.String()}},
		{lease, []any{scheduler.String(), e.ID.String()}},
		{"INSERT INTO holds VALUES ('default', $1, $2)", []any{scheduler.String(), e.ID.String()}},
	} {
		if _, err := tx.Exec(t.Context(), statement.sql, statement.args...); err != nil {
			t.Fatal(err)
		}
	}
	expired := make(chan error, 1)
	go func() { expired <- store.Expire(t.Context(), -time.Hour) }()
	waitForLock(t, url)
	if err := store.Beat(t.Context(), db.Scheduler{ID: scheduler, State: db.SchedulerReady}); err != nil && !errors.Is(err, db.ErrExpired) {
		t.Errorf("a heartbeat meanwhile: %v", err)
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-expired; err != nil {
		t.Fatal(err)
	}
	if err := store.Expire(t.Context(), -time.Hour); err != nil { // in case the heartbeat came in between
		t.Fatal(err)
	}
	orphans, err := store.Orphans(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(orphans) != 1 || orphans[0].Task != e.RootTask {
		t.Errorf("found orphans %v, want the task that was leased meanwhile", orphans)
	}
	if _, _, err := store.Claim(t.Context(), scheduler, nil); !errors.Is(err, db.ErrExpired) {
		t.Errorf("a claim afterwards gave %v", err)
	}
}

// waitForLock returns as soon as some connection of the database waits for a lock.
func waitForLock(t *testing.T, url string) {
	t.Helper()
	conn := connect(t, url)
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for range 1000 {
		var waits bool
		err := conn.QueryRow(t.Context(),
			"SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')").Scan(&waits)
		if err != nil {
			t.Fatal(err)
		}
		if waits {
			return
		}
		<-ticker.C
	}
	t.Fatal("nothing waits for a lock")
}

func TestBrokenConnectionBeforeSavingStoresNothing(t *testing.T) {
	t.Parallel()
	url := migrated(t, testenv.Relaxed())
	store := openURL(t, url)
	admin := connect(t, url)
	e, err := start(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Commit(t.Context(), workflow.Need{Executions: []workflow.ID{e.ID}}, func(l *workflow.Loaded) (*workflow.Change, error) {
		_, err := admin.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND state = 'idle in transaction'`)
		l.Executions[0].Retries = 1
		return &workflow.Change{Now: l.Now, Executions: l.Executions}, err
	})
	if !errors.Is(err, db.ErrUnknown) && !errors.Is(err, db.ErrUnavailable) {
		t.Errorf("the commit gave %v", err)
	}
	stored, err := store.Execution(t.Context(), e.ID)
	if err != nil {
		t.Fatal(err)
	}
	if stored.Retries != 0 {
		t.Error("it was stored")
	}
}

func TestErrorsAreTranslatedByTheirCode(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]error{
		"40001": db.ErrConflict, "40P01": db.ErrConflict, "23505": db.ErrConflict, "ST001": db.ErrConflict, "55P03": db.ErrConflict,
		"08006": db.ErrUnavailable, "57P01": db.ErrUnavailable, "57P03": db.ErrUnavailable, "53300": db.ErrUnavailable,
		"53100": db.ErrUnavailable, "25006": db.ErrUnavailable, "57014": db.ErrUnavailable, "ST002": db.ErrExpired,
	} {
		if err := translate("testing", &pgconn.PgError{Code: code}); !errors.Is(err, want) {
			t.Errorf("%s became %v, want %v", code, err, want)
		}
	}
	syntax := translate("testing", &pgconn.PgError{Code: "42601"})
	for _, meaning := range []error{db.ErrConflict, db.ErrUnavailable, db.ErrExpired, db.ErrNotFound, db.ErrUnknown} {
		if errors.Is(syntax, meaning) {
			t.Errorf("a syntax error became %v", syntax)
		}
	}
	if translate("testing", nil) != nil {
		t.Error("no error became one")
	}
}

// An answer that the server gave before it came to COMMIT says that nothing is stored.
func TestOnlyWhatMayBeStoredIsUnknown(t *testing.T) {
	t.Parallel()
	refused := &pgconn.PgError{Code: "ST001"}
	for _, test := range []struct {
		err      error
		atCommit bool
		want     bool
	}{{refused, false, false}, {refused, true, true}, {errors.New("EOF"), false, true}, {context.Canceled, false, true}} {
		if got := unknown(test.err, test.atCommit); got != test.want {
			t.Errorf("%v, at commit %t: unknown %t", test.err, test.atCommit, got)
		}
	}
}
