package postgres

import (
	"testing"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/dbtest"
)

func BenchmarkStore(b *testing.B) {
	dbtest.Benchmark(b, func(t testing.TB) db.Store { return openURL(t, migrated(t)) })
}
