package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// The same report again is no error; one that says something else is refused, also
// while the next attempt is put off.
func TestOnlyTheSameReportIsTakenAgain(t *testing.T) {
	t.Parallel()
	c := start(t, onSQLite, patient)
	attempts := make(chan [2]string, 10)
	worker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		attempts <- [2]string{"/v1/tasks/" + r.Header.Get("Stent-Task-Id"), r.Header.Get("Stent-Task-Token")}
		w.Header().Set("Stent-Async", "true")
		w.WriteHeader(http.StatusAccepted)
	}))
	t.Cleanup(worker.Close)
	c.register("later", "activity", worker.URL, `, "retry_policy": {"initial_delay": "1h", "max_delay": "1h"}`)
	for _, tt := range []struct {
		first, path string
		other       [][2]string
	}{
		{`{"result": 1}`, "/complete", [][2]string{{"/complete", `{"result": 2}`}, {"/fail", `{"error": {"type": "t", "message": "m"}}`}}},
		{`{"error": {"type": "t", "message": "m"}, "retryable": false}`, "/fail", [][2]string{{"/complete", `{"result": 1}`}, {"/fail", `{"error": {"type": "t", "message": "n"}}`}}},
		{`{"error": {"type": "t", "message": "m"}}`, "/fail", [][2]string{{"/complete", `{"result": 1}`}, {"/fail", `{"error": {"type": "u", "message": "m"}}`}}},
	} {
		c.dispatch("later", "1")
		attempt := <-attempts
		for range 3 {
			c.must(http.StatusOK, "POST", attempt[0]+tt.path, tt.first, "Stent-Task-Token", attempt[1])
		}
		for _, other := range tt.other {
			a := c.must(http.StatusConflict, "POST", attempt[0]+other[0], other[1], "Stent-Task-Token", attempt[1])
			if a.field(t, "code") != "lease_lost" {
				t.Errorf("%s after %s: %s", other[1], tt.first, a.body)
			}
		}
	}
}

// With a polling interval of a minute only hints can make these quick.
func TestWhatBecomesDueByAnAPIWakesSchedulers(t *testing.T) {
	t.Parallel()
	for _, b := range []backend{onPostgres, onRedis} {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b, patient, "STENT_POLL_INTERVAL=1m")
			worker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "1") }))
			t.Cleanup(worker.Close)
			c.register("work", "activity", worker.URL, "")
			begun := time.Now()
			id := c.begin("work", `, "delay": "500ms"`)
			c.completed(id)
			paused := c.begin("work", `, "delay": "500ms"`)
			c.must(http.StatusOK, "POST", "/v1/executions/"+paused+"/pause", "")
			c.completed(c.begin("work", `, "delay": "1s"`))
			c.must(http.StatusOK, "POST", "/v1/executions/"+paused+"/resume", "")
			c.completed(paused)
			if took := time.Since(begun); took > 30*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}
