package sqlite_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/stent-dev/stent/internal/db/sqlite"
)

// childEnv names the database that a test binary opens when it is started as the other process.
const childEnv = "STENT_TEST_SQLITE_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		os.Exit(child(path))
	}
	goleak.VerifyTestMain(m)
}

// child opens the database, leaves a scheduler with a lease behind, says so and
// waits to be killed. It exits with 3 when the database is refused.
func child(path string) int {
	ctx := context.Background()
	store, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		fmt.Println(err)
		return 3
	}
	if err := leaveLease(ctx, store); err != nil {
		fmt.Println(err)
		return 4
	}
	fmt.Println("ready")
	select {}
}
