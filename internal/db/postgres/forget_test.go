package postgres

import (
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/testenv"
)

func TestSchedulersThatAreGoneAreForgottenAfterADay(t *testing.T) {
	t.Parallel()
	url := migrated(t, testenv.Relaxed())
	store, conn := openURL(t, url), connect(t, url)
	left, silent, living := join(t, store), join(t, store), join(t, store)
	if err := store.Leave(t.Context(), left); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		age  string
		want int
	}{{"23 hours", 3}, {"25 hours", 1}} {
		// The lease of the one that lives is long.
		_, err := conn.Exec(t.Context(), `UPDATE schedulers SET seen_at = now() - $1::interval,
			lease_us = CASE WHEN id = $2 THEN 1e12 ELSE 1 END`, step.age, living)
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Expire(t.Context(), time.Second); err != nil {
			t.Fatal(err)
		}
		for range 2 { // released by the first, if not yet, and forgotten by the second
			if _, err := store.Orphans(t.Context(), 10); err != nil {
				t.Fatal(err)
			}
		}
		if schedulers, err := store.Schedulers(t.Context()); err != nil || len(schedulers) != step.want {
			t.Errorf("after %s there are %d schedulers (%v), want %d; %v had expired", step.age, len(schedulers), err, step.want, silent)
		}
	}
}
