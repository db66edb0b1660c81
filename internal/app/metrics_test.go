package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stent-dev/stent/internal/db"
)

// metric sums a series over all processes of the cluster. The series is as the
// metrics tell it, labels and all.
func (c *cluster) metric(series string) (sum float64) {
	c.t.Helper()
	for i, url := range append(c.apis[:1:1], c.probes...) {
		if i > 0 && url == c.apis[0] {
			continue // stent dev is both
		}
		status, text := probe(c.t, url+"/metrics")
		if status != http.StatusOK {
			c.t.Fatalf("%s/metrics answers %d", url, status)
		}
		for line := range strings.Lines(text) {
			if value, ok := strings.CutPrefix(strings.TrimSpace(line), series+" "); ok {
				v, err := strconv.ParseFloat(value, 64)
				if err != nil {
					c.t.Fatal(err)
				}
				sum += v
			}
		}
	}
	return sum
}

func TestMetricsCountWhatAllProcessesDid(t *testing.T) {
	t.Parallel()
	for _, b := range []backend{onSQLite, onPostgres} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b, patient)
			_, url := python(t)
			c.register("increment", "activity", url+"/increment", "")
			c.register("five", "orchestrator", url+"/five", "")
			c.register("broken", "activity", handler(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }),
				`, "retry_policy": {"max_attempts": 3, "initial_delay": "1ms"}`)
			c.completed(c.dispatch("five", "10"))
			failed := c.dispatch("broken", "1")
			eventually(t, "the failure", func() bool {
				return c.must(http.StatusOK, "GET", "/v1/executions/"+failed+"?wait=5s", "").field(t, "state") == "failed"
			})
			const increment, broken = `{function="increment",queue="default"}`, `{function="broken",queue="default"}`
			for series, want := range map[string]float64{
				"stent_tasks_completed_total" + increment:                                                         5,
				"stent_task_schedule_to_start_seconds_count" + increment:                                          5,
				`stent_delivery_duration_seconds_count{function="increment",outcome="completed",queue="default"}`: 5,
				`stent_delivery_duration_seconds_count{function="five",outcome="completed",queue="default"}`:      6,
				`stent_delivery_duration_seconds_count{function="broken",outcome="failed",queue="default"}`:       3,
				"stent_tasks_retried_total" + broken:                                                              2,
				"stent_tasks_failed_total" + broken:                                                               1,
				"stent_tasks_dead_lettered_total" + broken:                                                        1,
				`stent_executions_started_total{function="five"}`:                                                 1,
				`stent_executions_ended_total{function="five",outcome="completed"}`:                               1,
				`stent_executions_ended_total{function="broken",outcome="failed"}`:                                1,
				`stent_http_request_duration_seconds_count{method="POST",route="/v1/executions",status="201"}`:    2,
				`stent_scheduler_capacity`:                                                                        500 * float64(len(c.schedulers)),
				`stent_scheduler_state{state="ready"}`:                                                            float64(len(c.schedulers)),
				`stent_breaker_state{state="closed",worker="` + url + `"}`:                                        float64(len(c.schedulers)),
				`stent_scheduler_in_flight`:                                                                       0,
				`stent_leases_lost_total`:                                                                         0,
				`stent_queue_depth{queue="default"}`:                                                              0,
			} {
				if got := c.metric(series); got != want {
					t.Errorf("%s is %v, want %v", series, got, want)
				}
			}
			if got := c.metric("stent_tasks_claimed_total"+increment) + c.metric("stent_tasks_handed_over_total"+increment); got != 5 {
				t.Errorf("%v tasks were claimed or handed over", got)
			}
			for _, series := range []string{"stent_commit_batch_events_sum", "go_goroutines", "process_cpu_seconds_total"} {
				if c.metric(series) == 0 {
					t.Errorf("there is no %s", series)
				}
			}
		})
	}
}

// What is logged of a workflow at debug names it in every line about it, and has
// nothing of what went in and came out.
func TestLogsNameWhatTheyAreAboutAndShowNoPayloads(t *testing.T) {
	t.Parallel()
	const canary = "4111-1111-1111-1111"
	c := start(t, onSQLite, patient, "STENT_LOG_LEVEL=debug", "STENT_LOG_FORMAT=json")
	c.register("broken", "activity", handler(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		fmt.Fprintf(w, `{"error": {"type": "declined", "message": "card %s was declined"}}`, canary)
	}), "")
	c.register("echo", "activity", handler(t, func(w http.ResponseWriter, _ *http.Request) { write(w, "%q", canary) }), "")
	broken, echo := c.dispatch("broken", strconv.Quote(canary)), c.dispatch("echo", strconv.Quote(canary))
	for _, id := range []string{broken, echo} {
		eventually(t, "the end", func() bool {
			state := c.must(http.StatusOK, "GET", "/v1/executions/"+id+"?wait=5s", "").field(t, "state")
			return state == "completed" || state == "failed"
		})
	}
	if err := c.schedulers[0].Stop(); err != nil {
		t.Fatal(err)
	}
	output := c.schedulers[0].Output()
	if strings.Contains(output, canary) {
		t.Error("a payload was logged")
	}
	outcomes := map[any]any{}
	requests := 0
	var standing, api []string // the scheduler's id, each time that it tells where it stands, and what the API service told
	for line := range bytes.Lines([]byte(output)) {
		var l map[string]any
		if json.Unmarshal(line, &l) != nil {
			continue // what a person is told
		}
		switch l[slog.MessageKey] {
		case "a delivery was answered":
			for _, key := range []string{"execution_id", "task_id", "function", "attempt", "queue", "outcome", "status", "duration"} {
				if l[key] == nil {
					t.Errorf("%s is missing in %s", key, line)
				}
			}
			outcomes[l["execution_id"]] = l["outcome"]
		case "the scheduler takes tasks", "the scheduler drains", "the scheduler stops":
			standing = append(standing, fmt.Sprint(l["scheduler_id"]))
		case "the API service drains", "the API service stops":
			api = append(api, fmt.Sprint(l[slog.MessageKey]))
		case "request served":
			requests++
			if l["request_id"] == nil || l["status"] == nil {
				t.Errorf("a request is logged as %s", line)
			}
		}
	}
	if outcomes[broken] != "failed" || outcomes[echo] != "completed" || requests < 4 {
		t.Errorf("logged were the outcomes %v and %d requests", outcomes, requests)
	}
	if len(standing) != 3 || standing[0] == "<nil>" || standing[1] != standing[0] || standing[2] != standing[0] {
		t.Errorf("the scheduler told where it stands as %q", standing)
	}
	if len(api) != 2 || api[0] != "the API service drains" {
		t.Errorf("the API service told %q", api)
	}
}

var depthAlert = regexp.MustCompile(`\(stent_queue_depth\) *(>=?) *([0-9]+)`)

// A queue is counted so far and no further: an alert that waits for more never comes.
func TestAlertsAboutQueuesAreWithinWhatIsCounted(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/prometheus/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	found := depthAlert.FindAllStringSubmatch(string(text), -1)
	if len(found) == 0 {
		t.Fatal("there is none")
	}
	for _, m := range found {
		if least, err := strconv.Atoi(m[2]); err != nil || least > db.CountedUpTo || least == db.CountedUpTo && m[1] == ">" {
			t.Errorf("%s: only %d are counted, %v", m[0], db.CountedUpTo, err)
		}
	}
}
