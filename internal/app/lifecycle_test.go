package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/testenv"
)

// probe gives the status of a GET, 0 if there is no answer, and the body.
func probe(t *testing.T, url string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return 0, ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, ""
	}
	return response.StatusCode, string(body)
}

// schedulerStates counts the schedulers in each state, as REST tells it.
func (c *cluster) schedulerStates() map[string]int {
	c.t.Helper()
	var list struct{ Items []struct{ State string } }
	if err := json.Unmarshal(c.must(http.StatusOK, "GET", "/v1/schedulers", "").body, &list); err != nil {
		c.t.Fatal(err)
	}
	states := map[string]int{}
	for _, s := range list.Items {
		states[s.State]++
	}
	return states
}

// holding is a worker whose activity "hold" goes on until it is let go.
func holding(t *testing.T, c *cluster) (begun chan int, letGo func()) {
	t.Helper()
	begun, end := make(chan int, 100), make(chan struct{})
	w := durable.NewWorker()
	t.Cleanup(w.Close)
	durable.Activity(w, "hold", func(ctx context.Context, _ any) (int, error) {
		begun <- durable.Info(ctx).Attempt
		select {
		case <-end:
			return 1, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}, durable.Timeout(time.Minute))
	c.must(http.StatusCreated, "POST", "/v1/workers", fmt.Sprintf(`{"url": %q}`, handler(t, w.ServeHTTP)))
	letGo = sync.OnceFunc(func() { close(end) })
	t.Cleanup(letGo)
	return begun, letGo
}

func TestSchedulerTellsThatItDrainsUntilItsWorkIsDone(t *testing.T) {
	t.Parallel()
	c := start(t, onPostgres, patient)
	begun, letGo := holding(t, c)
	id := c.dispatch("hold", "1")
	<-begun
	stopped := make(chan error, 2)
	for _, s := range c.schedulers { // whichever has it
		go func() { stopped <- s.Stop() }()
	}
	if err := <-stopped; err != nil { // the one that has nothing
		t.Fatal(err)
	}
	eventually(t, "one that drains and one that has stopped", func() bool {
		states := c.schedulerStates()
		return states["draining"] == 1 && states["stopped"] == 1
	})
	draining := 0
	for _, url := range c.probes {
		if status, body := probe(t, url+"/readyz"); status == http.StatusServiceUnavailable && strings.Contains(body, "draining") {
			draining++
			_, metrics := probe(t, url+"/metrics")
			for _, line := range []string{`stent_scheduler_state{state="draining"} 1`, `stent_scheduler_in_flight 1`} {
				if !strings.Contains(metrics, line+"\n") {
					t.Errorf("the metrics do not tell %s", line)
				}
			}
		}
	}
	if draining != 1 {
		t.Errorf("%d probes tell that their scheduler drains", draining)
	}
	letGo()
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if got := c.completed(id); got != "1" || len(begun) > 0 {
		t.Errorf("result %s, %d more deliveries", got, len(begun))
	}
	if states := c.schedulerStates(); states["stopped"] != 2 {
		t.Errorf("the schedulers are %v", states)
	}
}

func TestWhatDoesNotFinishWithinTheDrainTimeoutIsGivenBackWithoutCostingAnAttempt(t *testing.T) {
	t.Parallel()
	c := start(t, onPostgres, patient, "STENT_DRAIN_TIMEOUT=1s")
	begun, letGo := holding(t, c)
	id := c.dispatch("hold", "1")
	<-begun
	old := c.schedulers
	c.scheduler()
	for _, s := range old {
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	if attempt := <-begun; attempt != 1 { // long before the lease would have run out
		t.Errorf("attempt %d", attempt)
	}
	letGo()
	c.completed(id)
}

func TestHeldAnswersAreGivenWhenTheServiceStops(t *testing.T) {
	t.Parallel()
	c := start(t, onPostgres, patient)
	begun, _ := holding(t, c)
	id := c.dispatch("hold", "1")
	<-begun
	held := make(chan answer, 1)
	go func() { held <- c.do("GET", "/v1/executions/"+id+"?wait=60s", "") }()
	eventually(t, "the request to be held", func() bool {
		_, metrics := probe(t, c.url+"/metrics")
		return strings.Contains(metrics, "stent_http_requests_in_flight 2\n") // and this one
	})
	if err := c.services[0].Stop(); err != nil {
		t.Fatal(err)
	}
	if a := <-held; a.status != http.StatusOK || a.field(t, "state") != "running" {
		t.Errorf("the held answer is %d: %s", a.status, a.body)
	}
}

func TestServiceThatTakesLongToStartSaysThatItLivesAndIsNotReady(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"api", "scheduler"} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			addr := testenv.FreeAddr(t)
			p := testenv.Start(t, program, testenv.Build(t, "./cmd/"+program), nil,
				[]string{"STENT_ADDR=" + addr, "STENT_DATABASE_URL=postgres://nobody@127.0.0.1:1/none"})
			p.WaitReady("http://" + addr + "/healthz")
			if status, body := probe(t, "http://"+addr+"/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "starting") {
				t.Errorf("/readyz answers %d: %s", status, body)
			}
			status, _ := probe(t, "http://"+addr+"/v1/executions")
			if want := map[string]int{"api": http.StatusServiceUnavailable, "scheduler": http.StatusNotFound}[program]; status != want {
				t.Errorf("REST answers %d, want %d", status, want)
			}
			if err := p.Stop(); err != nil {
				t.Errorf("it was asked to stop while it started: %v", err)
			}
		})
	}
}

