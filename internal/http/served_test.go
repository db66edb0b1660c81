package http

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/workflow"
)

func TestEveryOperationAnswersAsDocumented(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{Engine: &fake{functions: []*workflow.Function{function("a"), function("b")}}})
	token := "Stent-Task-Token: t"
	worker := "/v1/workers/00010000-0000-0000-0000-000000000003"
	tests := []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/v1/functions", "", 200},
		{"PUT", "/v1/functions/f", `{"kind":"orchestrator","url":"http://x","tags":["é"],"max_concurrent":1,"heartbeat_timeout":"1s"}`, 200},
		{"GET", "/v1/functions/f?version=1", "", 200},
		{"DELETE", "/v1/functions/f", "", 204},
		{"DELETE", "/v1/functions/f/results", "", 204},
		{"POST", "/v1/workers", `{"url":"http://app:9000/stent"}`, 201},
		{"GET", "/v1/workers", "", 200},
		{"GET", worker, "", 200},
		{"POST", worker + "/refresh", `{}`, 200},
		{"DELETE", worker, "", 204},
		{"POST", "/v1/executions", `{"function":"f"}`, 201},
		{"POST", "/v1/executions/batch", `{"executions":[{"function":"f"}]}`, 200},
		{"GET", "/v1/executions", "", 200},
		{"GET", executionPath, "", 200},
		{"GET", executionPath + "/tasks", "", 200},
		{"GET", executionPath + "/signals", "", 200},
		{"POST", executionPath + "/signals/a%2Fb", "", 202},
		{"POST", executionPath + "/cancel", `{"mode":"force"}`, 200},
		{"POST", executionPath + "/cancel", "", 200},
		{"POST", executionPath + "/pause", "", 200},
		{"POST", executionPath + "/resume", "", 200},
		{"POST", executionPath + "/restart", "", 200},
		{"POST", executionPath + "/restart", `{"from_step":"a#0"}`, 200},
		{"POST", executionPath + "/counters/n", "", 200},
		{"GET", "/v1/dead-letters?function=f&queue=q&kind=activity&failed_after=2026-01-01T00:00:00Z", "", 200},
		{"GET", letterPath, "", 200},
		{"POST", letterPath + "/replay", "", 200},
		{"DELETE", letterPath, "", 204},
		{"POST", "/v1/dead-letters/replay", `{}`, 200},
		{"PUT", executionPath + "/state/k", "null", 204},
		{"GET", "/v1/tasks", "", 200},
		{"GET", taskPath, "", 200},
		{"POST", taskPath + "/complete", "", 200},
		{"POST", taskPath + "/fail", `{"error":{"message":"boom"}}`, 200},
		{"POST", taskPath + "/heartbeat", `{"details":1}`, 200},
		{"GET", executionPath + "/tasks?state=failed&kind=activity&function=f&queue=q", "", 200},
		{"GET", "/v1/queues", "", 200},
		{"GET", "/v1/stats", "", 200},
		{"POST", "/v1/cleanup", `{"older_than":"30d"}`, 200},
		{"POST", "/v1/executions/cancel", `{"filter":{"state":["blocked"]},"mode":"force"}`, 200},
		{"POST", "/v1/executions/pause", `{"filter":{"function":["f"]},"limit":10,"dry_run":true}`, 200},
		{"POST", "/v1/executions/resume", `{"filter":{"queue":["q"],"tag":["t"]}}`, 200},
		{"POST", "/v1/executions/restart", `{"filter":{"state":["failed"],"created_after":"2026-01-02T03:04:05Z"}}`, 200},
		{"GET", "/v1/schedulers", "", 200},
		{"GET", "/healthz", "", 200},
		{"HEAD", "/healthz", "", 200},
		{"GET", "/readyz", "", 200},
		{"GET", "/openapi.yaml", "", 200},
	}
	for _, test := range tests {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			t.Parallel()
			c.call(t, test.method, test.path, test.body, token).want(t, test.status)
		})
	}
}

