package sqlite_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
)

func TestSchedulersThatAreGoneAreForgottenAfterADay(t *testing.T) {
	t.Parallel()
	path := migrated(t, filepath.Join(t.TempDir(), "stent.db"))
	store := openPath(t, path)
	for range 2 {
		id, err := join(t.Context(), store)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Leave(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := join(t.Context(), store); err != nil { // this one does not say that it goes
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct{ hours, want int }{{23, 3}, {2, 0}} {
		pool, err := sql.Open("sqlite", "file:"+path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = pool.ExecContext(t.Context(), "UPDATE schedulers SET seen_at = seen_at - ? * 3600000000", step.hours)
		if err := errors.Join(err, pool.Close()); err != nil {
			t.Fatal(err)
		}
		store := openPath(t, path)
		for range 2 { // released by the first, if not yet, and forgotten by the second
			if _, err := store.Orphans(t.Context(), 10); err != nil {
				t.Fatal(err)
			}
		}
		if schedulers, err := store.Schedulers(t.Context()); err != nil || len(schedulers) != step.want {
			t.Errorf("%d hours later there are %d schedulers (%v), want %d", step.hours, len(schedulers), err, step.want)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
