package postgres

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/dbtest"
	"github.com/stent-dev/stent/internal/testenv"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// migrated gives the URL of a fresh database with the current schema.
func migrated(t testing.TB, options ...testenv.PostgresOption) string {
	t.Helper()
	url := testenv.Postgres(t, options...)
	if err := Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	return url
}

// openURL gives a store that ends with the test.
func openURL(t testing.TB, url string) *Store {
	t.Helper()
	store, err := Open(t.Context(), url, Options{Commits: 4, Leases: 3, Reads: 2})
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

// connect gives a plain connection that ends with the test.
func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func TestConformance(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t testing.TB) db.Store { return openURL(t, migrated(t, testenv.Relaxed())) })
}