func TestValuesPassUnchanged(t *testing.T) {
	t.Parallel()
	values := []string{`{"b" : 1.0,  "a":"<&>\u00e9"}`, `12345678901234567890.10`, `"é"`, `null`, `[ ]`, `-0.0e-10`, `"\u0000\ud800"`}
	for _, value := range values {
		t.Run(value, func(t *testing.T) {
			t.Parallel()
			f := &fake{}
			c := setup(t, Options{Engine: f})
			got := c.call(t, http.MethodPost, "/v1/executions", `{"input":`+value+`,"function":"f"}`).want(t, 201)
			if !strings.Contains(string(got.body), `"input":`+value+`,`) {
				t.Errorf("answered %s", got.body)
			}
			c.call(t, http.MethodPost, executionPath+"/signals/s", value)
			c.call(t, http.MethodPut, executionPath+"/state/k", " "+value+"\n")
			c.call(t, http.MethodPost, taskPath+"/complete", `{"state":{"k":`+value+`},"counters":{"n":-1},"result":`+value+`}`, "Stent-Task-Token: t")
			f.seen = append(f.seen, f.started[0].Input)
			for i, seen := range f.seen {
				if string(seen) != value {
					t.Errorf("value %d came as %s", i, seen)
				}
			}
		})
	}
}

func TestTimesHaveMicrosecondsInUTC(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{Engine: &fake{functions: []*workflow.Function{function("f")}}})
	form := regexp.MustCompile(`^"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"$`)
	for _, path := range []string{executionPath, taskPath, "/v1/functions/f"} {
		created := c.call(t, http.MethodGet, path, "").fields(t)["created_at"]
		if !form.Match(created) || string(created) != `"2026-01-02T11:00:00.123456Z"` {
			t.Errorf("%s: %s", path, created)
		}
	}
}

func TestResultsAreInvalidatedByFunctionAndVersion(t *testing.T) {
	t.Parallel()
	f := &fake{}
	c := setup(t, Options{Engine: f})
	c.call(t, http.MethodDelete, "/v1/functions/a%2Fb/results", "").want(t, 204)
	c.call(t, http.MethodDelete, "/v1/functions/f/results?version=2", "").want(t, 204)
	if want := []string{"a/b ", "f 2"}; !slices.Equal(f.invalidated, want) {
		t.Errorf("invalidated %q, want %q", f.invalidated, want)
	}
	f.err = workflow.ErrNotFound
	c.call(t, http.MethodDelete, "/v1/functions/f/results", "").want(t, 404)
}

func TestRepeatedSignalSaysSo(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{Engine: &fake{}})
	for _, key := range []string{"first", "again"} {
		got := c.call(t, http.MethodPost, executionPath+"/signals/s", "1", "Idempotency-Key: "+key).want(t, 202)
		if replayed := got.header.Get("Idempotent-Replayed"); (replayed == "true") != (key == "again") {
			t.Errorf("%s: Idempotent-Replayed is %q", key, replayed)
		}
	}
}

func TestRepeatedDispatchIsAnsweredWithTheFirst(t *testing.T) {
	t.Parallel()
	f := &fake{}
	c := setup(t, Options{Engine: f})
	first := c.call(t, http.MethodPost, "/v1/executions", `{"function":"f"}`, "Idempotency-Key: k").want(t, 201)
	again := c.call(t, http.MethodPost, "/v1/executions", `{"function":"f"}`, "Idempotency-Key: k").want(t, 200)
	if first.header.Get("Location") != executionPath || again.header.Get("Location") != executionPath {
		t.Errorf("Location is %q and %q", first.header.Get("Location"), again.header.Get("Location"))
	}
	if first.header.Get("Idempotent-Replayed") != "" || again.header.Get("Idempotent-Replayed") != "true" {
		t.Error("only the repetition says that it is one")
	}
	p := c.call(t, http.MethodPost, "/v1/executions", `{"function":"g"}`, "Idempotency-Key: k").want(t, 422).problem(t)
	if p.Code != "idempotency_key_reused" {
		t.Errorf("got %+v", p)
	}
}

func TestDispatchReachesTheEngineWhole(t *testing.T) {
	t.Parallel()
	f := &fake{}
	c := setup(t, Options{Engine: f})
	parent := "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	c.call(t, http.MethodPost, "/v1/executions",
		`{"function":"f","delay":"30m","max_duration":"1h","tags":["a"],"priority":-3,"queue":"eu","callback_url":"https://x/y"}`,
		"Idempotency-Key: k", "traceparent: "+parent).want(t, 201)
	c.call(t, http.MethodPost, "/v1/executions", `{"function":"f","start_at":"2026-01-02T13:00:00.5+01:00"}`, "traceparent: nonsense").want(t, 201)
	r := f.started[0]
	if r.Function != "f" || string(r.Input) != "null" || r.Delay != 30*time.Minute || r.MaxDuration != time.Hour || r.Tags[0] != "a" ||
		r.Priority != -3 || r.Queue != "eu" || r.CallbackURL != "https://x/y" || r.IdempotencyKey != "k" || r.TraceParent != parent {
		t.Errorf("got %+v", r)
	}
	if r = f.started[1]; !r.StartAt.Equal(time.Date(2026, 1, 2, 12, 0, 0, 500_000_000, time.UTC)) || r.TraceParent != "" {
		t.Errorf("got %+v", r)
	}
}

