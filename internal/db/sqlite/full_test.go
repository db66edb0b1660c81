package sqlite

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/sqlite/internal/dbsqlc"
	"github.com/stent-dev/stent/internal/workflow"
)

func TestAFullDiskIsUnavailableUntilThereIsRoom(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "stent.db")
	if err := Migrate(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	pages := func(pragma string) {
		t.Helper()
		if _, err := s.writer.conn.ExecContext(t.Context(), pragma); err != nil {
			t.Fatal(err)
		}
	}
	put := func() error {
		_, err := s.Commit(t.Context(), workflow.Need{}, func(l *workflow.Loaded) (*workflow.Change, error) {
			big := []byte(`"` + strings.Repeat("x", 1<<20) + `"`)
			return &workflow.Change{Now: l.Now, State: []workflow.StateEntry{{Execution: workflow.ID{1}, Key: "k", Value: big}}}, nil
		})
		return err
	}

	pages("PRAGMA max_page_count = 40")
	if err := put(); !errors.Is(err, db.ErrUnavailable) {
		t.Errorf("Commit on a full disk gave %v, want ErrUnavailable", err)
	}
	var state []workflow.StateEntry
	err = s.view(t.Context(), "reading state", func(ctx context.Context, q *dbsqlc.Queries) (err error) {
		_, state, err = loadContext(ctx, q, workflow.ID{1})
		return err
	})
	if err != nil || len(state) != 0 {
		t.Errorf("found %d entries, %v; want none of what failed", len(state), err)
	}
	pages("PRAGMA max_page_count = 100000")
	if err := put(); err != nil {
		t.Errorf("Commit with room again gave %v", err)
	}
}
