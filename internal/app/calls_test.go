package app_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
)

// journal notes what handlers did, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) note(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) count(line string) (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, l := range j.lines {
		if l == line {
			n++
		}
	}
	return n
}

func TestPolicyOfACallOverridesTheFunctions(t *testing.T) {
	t.Parallel()
	c := start(t, onSQLite, patient)
	var ran journal
	w := quietWorker()
	quick := durable.RetryPolicy{MaxAttempts: 2, InitialDelay: time.Millisecond}
	durable.Activity(w, "fails", func(_ context.Context, kind string) (int, error) {
		ran.note(kind)
		return 0, durable.Errorf(kind, "it fails")
	}, durable.Retry(quick))
	durable.Activity(w, "hangs", func(ctx context.Context, _ string) (int, error) {
		ran.note("hang")
		<-ctx.Done()
		return 0, ctx.Err()
	}, durable.Timeout(time.Hour), durable.Retry(quick))
	durable.Orchestrator(w, "calls", func(ctx *durable.Context, _ int) (string, error) {
		_, asRegistered := durable.Call[int](ctx, "fails", "registered")
		_, oftener := durable.Call[int](ctx, "fails", "oftener", durable.Retry(durable.RetryPolicy{MaxAttempts: 5}))
		only := durable.Retry(durable.RetryPolicy{MaxAttempts: 4, RetryFor: []string{"listed"}})
		_, listed := durable.Call[int](ctx, "fails", "listed", only)
		_, unlisted := durable.Call[int](ctx, "fails", "unlisted", only)
		_, hung := durable.Call[int](ctx, "hangs", "", durable.Timeout(50*time.Millisecond), durable.Retry(durable.RetryPolicy{MaxAttempts: 3}))
		return fmt.Sprint(asRegistered != nil, oftener != nil, listed != nil, unlisted != nil, hung != nil), nil
	})
	c.serve(w)
	if got := c.completed(c.dispatch("calls", "0")); got != `"true true true true true"` {
		t.Errorf("result %s", got)
	}
	for kind, want := range map[string]int{"registered": 2, "oftener": 5, "listed": 4, "unlisted": 1, "hang": 3} {
		if got := ran.count(kind); got != want {
			t.Errorf("%s ran %d times, want %d", kind, got, want)
		}
	}
}

func TestHigherPrioritiesRunFirst(t *testing.T) {
	t.Parallel()
	for _, b := range []backend{onSQLite, onPostgres} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b, patient)
			client := durable.NewClient(c.url)
			var ran journal
			w := quietWorker()
			durable.Activity(w, "ranked", func(_ context.Context, priority int) (int, error) {
				ran.note(fmt.Sprint(priority))
				return priority, nil
			}, durable.MaxConcurrent(1))
			c.serve(w)
			c.must(http.StatusOK, "POST", "/v1/queues/default/pause", "")
			priorities := []int{0, 7, -3, 7, 1000, -1000, 0}
			var ids []string
			for _, p := range priorities {
				x, err := client.Dispatch(t.Context(), "ranked", p, durable.Priority(p))
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, x.ID)
			}
			c.must(http.StatusOK, "POST", "/v1/queues/default/resume", "")
			for _, id := range ids {
				c.completed(id)
			}
			slices.SortFunc(priorities, func(a, b int) int { return b - a })
			want := make([]string, len(priorities))
			for i, p := range priorities {
				want[i] = fmt.Sprint(p)
			}
			if !slices.Equal(ran.lines, want) {
				t.Errorf("they ran in the order %v", ran.lines)
			}
		})
	}
}

func TestSchedulersTakeWhatTheirQueuesAndTagsSay(t *testing.T) {
	t.Parallel()
	c := start(t, onPostgres, patient, "STENT_QUEUES=nobody-uses-this")
	w := quietWorker()
	for name, options := range map[string][]durable.FunctionOption{
		"plain": nil, "gpu": {durable.Tags("gpu", "big")}, "cpu": {durable.Tags("cpu")}, "eu": {durable.Queue("eu")},
	} {
		durable.Activity(w, name, func(_ context.Context, n int) (int, error) { return n, nil }, options...)
	}
	c.serve(w)
	ids := map[string]string{}
	for _, name := range []string{"plain", "gpu", "cpu", "eu"} {
		ids[name] = c.dispatch(name, "1")
	}
	x, err := durable.NewClient(c.url).Dispatch(t.Context(), "plain", 1, durable.Queue("eu"))
	if err != nil {
		t.Fatal(err)
	}
	ids["plain in eu"] = x.ID
	open := func() (open []string) {
		for name, id := range ids {
			if c.must(http.StatusOK, "GET", "/v1/executions/"+id, "").field(t, "state") != "completed" {
				open = append(open, name)
			}
		}
		slices.Sort(open)
		return open
	}
	scheduler := func(queues, tags string, finished []string, left ...string) {
		t.Helper()
		env := c.env
		c.env = append(slices.Clone(env), "STENT_QUEUES="+queues, "STENT_TAGS="+tags)
		c.scheduler()
		c.env = env
		for _, name := range finished {
			c.completed(ids[name])
		}
		if got := open(); !slices.Equal(got, left) {
			t.Errorf("after a scheduler of the queues %q with the tags %q, open are %v, want %v", queues, tags, got, left)
		}
	}
	scheduler("eu", "", []string{"eu", "plain in eu"}, "cpu", "gpu", "plain")
	scheduler("default", "tpu,gpu", []string{"gpu", "plain"}, "cpu")
	scheduler("", "", []string{"cpu"})
}

