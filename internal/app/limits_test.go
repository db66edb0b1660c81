package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// gauge is an activity that knows how many of its attempts run, by what a header or
// the input says, and when each began.
type gauge struct {
	*httptest.Server
	mu      sync.Mutex
	running map[string]int
	peak    map[string]int
	begun   []time.Time
}

// newGauge serves an activity that takes its time; its input tells what it is counted by.
func newGauge(t *testing.T, took time.Duration) *gauge {
	g := &gauge{running: map[string]int{}, peak: map[string]int{}}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var text strings.Builder
		_, _ = fmt.Fprint(&text, r.Header.Get("Stent-Function"))
		input := make([]byte, 100)
		n, _ := r.Body.Read(input)
		by := string(input[:n])
		g.mu.Lock()
		g.begun = append(g.begun, time.Now())
		g.running[by]++
		g.peak[by] = max(g.peak[by], g.running[by])
		g.mu.Unlock()
		<-time.After(took)
		g.mu.Lock()
		g.running[by]--
		g.mu.Unlock()
		_, _ = fmt.Fprint(w, by)
	}))
	t.Cleanup(g.Close)
	return g
}

// batch dispatches n executions by one request and gives their ids.
func (c *cluster) batch(function, input string, n int) (ids []string) {
	c.t.Helper()
	one := fmt.Sprintf(`{"function": %q, "input": %s}`, function, input)
	a := c.must(http.StatusOK, "POST", "/v1/executions/batch", `{"executions": [`+strings.Repeat(one+",", n-1)+one+`]}`)
	items, _ := a.field(c.t, "items").([]any)
	for _, item := range items {
		execution, _ := item.(map[string]any)["execution"].(map[string]any)
		id, _ := execution["id"].(string)
		ids = append(ids, id)
	}
	return ids
}

func TestNeverMoreThanMaxConcurrentAttemptsRun(t *testing.T) {
	t.Parallel()
	for _, b := range []backend{onSQLite, onPostgres} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b, patient)
			apis := []*cluster{c}
			if b == onPostgres {
				c.api()
				apis = append(apis, c.at(1))
			}
			g := newGauge(t, 5*time.Millisecond)
			c.register("work", "activity", g.URL, `, "max_concurrent": 3`)
			var all sync.WaitGroup
			for i := range 4 {
				all.Go(func() {
					for _, id := range apis[i%len(apis)].batch("work", "1", 100) {
						c.completed(id)
					}
				})
			}
			all.Wait()
			if g.peak["1"] != 3 || len(g.begun) != 400 {
				t.Errorf("%d attempts, of which %d at once; want 400 and 3", len(g.begun), g.peak["1"])
			}
		})
	}
}

func TestAttemptsOfATenantAreCountedApart(t *testing.T) {
	t.Parallel()
	c := start(t, onPostgres, patient)
	g := newGauge(t, 20*time.Millisecond)
	c.register("work", "activity", g.URL, `, "max_concurrent": 2`)
	tenants := []string{`"a"`, `"b"`, `"c"`}
	fan := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Stent-Protocol", "1")
		w.Header().Set("Content-Type", "application/json")
		body := make([]byte, 1<<20)
		n, _ := r.Body.Read(body)
		if strings.Contains(string(body[:n]), `"key":"c0"`) {
			_, _ = fmt.Fprint(w, `{"outcome": {"completed": true}}`)
			return
		}
		var commands, keys []string
		for i := range 60 {
			tenant := tenants[i%3]
			commands = append(commands, fmt.Sprintf(`{"key": "c%d", "op": "call", "name": "work", "input": %s, "options": {"concurrency_key": %s}}`, i, tenant, tenant))
			keys = append(keys, fmt.Sprintf(`"c%d"`, i))
		}
		_, _ = fmt.Fprintf(w, `{"commands": [%s], "await": {"all": [%s]}}`, strings.Join(commands, ","), strings.Join(keys, ","))
	}))
	t.Cleanup(fan.Close)
	c.register("fan", "orchestrator", fan.URL, "")
	for _, id := range c.batch("fan", "null", 3) {
		c.completed(id)
	}
	for _, tenant := range tenants {
		if g.peak[tenant] != 2 {
			t.Errorf("tenant %s had %d attempts at once, want 2", tenant, g.peak[tenant])
		}
	}
}

