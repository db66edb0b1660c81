package postgres

import (
	"errors"
	"sync"
	"testing"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/testenv"
)

func TestManyProcessesMayMigrateAtOnce(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t, testenv.Relaxed())
	var done sync.WaitGroup
	for range 4 {
		done.Go(func() {
			if err := Migrate(t.Context(), url); err != nil {
				t.Errorf("migrating: %v", err)
			}
		})
	}
	done.Wait()
	want, err := newestMigration()
	if err != nil {
		t.Fatal(err)
	}
	version, dirty, err := SchemaVersion(t.Context(), url)
	if err != nil || version != want || dirty {
		t.Errorf("the schema has version %d, dirty %t (%v), want %d", version, dirty, err, want)
	}
}

func TestSchemaThatIsTooOldIsRefused(t *testing.T) {
	t.Parallel()
	url := testenv.Postgres(t, testenv.Relaxed())
	refused := func(when string) {
		t.Helper()
		store, err := Open(t.Context(), url, Options{})
		if err == nil {
			_ = store.Close()
		}
		if !errors.Is(err, db.ErrUnavailable) {
			t.Errorf("%s, opening gave %v", when, err)
		}
	}
	refused("before the first migration")
	if err := Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	store, err := Open(t.Context(), url, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := MigrateDown(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	refused("after the way down")
}

// A process of the version before starts again beside one of the next, which has
// migrated the database.
func TestNewerSchemaServesAnOlderProgram(t *testing.T) {
	t.Parallel()
	url := migrated(t, testenv.Relaxed())
	conn := connect(t, url)
	bump := func(sql string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	bump("UPDATE schema_migrations SET version = version + 1")
	if err := Migrate(t.Context(), url); err != nil {
		t.Errorf("migrating gave %v", err)
	}
	store, err := Open(t.Context(), url, Options{})
	if err != nil {
		t.Fatalf("opening gave %v", err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	bump("UPDATE schema_migrations SET dirty = true")
	if err := Migrate(t.Context(), url); err == nil {
		t.Error("a schema that failed half way is taken for a good one")
	}
}

func TestDatabaseThatIsAwayIsUnavailable(t *testing.T) {
	t.Parallel()
	const nowhere = "postgres://stent@127.0.0.1:1/stent?connect_timeout=2"
	if _, err := Open(t.Context(), nowhere, Options{}); !errors.Is(err, db.ErrUnavailable) {
		t.Errorf("opening gave %v", err)
	}
	if err := Migrate(t.Context(), nowhere); !errors.Is(err, db.ErrUnavailable) {
		t.Errorf("migrating gave %v", err)
	}
	if _, err := Open(t.Context(), "postgres://%", Options{}); err == nil || errors.Is(err, db.ErrUnavailable) {
		t.Errorf("a URL that is none gave %v", err)
	}
}