// rolling is a load that goes on while processes are replaced.
type rolling struct {
	t      *testing.T
	apis   []string
	client http.Client
	turn   atomic.Int64

	mu         sync.Mutex
	ids        []string
	refused    int
	reset      int // while they were being made, just as the listener was closed
	failures   []string
	deliveries map[string]int // of activities, by their keys
}

// send sends a request to one service after the other until one does not refuse the
// connection, and gives the answer's body. Whatever else goes wrong is a failure.
func (r *rolling) send(ctx context.Context, method, path, body string) []byte {
	for ctx.Err() == nil {
		base := r.apis[int(r.turn.Add(1))%len(r.apis)]
		request, err := http.NewRequestWithContext(ctx, method, base+path, strings.NewReader(body))
		if err != nil {
			r.fail("%v", err)
			return nil
		}
		request.Header.Set("Content-Type", "application/json")
		response, err := r.client.Do(request)
		if r.noConnection(err) {
			continue
		}
		if err != nil {
			r.fail("%s %s: %v", method, path, err)
			return nil
		}
		answer, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode >= 300 {
			r.fail("%s %s: %d %v: %s", method, path, response.StatusCode, err, answer)
			return nil
		}
		return answer
	}
	return nil
}

// noConnection tells whether a request failed since no connection could be made, so
// that nothing of it was sent.
func (r *rolling) noConnection(err error) bool {
	var dial *net.OpError
	if !errors.As(err, &dial) || dial.Op != "dial" {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		r.refused++
		return true
	case errors.Is(err, syscall.ECONNRESET):
		r.reset++
		return true
	}
	return false
}

func (r *rolling) fail(format string, a ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, a...))
}

// dispatchUntil dispatches, waits for the end and begins again, until stop is closed.
func (r *rolling) dispatchUntil(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		var x struct{ ID string }
		if err := json.Unmarshal(r.send(r.t.Context(), "POST", "/v1/executions", `{"function": "three", "input": 0}`), &x); err != nil {
			r.fail("reading the dispatched execution: %v", err)
			return
		}
		r.mu.Lock()
		r.ids = append(r.ids, x.ID)
		r.mu.Unlock()
		r.send(r.t.Context(), "GET", "/v1/executions/"+x.ID+"?wait=10s", "")
	}
}

