package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// scrape gives what the metrics tell, without comments.
func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	body, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d: %v: %s", w.Code, err, body)
	}
	var lines []string
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "stent_") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

func wantLines(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+text, "\n"+line+"\n") {
			t.Errorf("there is no %s in\n%s", line, text)
		}
	}
}

func TestObservationsAreTold(t *testing.T) {
	t.Parallel()
	m := NewMetrics()
	charge := m.Tasks("charge", "default")
	charge.Claimed.Inc()
	charge.Waited(-time.Second)
	charge.Delivered("failed", 20*time.Millisecond)
	charge.Retried.Inc()
	m.LeasesRenewed(nil)
	m.LeasesRenewed(errors.New("away"))
	m.Committed(3, 4*time.Millisecond)
	m.ExecutionEnded("order", "completed")
	m.RequestBegan()
	m.RequestEnded("POST", "/v1/executions", 201, time.Millisecond)
	m.RequestBegan()
	m.RequestEnded("BREW", "", 404, time.Millisecond)
	wantLines(t, scrape(t, m),
		`stent_tasks_claimed_total{function="charge",queue="default"} 1`,
		`stent_tasks_completed_total{function="charge",queue="default"} 0`,
		`stent_tasks_retried_total{function="charge",queue="default"} 1`,
		`stent_task_schedule_to_start_seconds_sum{function="charge",queue="default"} 0`,
		`stent_delivery_duration_seconds_bucket{function="charge",outcome="failed",queue="default",le="0.025"} 1`,
		`stent_lease_renewals_total{outcome="renewed"} 1`, `stent_lease_renewals_total{outcome="failed"} 1`,
		`stent_commit_batch_events_bucket{le="4"} 1`, `stent_commit_batch_events_sum 3`,
		`stent_commit_duration_seconds_count{outcome="committed"} 1`,
		`stent_executions_ended_total{function="order",outcome="completed"} 1`,
		`stent_http_request_duration_seconds_count{method="POST",route="/v1/executions",status="201"} 1`,
		`stent_http_request_duration_seconds_count{method="(other)",route="(none)",status="404"} 1`,
		`stent_http_requests_in_flight 0`)
}

func TestNamesThatUsersMakeAreBounded(t *testing.T) {
	t.Parallel()
	m := NewMetrics()
	for i := range maxNames + 10 {
		name := fmt.Sprintf("f%d", i)
		m.Tasks(name, "default").Completed.Inc()
		m.ExecutionStarted(name)
	}
	text := scrape(t, m)
	wantLines(t, text, `stent_tasks_completed_total{function="(other)",queue="(other)"} 10`, `stent_executions_started_total{function="(other)"} 10`)
	if n := strings.Count(text, "stent_tasks_completed_total{"); n != maxNames+1 {
		t.Errorf("%d functions are told apart", n)
	}
}

func TestSourcesAreReadWhenTheyAreAskedFor(t *testing.T) {
	t.Parallel()
	m := NewMetrics()
	m.Read(Sources{
		Queues: func(context.Context) ([]Queue, error) {
			return []Queue{{Name: "default", Depth: 7, Oldest: 1500 * time.Millisecond}, {Name: "eu", Paused: true}}, nil
		},
		Pools: func() []Pool {
			return []Pool{{Name: "reads", Idle: 2, InUse: 1, Max: 8, Waits: 3, Waited: time.Second}}
		},
		Endpoints: func() []Endpoint { return []Endpoint{{Origin: "http://worker:9000", State: "open"}} },
		Scheduler: func() Scheduler { return Scheduler{InFlight: 5, Capacity: 500, State: "draining"} },
	})
	wantLines(t, scrape(t, m),
		`stent_queue_depth{queue="default"} 7`, `stent_queue_oldest_due_age_seconds{queue="default"} 1.5`,
		`stent_queue_paused{queue="eu"} 1`, `stent_queue_paused{queue="default"} 0`,
		`stent_db_pool_connections{pool="reads",state="in_use"} 1`, `stent_db_pool_max_connections{pool="reads"} 8`,
		`stent_db_pool_waits_total{pool="reads"} 3`, `stent_db_pool_wait_seconds_total{pool="reads"} 1`,
		`stent_breaker_state{state="open",worker="http://worker:9000"} 1`, `stent_breaker_state{state="closed",worker="http://worker:9000"} 0`,
		`stent_scheduler_in_flight 5`, `stent_scheduler_capacity 500`, `stent_scheduler_state{state="draining"} 1`)
}

func TestCountingQueuesTakesABoundedPartOfTheTime(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	takes, counts := time.Millisecond, 0
	var fail error
	s := queueSampler{now: func() time.Time { return now }, read: func(context.Context) ([]Queue, error) {
		counts++
		now = now.Add(takes)
		return []Queue{{Name: "default", Depth: int64(counts)}}, fail
	}}
	at := func(later time.Duration, depth int64) {
		t.Helper()
		now = now.Add(later)
		got := int64(0)
		for _, q := range s.sample() {
			got = q.Depth
		}
		if got != depth {
			t.Errorf("after %s more: depth %d, want that of count %d", later, got, depth)
		}
	}
	at(0, 1)
	at(9*time.Second, 1)
	takes = 4 * time.Second // a long backlog
	at(2*time.Second, 2)
	at(100*time.Second, 2)
	at(30*time.Second, 3)
	fail = errors.New("away")
	at(3*time.Minute, 0)
	fail = nil
	at(3*time.Minute, 5)
}

func TestObservingATaskAllocatesNothing(t *testing.T) {
	m := NewMetrics()
	observe := func() {
		task := m.Tasks("charge", "default")
		task.HandedOver.Inc()
		task.Waited(time.Millisecond)
		task.Delivered("completed", time.Millisecond)
		task.Completed.Inc()
		m.Committed(1, time.Millisecond)
	}
	if n := testing.AllocsPerRun(100, observe); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkObservingATask(b *testing.B) {
	m := NewMetrics()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			task := m.Tasks("charge", "default")
			task.HandedOver.Inc()
			task.Waited(time.Millisecond)
			task.Delivered("completed", time.Millisecond)
			m.Tasks("charge", "default").Completed.Inc()
		}
	})
}