func TestBatchAnswersEachItem(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{Engine: &fake{}})
	got := c.call(t, http.MethodPost, "/v1/executions/batch",
		`{"executions":[{"function":"a"},{"function":"unknown"},{"function":"b","delay":"400d"},{"function":"c"}]}`).want(t, 200)
	var result struct {
		Items []struct {
			Status    int
			Execution *struct{ Function string }
			Problem   *struct {
				Code   string
				Errors []struct{ Pointer string }
			}
		}
	}
	if err := json.Unmarshal(got.body, &result); err != nil {
		t.Fatal(err)
	}
	items := result.Items
	if len(items) != 4 || items[0].Execution.Function != "a" || items[3].Execution.Function != "c" || items[3].Status != 201 {
		t.Fatalf("got %s", got.body)
	}
	if p := items[1].Problem; items[1].Status != 422 || p.Code != "function_not_registered" || p.Errors[0].Pointer != "/executions/1/function" {
		t.Errorf("got %+v", items[1])
	}
	if p := items[2].Problem; p.Errors[0].Pointer != "/executions/2/delay" {
		t.Errorf("got %+v", p)
	}
}

func TestHeldAnswerComesWhenTheExecutionEnds(t *testing.T) {
	t.Parallel()
	f := &fake{terminal: make(chan struct{})}
	c := setup(t, Options{Engine: f})
	close(f.terminal)
	c.call(t, http.MethodPost, "/v1/executions?wait=60s", `{"function":"f"}`).want(t, 201)
	c.call(t, http.MethodGet, executionPath+"?wait=1m", "").want(t, 200)
}

func TestHeldAnswerIsGivenWhenTheServiceDrains(t *testing.T) {
	t.Parallel()
	draining, drain := context.WithCancel(t.Context())
	c := setup(t, Options{Engine: &fake{terminal: make(chan struct{})}, Draining: draining})
	c.call(t, http.MethodGet, "/readyz", "").want(t, 200)
	time.AfterFunc(10*time.Millisecond, drain)
	c.call(t, http.MethodGet, executionPath+"?wait=60s", "").want(t, 200)
	c.call(t, http.MethodGet, "/readyz", "").want(t, 503)
	c.call(t, http.MethodGet, "/healthz", "").want(t, 200)
}

func TestKeysOpenTheAPI(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{Engine: &fake{}, APIKeys: []string{"one", "two"}})
	const missing, malformed, unknown = "is missing: send it in the header", `must be "Bearer <key>"`, "is not an API key of this service"
	for header, detail := range map[string]string{
		"Authorization: Bearer one": "", "Authorization: bearer two": "", "Authorization: Bearer three": unknown,
		"Authorization: Basic one": malformed, "Authorization: one": malformed, "X-Nothing: 1": missing, "Authorization: Bearer ": malformed,
	} {
		got := c.call(t, http.MethodGet, "/v1/tasks", "", header)
		if detail == "" {
			got.want(t, 200)
			continue
		}
		got.want(t, 401)
		if p := got.problem(t); got.header.Get("WWW-Authenticate") != "Bearer" || p.Code != "unauthorized" || !strings.Contains(p.Detail, detail) {
			t.Errorf("%s: %v, %s", header, got.header, p.Detail)
		}
		if !strings.Contains(string(got.body), "Bearer <key>") { // for people, who read it as it comes
			t.Errorf("%s: %s", header, got.body)
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/openapi.yaml"} {
		c.call(t, http.MethodGet, path, "").want(t, 200)
	}
	c.call(t, http.MethodGet, "/v1/nothing", "").want(t, 401)
}

