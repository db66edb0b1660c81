//go:build unix

package testenv_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/stent-dev/stent/internal/testenv"
)

func TestMain(m *testing.M) {
	// That these tests use a backend says nothing about Stent on it.
	if err := os.Unsetenv(testenv.EnvReport); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

func TestEachTestGetsAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	first, second := connect(t, testenv.Postgres(t)), connect(t, testenv.Postgres(t))
	exec := func(conn *pgx.Conn) {
		if _, err := conn.Exec(t.Context(), "CREATE TABLE only_here (id int)"); err != nil {
			t.Errorf("the database is not empty: %v", err)
		}
	}
	exec(first)
	exec(second)
}

func TestDatabaseIsDroppedWhenItsTestEnds(t *testing.T) {
	t.Parallel()
	var database string
	t.Run("user", func(t *testing.T) { database = testenv.Postgres(t) })
	conn, err := pgx.Connect(t.Context(), database)
	if err == nil {
		_ = conn.Close(t.Context())
		t.Fatal("the database is still there")
	}
	if !strings.Contains(err.Error(), "3D000") {
		t.Fatalf("not the error of a missing database: %v", err)
	}
}

func TestCommitsAreDurableUnlessRelaxed(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		testenv.Postgres(t):                    "on",
		testenv.Postgres(t, testenv.Relaxed()): "off",
	} {
		var got, fsync string
		conn := connect(t, url)
		if err := conn.QueryRow(t.Context(), "SELECT current_setting('synchronous_commit'), current_setting('fsync')").Scan(&got, &fsync); err != nil {
			t.Fatal(err)
		}
		if got != want || fsync != "on" {
			t.Errorf("synchronous_commit is %s and fsync %s, want %s and on", got, fsync, want)
		}
	}
}

func TestRedisIsNotSharedByTests(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"one", "other"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options, err := redis.ParseURL(testenv.Redis(t))
			if err != nil {
				t.Fatal(err)
			}
			client := redis.NewClient(options)
			defer client.Close()
			heard, err := client.Publish(t.Context(), "channel", "hint").Result()
			if err != nil || heard != 0 {
				t.Errorf("%d subscribers heard it, error %v", heard, err)
			}
			sub := client.Subscribe(t.Context(), "channel")
			defer sub.Close()
			if _, err := sub.Receive(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestServersAndTheirDataGoWithAKilledProcess(t *testing.T) {
	t.Parallel()
	helper := testenv.Build(t, "./internal/testenv/cmd/testenv")
	scratch := testenv.Dir(t)
	// Others have to reach the directory: servers do not run as root.
	if err := os.Chmod(scratch, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(helper, "serve", "postgres")
	cmd.Env = append(os.Environ(), "TMPDIR="+scratch)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := stdout.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	// The kernel closes the pipe of a killed process; so does this.
	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the helper ended with %v", err)
	}
	left, err := os.ReadDir(scratch)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, error %v", left, err)
	}
}

func TestTestsTakeTurnsOnAGivenRedis(t *testing.T) {
	t.Setenv(testenv.EnvRedisURL, testenv.Redis(t))
	var holders atomic.Int32
	t.Run("turns", func(t *testing.T) {
		for range 3 {
			t.Run("user", func(t *testing.T) {
				t.Parallel()
				testenv.Redis(t)
				// It runs before the turn is given back.
				t.Cleanup(func() { holders.Add(-1) })
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d tests have the server at once", n)
				}
			})
		}
	})
}

func TestSQLiteFileDoesNotExistYet(t *testing.T) {
	t.Parallel()
	path, ok := strings.CutPrefix(testenv.SQLite(t), "sqlite:")
	if !ok {
		t.Fatal("not an sqlite: URL")
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("looking at the file gives %v", err)
	}
	if _, err := os.Stat(filepath.Dir(path)); err != nil {
		t.Error(err)
	}
}

func TestProcessIsStartedAwaitedStoppedAndKilled(t *testing.T) {
	t.Parallel()
	script := []string{"-c", `trap 'echo bye; exit 3' TERM; echo "hello $WHO"; while :; do sleep 0.02; done`}
	stopped := testenv.Start(t, "stopped", "/bin/sh", script, []string{"WHO=you"})
	if line := stopped.WaitLine("hello"); line != "hello you" {
		t.Errorf("the line is %q", line)
	}
	if err := stopped.Stop(); err == nil || err.Error() != "exit status 3" {
		t.Errorf("it ended with %v", err)
	}
	if !strings.HasSuffix(stopped.Output(), "bye\n") {
		t.Errorf("it wrote %q", stopped.Output())
	}
	killed := testenv.Start(t, "killed", "/bin/sh", script, nil)
	killed.WaitLine("hello")
	killed.Signal(syscall.SIGSTOP)
	killed.Kill()
	if err := killed.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("it ended with %v", err)
	}
}

func TestWaitReadyWaitsForTheEndpoint(t *testing.T) {
	t.Parallel()
	addr := testenv.FreeAddr(t)
	p := testenv.Start(t, "idle", "/bin/sh", []string{"-c", "exec sleep 60"}, nil)
	server := &http.Server{
		Addr: addr, ReadHeaderTimeout: time.Second,
		Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.ListenAndServe() }()
	p.WaitReady("http://" + addr + "/readyz")
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}
