package sqlite_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/sqlite"
	"github.com/stent-dev/stent/internal/workflow"
)

func childCommand(t *testing.T, path string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), childEnv+"="+path)
	return cmd
}

func TestASecondProcessIsRefusedWithWhatToDo(t *testing.T) {
	t.Parallel()
	path := migrated(t, filepath.Join(t.TempDir(), "stent.db"))
	openPath(t, path)
	out, err := childCommand(t, path).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Fatalf("the child ended with %v, want exit code 3; it said: %s", err, out)
	}
	if !strings.Contains(string(out), "use PostgreSQL") {
		t.Errorf("the child said %q, want what to do instead", out)
	}
}

func TestASecondStoreOfTheSameProcessIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := migrated(t, filepath.Join(dir, "stent.db"))
	openPath(t, path)
	link := filepath.Join(dir, "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, link} {
		if _, err := sqlite.Open(t.Context(), name, sqlite.Options{}); !errors.Is(err, sqlite.ErrInUse) {
			t.Errorf("opening %s gave %v, want ErrInUse", filepath.Base(name), err)
		}
		if err := sqlite.Migrate(t.Context(), name); !errors.Is(err, sqlite.ErrInUse) {
			t.Errorf("migrating %s gave %v, want ErrInUse", filepath.Base(name), err)
		}
	}
}

func TestWhatAKilledProcessHeldIsOrphanedAtOnce(t *testing.T) {
	t.Parallel()
	path := migrated(t, filepath.Join(t.TempDir(), "stent.db"))
	cmd := childCommand(t, path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said, _ := bufio.NewReader(out).ReadString('\n')
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if said != "ready\n" {
		t.Fatalf("the child said %q", said)
	}

	store := openPath(t, path)
	orphans, err := store.Orphans(t.Context(), 10)
	if err != nil || len(orphans) != 1 {
		t.Fatalf("Orphans gave %v, %v; want the lease that the child left", orphans, err)
	}
	task, _, err := store.Task(t.Context(), orphans[0].Task)
	if err != nil {
		t.Fatal(err)
	}
	if task.State != workflow.TaskRunning || task.Token != orphans[0].Token || task.Attempt != 1 {
		t.Errorf("the task is %s with token %d and attempt %d", task.State, task.Token, task.Attempt)
	}
	if e, err := store.Execution(t.Context(), task.Execution); err != nil || string(e.Input) != `{"n":1}` {
		t.Errorf("the execution is %+v, %v", e, err)
	}
}

func TestDataSurviveReopening(t *testing.T) {
	t.Parallel()
	path := migrated(t, filepath.Join(t.TempDir(), "odd ?#%41 name.db"))
	store, err := sqlite.Open(t.Context(), path, sqlite.Options{Relaxed: true, Readers: 1})
	if err != nil {
		t.Fatal(err)
	}
	started, err := start(t.Context(), store, "f", 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the file is not where it was asked for: %v", err)
	}

	found, err := openPath(t, path).Executions(t.Context(), db.ExecutionFilter{Page: db.Page{Limit: 10}})
	if err != nil || len(found) != 3 {
		t.Fatalf("found %d executions, %v; want 3", len(found), err)
	}
	for i, e := range found {
		if want := started[2-i]; e.ID != want.ID || !e.CreatedAt.Equal(want.CreatedAt) {
			t.Errorf("execution %d is %s of %s, want %s of %s", i, e.ID, e.CreatedAt, want.ID, want.CreatedAt)
		}
	}
}

func TestAFileThatIsNotMigratedIsRefused(t *testing.T) {
	t.Parallel()
	_, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "stent.db"), sqlite.Options{})
	if !errors.Is(err, db.ErrUnavailable) || !strings.Contains(err.Error(), "migrate") {
		t.Errorf("Open gave %v, want ErrUnavailable and what to do", err)
	}
}

// Whoever goes back to the program of before keeps the file that the newer one has migrated.
func TestANewerSchemaServesAnOlderProgram(t *testing.T) {
	t.Parallel()
	path := migrated(t, filepath.Join(t.TempDir(), "stent.db"))
	pool, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = pool.ExecContext(t.Context(), "UPDATE schema_migrations SET version = version + 1")
	if err := errors.Join(err, pool.Close()); err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Migrate(t.Context(), path); err != nil {
		t.Errorf("migrating gave %v", err)
	}
	store, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatalf("opening gave %v", err)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}

func TestAClosedStoreIsUnavailable(t *testing.T) {
	t.Parallel()
	for _, path := range []string{sqlite.Memory, migrated(t, filepath.Join(t.TempDir(), "stent.db"))} {
		store, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(store.Ping(t.Context()), store.Close(), store.Close()); err != nil {
			t.Fatal(err)
		}
		_, readErr := store.Execution(t.Context(), newID())
		_, writeErr := start(t.Context(), store, "f", 1)
		for _, err := range []error{readErr, writeErr, store.Ping(t.Context())} {
			if !errors.Is(err, db.ErrUnavailable) {
				t.Errorf("a closed store gave %v, want ErrUnavailable", err)
			}
		}
	}
}

func TestACancelledCallIsNotStored(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := start(ctx, store, "f", 1); !errors.Is(err, context.Canceled) {
		t.Errorf("Commit gave %v, want context.Canceled", err)
	}
	if found, err := store.Executions(t.Context(), db.ExecutionFilter{Page: db.Page{Limit: 10}}); err != nil || len(found) > 0 {
		t.Errorf("found %d executions, %v; want none", len(found), err)
	}
}