func TestNoPeriodHasMoreStartsThanTheRateLimit(t *testing.T) {
	t.Parallel()
	const limit, attempts, per = 20, 100, time.Second
	c := start(t, onPostgres, patient)
	c.api()
	other := c.at(1)
	g := newGauge(t, 0)
	c.register("work", "activity", g.URL, `, "rate_limit": {"limit": 20, "per": "1s"}`)
	ids := append(c.batch("work", "1", attempts/2), other.batch("work", "1", attempts/2)...)
	for _, id := range ids {
		c.completed(id)
	}
	slices.SortFunc(g.begun, time.Time.Compare)
	// Attempts are counted when they are claimed, and observed when they come: a
	// fifth of the period is left for the way.
	for i := limit; i < len(g.begun); i++ {
		if apart := g.begun[i].Sub(g.begun[i-limit]); apart < per*4/5 {
			t.Errorf("%d attempts began within %s", limit+1, apart)
		}
	}
	if took := g.begun[attempts-1].Sub(g.begun[0]); took > 30*per {
		t.Errorf("%d attempts took %s", attempts, took)
	}
}

func TestALimitedFunctionHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	c := start(t, onPostgres, patient)
	release := make(chan struct{})
	stuck := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-release
		_, _ = fmt.Fprint(w, "1")
	}))
	t.Cleanup(stuck.Close)
	g := newGauge(t, 0)
	c.register("stuck", "activity", stuck.URL, `, "max_concurrent": 1`)
	c.register("work", "activity", g.URL, "")
	waiting := c.batch("stuck", "1", 600) // more than a scheduler has room for
	for _, id := range c.batch("work", "1", 20) {
		c.completed(id)
	}
	close(release)
	for _, id := range waiting[:20] {
		c.completed(id)
	}
}

func TestAnAttemptThatWillReportKeepsItsSlot(t *testing.T) {
	t.Parallel()
	c := start(t, onPostgres, patient)
	tokens := make(chan [2]string, 10)
	later := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tokens <- [2]string{r.Header.Get("Stent-Task-Id"), r.Header.Get("Stent-Task-Token")}
		w.Header().Set("Stent-Async", "true")
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(later.Close)
	g := newGauge(t, 0)
	c.register("later", "activity", later.URL, `, "max_concurrent": 1, "timeout": "10s", "retry_policy": {"max_attempts": 2, "initial_delay": "1ms"}`)
	c.register("work", "activity", g.URL, "")
	ids := c.batch("later", "1", 2)
	first := <-tokens
	for _, id := range c.batch("work", "1", 20) {
		c.completed(id)
	}
	if len(tokens) > 0 {
		t.Fatal("a second attempt began while the first was to report")
	}
	// The first is never reported: when its time is up, its slot is free.
	for range 2 {
		if next := <-tokens; next != first {
			c.must(http.StatusOK, "POST", "/v1/tasks/"+next[0]+"/complete", `{"result": 1}`, "Stent-Task-Token", next[1])
		}
	}
	for _, id := range ids {
		c.completed(id)
	}
}

func TestAPausedQueueIsNotDeliveredUntilItIsResumed(t *testing.T) {
	t.Parallel()
	c := start(t, onPostgres, patient)
	g := newGauge(t, 0)
	c.register("slow", "activity", g.URL, `, "queue": "eu"`)
	c.register("work", "activity", g.URL, "")
	if a := c.must(http.StatusOK, "POST", "/v1/queues/uk/pause", ""); a.field(t, "functions") != 0. {
		t.Errorf("a queue that nobody knows is %s", a.body)
	}
	if a := c.must(http.StatusOK, "POST", "/v1/queues/eu/pause", ""); a.field(t, "paused") != true || a.field(t, "functions") != 1. {
		t.Errorf("pausing answered %s", a.body)
	}
	// Both schedulers know after their polling interval.
	c.completed(c.must(http.StatusCreated, "POST", "/v1/executions", `{"function": "work", "input": 1, "delay": "2s"}`).field(t, "id").(string))
	ids := c.batch("slow", "2", 20)
	c.completed(c.must(http.StatusCreated, "POST", "/v1/executions", `{"function": "work", "input": 1, "delay": "2s"}`).field(t, "id").(string))
	g.mu.Lock()
	if g.peak["2"] != 0 {
		t.Error("a task of the paused queue was delivered")
	}
	g.mu.Unlock()
	listed := string(c.must(http.StatusOK, "GET", "/v1/queues", "").body)
	if !strings.Contains(listed, `"depth":20`) || !strings.Contains(listed, `"paused":true`) {
		t.Errorf("the queues are %s", listed)
	}
	c.must(http.StatusOK, "POST", "/v1/queues/eu/resume", "")
	for _, id := range ids {
		c.completed(id)
	}
}
