package dbopen_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/dbopen"
)

func TestAnSQLiteURLOpensAFileOrMemory(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "stent.db")
	for _, url := range []string{"sqlite:" + path, "sqlite://" + path, "sqlite::memory:"} {
		if err := dbopen.Migrate(t.Context(), url); err != nil {
			t.Fatalf("migrating %s: %v", url, err)
		}
		if version, err := dbopen.Version(t.Context(), url); err != nil || version == 0 {
			t.Errorf("%s has version %d, %v", url, version, err)
		}
		store, err := dbopen.Open(t.Context(), url)
		if err != nil {
			t.Fatalf("opening %s: %v", url, err)
		}
		if err := errors.Join(store.Ping(t.Context()), store.Close()); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	if err := dbopen.MigrateDown(t.Context(), "sqlite:"+path); err != nil {
		t.Fatal(err)
	}
	if store, err := dbopen.Open(t.Context(), "sqlite:"+path); !errors.Is(err, db.ErrUnavailable) || store != nil {
		t.Errorf("opening what is not migrated gave %v, %v", store, err)
	}
}

func TestAPostgresURLGoesToPostgres(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"postgres", "postgresql"} {
		_, err := dbopen.Open(t.Context(), scheme+"://nobody@127.0.0.1:1/none?connect_timeout=5")
		if !errors.Is(err, db.ErrUnavailable) {
			t.Errorf("opening what is not there gave %v, want ErrUnavailable", err)
		}
	}
}

func TestAnyOtherURLIsRefusedWithoutShowingIt(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "stent.db", "sqlite:", "sqlite://", "mysql://user:secret@host/db", "Postgres://user:secret@host/db"} {
		_, openErr := dbopen.Open(t.Context(), url)
		_, versionErr := dbopen.Version(t.Context(), url)
		for _, err := range []error{openErr, versionErr, dbopen.Migrate(t.Context(), url), dbopen.MigrateDown(t.Context(), url)} {
			if !errors.Is(err, dbopen.ErrURL) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%q gave %v, want ErrURL", url, err)
			}
		}
	}
}