func TestListsGoOnFromTheirCursor(t *testing.T) {
	t.Parallel()
	f := &fake{functions: []*workflow.Function{function("a"), function("b"), function("c")}}
	c := setup(t, Options{Engine: f})
	c.call(t, http.MethodGet, "/v1/executions?limit=3&state=running&state=failed&function=a&tag=x&queue=q&created_before=2026-01-01T00:00:00Z", "").want(t, 200)
	filter := f.filters[0].(engine.ExecutionFilter)
	if filter.Limit != 4 || len(filter.States) != 2 || filter.Functions[0] != "a" || filter.Tags[0] != "x" || filter.Queues[0] != "q" || filter.CreatedBefore == nil {
		t.Errorf("got %+v", filter)
	}
	var cursor string
	got := c.call(t, http.MethodGet, "/v1/executions?limit=2", "").want(t, 200).fields(t)
	if err := json.Unmarshal(got["next_cursor"], &cursor); err != nil {
		t.Fatal(err)
	}
	c.call(t, http.MethodGet, "/v1/executions?limit=2&cursor="+cursor, "").want(t, 200)
	if filter := f.filters[2].(engine.ExecutionFilter); filter.Before != anExecution {
		t.Errorf("goes on from %s", filter.Before)
	}
	var names []string
	path := "/v1/functions?limit=2"
	for path != "" {
		var list struct {
			Items []struct{ Name string }
			Next  *string `json:"next_cursor"`
		}
		if err := json.Unmarshal(c.call(t, http.MethodGet, path, "").want(t, 200).body, &list); err != nil {
			t.Fatal(err)
		}
		for _, item := range list.Items {
			names = append(names, item.Name)
		}
		if path = ""; list.Next != nil {
			path = "/v1/functions?limit=2&cursor=" + *list.Next
		}
	}
	if strings.Join(names, "") != "cba" {
		t.Errorf("got %v", names)
	}
}

func TestCursorsOfOtherListsAreRefused(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{Engine: &fake{}})
	ofFunctions := encodeCursor([]byte(functionKey(function("a"))))
	ofExecutions := encodeCursor(anExecution[:])
	ofTasks := taskCursor(engine.TaskPlace{Execution: anExecution, Task: aTask})
	for list, own := range map[string]string{
		"executions": ofExecutions, "tasks": ofTasks, "dead-letters": "", "functions": ofFunctions, "workers": ofExecutions, "schedulers": ofExecutions,
		"executions/" + anExecution.String() + "/tasks": ofTasks, "executions/" + anExecution.String() + "/signals": ofExecutions,
	} {
		for _, cursor := range []string{ofFunctions, ofExecutions, ofTasks, "zzzz", "AAAA", "*"} {
			status := http.StatusBadRequest
			if cursor == own {
				status = http.StatusOK
			}
			c.call(t, http.MethodGet, "/v1/"+list+"?cursor="+cursor, "").want(t, status)
		}
	}
}

func TestNamesInPathsAreDecodedOnce(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{Engine: &fake{}})
	for path, name := range map[string]string{"a%2Fb": "a/b", "a%2525": "a%25", "a%25": "a%", "caf%C3%A9": "café", "a+b": "a+b"} {
		got := c.call(t, http.MethodGet, "/v1/functions/"+path, "").want(t, 200).fields(t)["name"]
		var shown string
		if err := json.Unmarshal(got, &shown); err != nil || shown != name {
			t.Errorf("%s is shown as %s", path, got)
		}
	}
}

func TestReportsReachTheEngineWithTheirDefaults(t *testing.T) {
	t.Parallel()
	f := &fake{}
	c := setup(t, Options{Engine: f})
	token := "Stent-Task-Token: t"
	c.call(t, http.MethodPost, taskPath+"/complete", "", token).want(t, 200)
	c.call(t, http.MethodPost, taskPath+"/fail", `{"error":{"message":"boom","details":{"a":1}}}`, token).want(t, 200)
	c.call(t, http.MethodPost, taskPath+"/heartbeat", "", token).want(t, 200)
	want := []string{`null`, `{"error":{"type":"error","message":"boom","details":{"a":1}},"retryable":true}`, ``}
	for i := range want {
		if string(f.seen[i]) != want[i] {
			t.Errorf("report %d came as %s", i, f.seen[i])
		}
	}
}

func TestProgressShowsStepsAndWhatTheyWaitFor(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{Engine: &fake{}})
	var shown []struct {
		Step, Status string
		Detail       json.RawMessage
	}
	if err := json.Unmarshal(c.call(t, http.MethodGet, executionPath, "").fields(t)["progress"], &shown); err != nil {
		t.Fatal(err)
	}
	want := []string{
		`charge#0 running {"done":  3}`, `map#0 running "2 of 3 items done"`, `signal#0 waiting "waits for the signal go"`,
		`timer#0 waiting "waits until 2026-01-02T11:00:00.123456Z"`, `local#0 completed null`, `activity#0 cancelled null`,
		`activity#0 dispatched null`, `activity#0 failed null`,
		`call#0 cache_hit null`, `call#0 waiting "waits for the result of another call with the same key"`,
	}
	if len(shown) != len(want) {
		t.Fatalf("got %+v", shown)
	}
	for i, s := range shown {
		if got := s.Step + " " + s.Status + " " + string(s.Detail); got != want[i] {
			t.Errorf("got %s, want %s", got, want[i])
		}
	}
}