func TestExecutionsStayWithTheVersionTheyBeganWith(t *testing.T) {
	t.Parallel()
	for _, b := range []backend{onSQLite, onPostgres} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b, patient)
			version := func(v string) {
				w := quietWorker()
				durable.Orchestrator(w, "versioned", func(ctx *durable.Context, _ int) (string, error) {
					_, err := durable.WaitSignal[int](ctx, "go", time.Hour)
					return "from " + v, err
				}, durable.FunctionVersion(v))
				c.serve(w)
			}
			var ids []string
			for _, v := range []string{"v1", "v2"} {
				version(v)
				id := c.dispatch("versioned", "1")
				eventually(t, "the wait of "+v, func() bool {
					progress, _ := c.must(http.StatusOK, "GET", "/v1/executions/"+id, "").field(t, "progress").([]any)
					return len(progress) == 1
				})
				ids = append(ids, id)
			}
			for i, id := range ids {
				c.must(http.StatusAccepted, "POST", "/v1/executions/"+id+"/signals/go", "1")
				if got := c.completed(id); got != fmt.Sprintf(`"from v%d"`, i+1) {
					t.Errorf("result %s", got)
				}
			}
		})
	}
}

func TestRunningActivitiesAreToldThatTheirExecutionHasEnded(t *testing.T) {
	t.Parallel()
	for _, b := range []backend{onSQLite, onPostgres} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b, patient)
			client := durable.NewClient(c.url)
			closed, tokens := make(chan struct{}, 10), make(chan [2]string, 10)
			w := quietWorker()
			durable.Activity(w, "holds-on", func(ctx context.Context, _ int) (int, error) {
				<-ctx.Done()
				closed <- struct{}{}
				return 0, ctx.Err()
			}, durable.Timeout(10*time.Minute))
			durable.Activity(w, "reports-later", func(ctx context.Context, _ int) (int, error) {
				tokens <- [2]string{durable.Info(ctx).TaskID, durable.TaskToken(ctx)}
				return 0, durable.Async
			}, durable.Timeout(time.Hour))
			durable.Orchestrator(w, "both", func(ctx *durable.Context, n int) (int, error) {
				return 0, durable.All(ctx, durable.Start[int](ctx, "holds-on", n), durable.Start[int](ctx, "reports-later", n))
			})
			c.serve(w)
			for _, end := range []string{"max_duration", "cancel"} {
				x, err := client.Dispatch(t.Context(), "both", 1, map[string][]durable.SubmitOption{
					"max_duration": {durable.MaxDuration(time.Second)}, "cancel": nil,
				}[end]...)
				if err != nil {
					t.Fatal(err)
				}
				task := <-tokens
				if status, err := client.Heartbeat(t.Context(), task[0], task[1], nil); end == "cancel" && (err != nil || status.Cancel) {
					t.Errorf("a heartbeat before the end: %+v, %v", status, err)
				}
				if end == "cancel" {
					if err := client.Cancel(t.Context(), x.ID, durable.Force); err != nil {
						t.Fatal(err)
					}
				}
				if x, err = client.Wait(t.Context(), x.ID); err != nil || !x.State.Terminal() {
					t.Fatalf("%+v, %v", x, err)
				}
				if status, err := client.Heartbeat(t.Context(), task[0], task[1], nil); err != nil || !status.Cancel {
					t.Errorf("%s: a heartbeat after the end: %+v, %v", end, status, err)
				}
				select {
				case <-closed:
				case <-time.After(30 * time.Second):
					t.Errorf("%s: the connection of the running activity stays open", end)
				}
			}
		})
	}
}