// worker serves the activity and the orchestrator of the load, and counts.
func (r *rolling) worker() *durable.Worker {
	w := durable.NewWorker()
	r.t.Cleanup(w.Close)
	durable.Activity(w, "step", func(ctx context.Context, n int) (int, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.deliveries[durable.Info(ctx).IdempotencyKey]++
		return n + 1, nil
	})
	durable.Orchestrator(w, "three", func(ctx *durable.Context, n int) (int, error) {
		for range 3 {
			var err error
			if n, err = durable.Call[int](ctx, "step", n); err != nil {
				return 0, err
			}
		}
		return n, nil
	})
	return w
}

func TestRollingRestartUnderLoadFailsNoRequestAndRepeatsNoStep(t *testing.T) {
	t.Parallel()
	c := start(t, onPostgres, patient)
	c.api()
	r := &rolling{t: t, apis: c.apis, deliveries: map[string]int{}}
	r.client.Transport = &http.Transport{MaxIdleConnsPerHost: 32}
	t.Cleanup(r.client.CloseIdleConnections)
	c.must(http.StatusCreated, "POST", "/v1/workers", fmt.Sprintf(`{"url": %q}`, handler(t, r.worker().ServeHTTP)))

	stop := make(chan struct{})
	var load sync.WaitGroup
	for range 8 {
		load.Go(func() { r.dispatchUntil(stop) })
	}
	restart := func(i int) {
		for _, replace := range []func(int){c.replaceAPI, c.replaceScheduler} {
			before := r.dispatched()
			replace(i)
			eventually(t, "the load to go on", func() bool { return r.dispatched() > before+20 })
		}
	}
	for i := range 2 {
		restart(i)
	}
	close(stop)
	load.Wait()

	for _, failure := range r.failures {
		t.Errorf("failed request: %s", failure)
	}
	for _, id := range r.ids {
		if got := c.completed(id); got != "3" {
			t.Errorf("execution %s came to %s", id, got)
		}
	}
	if len(r.deliveries) != 3*len(r.ids) {
		t.Errorf("%d steps ran of %d executions", len(r.deliveries), len(r.ids))
	}
	for key, n := range r.deliveries {
		if n != 1 {
			t.Errorf("step %s was delivered %d times", key, n)
		}
	}
	t.Logf("%d executions, %d connections refused, %d reset while they were made", len(r.ids), r.refused, r.reset)
}

func (r *rolling) dispatched() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ids)
}

func TestKilledSchedulerIsShownAsExpiredAlsoOnceItWasTakenOver(t *testing.T) {
	t.Parallel()
	c := start(t, onPostgres)
	c.schedulers[1].Kill()
	c.probes = c.probes[:1]
	begun, letGo := holding(t, c)
	id := c.begin("hold", "")
	<-begun
	eventually(t, "its heartbeat to say so", func() bool {
		return strings.Contains(string(c.must(http.StatusOK, "GET", "/v1/schedulers", "").body), `"in_flight":1`)
	})
	c.schedulers[0].Kill()
	c.scheduler()
	if attempt := <-begun; attempt != 2 {
		t.Errorf("the scheduler that took over delivered attempt %d", attempt)
	}
	letGo()
	if got := c.completed(id); got != "1" {
		t.Fatalf("result %s", got)
	}
	list := string(c.must(http.StatusOK, "GET", "/v1/schedulers", "").body)
	if states := c.schedulerStates(); states["expired"] != 2 || states["ready"] != 1 || !strings.Contains(list, `"in_flight":1`) {
		t.Errorf("the schedulers are %s", list)
	}
	var task struct {
		Attempts []struct {
			Number int
			Error  struct{ Type string }
		}
	}
	if err := json.Unmarshal(c.must(http.StatusOK, "GET", "/v1/tasks/"+c.tasks(id)[0].ID, "").body, &task); err != nil {
		t.Fatal(err)
	}
	if len(task.Attempts) != 1 || task.Attempts[0].Number != 1 || task.Attempts[0].Error.Type != "lease_lost" {
		t.Errorf("of the lost attempt is told %+v", task.Attempts)
	}
}
