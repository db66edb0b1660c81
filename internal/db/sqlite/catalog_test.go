package sqlite_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/sqlite"
	"github.com/stent-dev/stent/internal/workflow"
	"github.com/stent-dev/stent/migrations"
)

func TestAFunctionComesBackAsItWasRegistered(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	ttl := time.Duration(0)
	f := &workflow.Function{
		Namespace: db.DefaultNamespace, Name: "f", Version: "2", Kind: workflow.KindActivity, URL: "http://f", Queue: "q", Priority: -3,
		Tags: []string{"a", `"quoted"`}, Timeout: 1500 * time.Microsecond, HeartbeatTimeout: time.Hour,
		Retry: workflow.DefaultRetryPolicy(), Idempotent: true, IdempotencyKeyFrom: []string{"/a"}, CacheTTL: &ttl,
		MaxConcurrent: 4, RateLimit: &workflow.RateLimit{Limit: 2, Per: time.Second},
	}
	for _, version := range []string{"1", "2"} {
		g := *f
		g.Version = version
		if err := store.PutFunctions(t.Context(), []*workflow.Function{&g}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := store.Functions(t.Context())
	if err != nil || len(got) != 2 {
		t.Fatalf("found %d functions, %v; want 2", len(got), err)
	}
	f.CreatedAt, f.UpdatedAt = got[0].CreatedAt, got[0].UpdatedAt
	if !reflect.DeepEqual(got[0], f) || f.CreatedAt.IsZero() {
		t.Errorf("got %+v, want %+v", got[0], f)
	}
	if err := errors.Join(store.DeleteFunction(t.Context(), "f")); err != nil {
		t.Error(err)
	}
	if err := store.DeleteFunction(t.Context(), "f"); !errors.Is(err, db.ErrNotFound) {
		t.Errorf("deleting again gave %v, want ErrNotFound", err)
	}
}

func TestAWorkerThatIsRenewedKeepsItsIDAndLosesWhatItDoesNotName(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	function := func(name string) *workflow.Function {
		return &workflow.Function{Name: name, Kind: workflow.KindActivity, URL: "http://w"}
	}
	first, err := store.PutWorker(t.Context(), &workflow.Worker{ID: newID(), URL: "http://w"},
		[]*workflow.Function{function("a"), function("b")})
	if err != nil {
		t.Fatal(err)
	}
	again, err := store.PutWorker(t.Context(), &workflow.Worker{ID: newID(), URL: "http://w", Secret: "s"},
		[]*workflow.Function{function("b"), function("c")})
	if err != nil || again.ID != first.ID || again.Secret != "s" || again.Health != workflow.WorkerHealthy {
		t.Fatalf("renewed %+v as %+v, %v", first, again, err)
	}
	functions, err := store.Functions(t.Context())
	if err != nil || len(functions) != 2 || functions[0].Name != "c" || functions[1].Name != "b" || functions[0].Worker != first.ID {
		t.Errorf("functions are %+v, %v", functions, err)
	}

	var since []time.Time
	for range 2 {
		if err := store.SetWorkerHealth(t.Context(), first.ID, workflow.WorkerUnreachable, "refused"); err != nil {
			t.Fatal(err)
		}
		workers, err := store.Workers(t.Context())
		if err != nil || len(workers) != 1 || workers[0].UnreachableSince == nil || workers[0].LastError != "refused" {
			t.Fatalf("workers are %+v, %v", workers, err)
		}
		since = append(since, *workers[0].UnreachableSince)
	}
	if !since[0].Equal(since[1]) {
		t.Errorf("unreachable since %s, then since %s", since[0], since[1])
	}
	if err := store.DeleteWorker(t.Context(), first.ID); err != nil {
		t.Error(err)
	}
	if err := store.DeleteWorker(t.Context(), first.ID); !errors.Is(err, db.ErrNotFound) {
		t.Errorf("deleting again gave %v, want ErrNotFound", err)
	}
	if functions, err = store.Functions(t.Context()); err != nil || len(functions) != 0 {
		t.Errorf("functions are %+v, %v; want none", functions, err)
	}
}

func TestASecretIsMadeOnce(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	for _, fresh := range []string{"one", "two"} {
		if got, err := store.Secret(t.Context(), "pepper", []byte(fresh)); err != nil || !bytes.Equal(got, []byte("one")) {
			t.Errorf("the secret is %q, %v; want the first", got, err)
		}
	}
}

func TestTheSchemaGoesUpAndDown(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "stent.db")
	all, err := fs.Glob(migrations.SQLite, "sqlite/*.up.sql")
	if err != nil || len(all) < 2 {
		t.Fatal("there are no migrations:", err)
	}
	number := func(file string) (n int) {
		if _, err := fmt.Sscanf(file, "sqlite/%d_", &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	newest, before := number(all[len(all)-1]), number(all[len(all)-2])
	for _, step := range []struct {
		migrate func() error
		want    int
	}{
		{func() error { return nil }, 0},
		{func() error { return sqlite.Migrate(t.Context(), path) }, newest},
		{func() error { return sqlite.Migrate(t.Context(), path) }, newest},
		{func() error { return sqlite.MigrateDown(t.Context(), path) }, before},
		{func() error { return sqlite.Migrate(t.Context(), path) }, newest},
	} {
		if err := step.migrate(); err != nil {
			t.Fatal(err)
		}
		if got, dirty, err := sqlite.SchemaVersion(t.Context(), path); err != nil || dirty || got != step.want {
			t.Errorf("the version is %d, %t, %v; want %d", got, dirty, err, step.want)
		}
	}
}
