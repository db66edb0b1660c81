package app_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/testenv"
)

// docs/holes.md says which hole of the original each of these is.

func TestSleepDoesNotStartAgainAfterACrash(t *testing.T) {
	t.Parallel()
	for _, b := range []backend{onSQLite, onPostgres} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b)
			w := quietWorker()
			durable.Orchestrator(w, "sleeps", func(ctx *durable.Context, _ int) (string, error) {
				return "awake", ctx.Sleep(4 * time.Second)
			})
			c.serve(w)
			id := c.dispatch("sleeps", "0")
			due := func() (at any) {
				tasks, _ := c.must(http.StatusOK, "GET", "/v1/executions/"+id+"/tasks", "").field(t, "items").([]any)
				for _, task := range tasks {
					if task, _ := task.(map[string]any); task["kind"] == "timer" {
						at = task["scheduled_for"]
					}
				}
				return at
			}
			eventually(t, "the sleep", func() bool { return due() != nil })
			before := due()
			for _, s := range c.schedulers {
				s.Kill()
			}
			if b == onSQLite {
				c.dev()
			} else {
				c.scheduler()
			}
			if after := due(); after != before {
				t.Errorf("it was to end at %v, and now at %v", before, after)
			}
			if got := c.completed(id); got != `"awake"` {
				t.Errorf("result %s", got)
			}
		})
	}
}

func TestFanOutsWithinFanOutsDoNotDeadlockWhenFewTasksMayRun(t *testing.T) {
	t.Parallel()
	c := start(t, onSQLite, patient, "STENT_CONCURRENCY=3")
	w := quietWorker()
	durable.Activity(w, "leaf", func(_ context.Context, n int) (int, error) { return n, nil }, durable.MaxConcurrent(1))
	durable.Orchestrator(w, "fan", func(ctx *durable.Context, depth int) (int, error) {
		if depth == 0 {
			return durable.Call[int](ctx, "leaf", 1)
		}
		counts, err := durable.Map[int](ctx, "fan", []int{depth - 1, depth - 1, depth - 1})
		total := 0
		for _, n := range counts {
			total += n
		}
		return total, err
	}, durable.MaxConcurrent(1))
	c.serve(w)
	ids := make([]string, 6)
	for i := range ids {
		ids[i] = c.dispatch("fan", "2")
	}
	for _, id := range ids {
		if got := c.completed(id); got != "9" {
			t.Errorf("result %s", got)
		}
	}
}

func TestTimeoutErrorOfAHandlerIsNotTheTimeoutOfItsExecution(t *testing.T) {
	t.Parallel()
	c := start(t, onSQLite, patient)
	w := quietWorker()
	durable.Activity(w, "times-out", func(context.Context, int) (int, error) {
		return 0, durable.Terminal(durable.Errorf(durable.TypeTimeout, "the bank did not answer"))
	})
	durable.Orchestrator(w, "asks", func(ctx *durable.Context, n int) (int, error) { return durable.Call[int](ctx, "times-out", n) })
	c.serve(w)
	for _, function := range []string{"times-out", "asks"} {
		x, err := durable.NewClient(c.url).Wait(t.Context(), c.dispatch(function, "1"))
		if err != nil {
			t.Fatal(err)
		}
		if x.State != durable.StateFailed {
			t.Errorf("%s is %s", function, x.State)
		}
	}
}

// severable passes connections on to a server until it is cut.
type severable struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func sever(t *testing.T, server string) (address string, cut func()) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &severable{Listener: l}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", server)
			if err != nil {
				_ = in.Close()
				continue
			}
			s.mu.Lock()
			s.conns = append(s.conns, in, out)
			s.mu.Unlock()
			done.Go(func() { _, _ = io.Copy(in, out); _ = in.Close() })
			done.Go(func() { _, _ = io.Copy(out, in); _ = out.Close() })
		}
	})
	cut = sync.OnceFunc(func() {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, conn := range s.conns {
			_ = conn.Close()
		}
	})
	t.Cleanup(func() { cut(); done.Wait() })
	return l.Addr().String(), cut
}

func TestStepsRunOnceThoughTheNotifierGoesDown(t *testing.T) {
	t.Parallel()
	server, err := url.Parse(testenv.Redis(t))
	if err != nil {
		t.Fatal(err)
	}
	address, cut := sever(t, server.Host)
	server.Host = address
	c := start(t, onPostgres, patient, "STENT_REDIS_URL="+server.String(), "STENT_LOG_LEVEL=error")
	ran := &deliveries{count: map[string]int{}}
	w := quietWorker()
	durable.Activity(w, "noted", func(ctx context.Context, n int) (int, error) {
		ran.note(ctx)
		return n + 1, nil
	})
	durable.Orchestrator(w, "ten", func(ctx *durable.Context, n int) (_ int, err error) {
		for range 10 {
			if n, err = durable.Call[int](ctx, "noted", n); err != nil {
				return 0, err
			}
		}
		return n, nil
	})
	c.serve(w)
	const executions = 20
	var ids []string
	for i := range executions {
		ids = append(ids, c.dispatch("ten", fmt.Sprint(i)))
		if i == executions/2 {
			cut()
		}
	}
	for i, id := range ids {
		if got := c.completed(id); got != fmt.Sprint(i+10) {
			t.Errorf("result %s", got)
		}
	}
	for task, n := range ran.count {
		if n != 1 {
			t.Errorf("task %s was delivered %d times", task, n)
		}
	}
}
