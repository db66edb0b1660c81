package sqlite_test

import (
	"testing"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/dbtest"
	"github.com/stent-dev/stent/internal/db/sqlite"
)

func TestAFileBehavesAsAStore(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t testing.TB) db.Store { return openStore(t) })
}

func TestMemoryBehavesAsAStore(t *testing.T) {
	t.Parallel()
	dbtest.Run(t, func(t testing.TB) db.Store { return openPath(t, sqlite.Memory) })
}
