package http

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/workflow"
)

const (
	executionPath = "/v1/executions/00010000-0000-0000-0000-000000000001"
	taskPath      = "/v1/tasks/00010000-0000-0000-0000-000000000002"
)

func deep(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }

func TestBadInputIsRefusedNamingTheField(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{Engine: &fake{}})
	long := strings.Repeat("x", 201)
	tests := []struct {
		name, method, path, body string
		status                   int
		pointer, detail          string
		headers                  []string
	}{
		{"malformed", "POST", "/v1/executions", `{"function":`, 400, "", "ends too early", nil},
		{"no body", "POST", "/v1/executions", ``, 400, "", "is missing", nil},
		{"white space", "POST", "/v1/executions", " \n", 400, "", "is missing", nil},
		{"not an object", "POST", "/v1/executions", `[]`, 400, "", "must be an object", nil},
		{"null", "POST", "/v1/executions", `null`, 400, "", "must not be null", nil},
		{"more after it", "POST", "/v1/executions", `{"function":"f"} {}`, 400, "", "more after", nil},
		{"unknown field", "POST", "/v1/executions", `{"function":"f","inptu":1}`, 400, "/inptu", "not a field", nil},
		{"odd field", "POST", "/v1/executions", `{"function":"f","a/~\"b":1}`, 400, `/a~1~0"b`, "not a field", nil},
		{"other case", "POST", "/v1/executions", `{"Function":"f"}`, 400, "/Function", "not a field", nil},
		{"missing", "POST", "/v1/executions", `{}`, 400, "/function", "required", nil},
		{"wrong type", "POST", "/v1/executions", `{"function":5}`, 400, "/function", "a string", nil},
		{"wrong type of number", "POST", "/v1/executions", `{"function":"f","priority":1.5}`, 400, "/priority", "whole number", nil},
		{"exponent", "POST", "/v1/executions", `{"function":"f","priority":1e2}`, 400, "/priority", "whole number", nil},
		{"too great", "POST", "/v1/executions", `{"function":"f","priority":1001}`, 400, "/priority", "at most 1000", nil},
		{"beyond float", "POST", "/v1/executions", `{"function":"f","priority":1e999}`, 400, "/priority", "beyond", nil},
		{"null where none may be", "POST", "/v1/executions", `{"function":"f","tags":null}`, 400, "/tags", "not be null", nil},
		{"item", "POST", "/v1/executions", `{"function":"f","tags":["a",""]}`, 400, "/tags/1", "not be empty", nil},
		{"bad duration", "POST", "/v1/executions", `{"function":"f","delay":"5 minutes"}`, 400, "/delay", "not a duration", nil},
		{"duration as number", "POST", "/v1/executions", `{"function":"f","delay":5}`, 400, "/delay", "a string", nil},
		{"huge duration", "POST", "/v1/executions", `{"function":"f","delay":"99999999999d"}`, 422, "/delay", "at most 366d", nil},
		{"filter of nothing", "POST", "/v1/executions/cancel", `{"filter":{}}`, 400, "/filter", `at least one of "created_after", "created_before", "function"`, nil},
		{"cleanup of nothing", "POST", "/v1/cleanup", `{"older_than":"1d","executions":false,"dead_letters":false}`, 422, "/dead_letters", "or executions", nil},
		{"blank queue", "POST", "/v1/queues/%20/pause", ``, 422, "/path/name", "blank", nil},
		{"event of another service", "GET", executionPath + "/events", ``, 400, "/header/Last-Event-ID", "not the id of an event", []string{"Last-Event-ID: bad"}},
		{"event of another service in the query", "GET", executionPath + "/events?last_event_id=bad", ``, 400, "/query/last_event_id", "not the id of an event", nil},
		{"long duration", "POST", "/v1/executions", `{"function":"f","delay":"367d"}`, 422, "/delay", "366d", nil},
		{"no duration", "POST", "/v1/executions", `{"function":"f","max_duration":"0s"}`, 422, "/max_duration", "1ms", nil},
		{"both starts", "POST", "/v1/executions", `{"function":"f","delay":"1s","start_at":"2026-01-01T00:00:00Z"}`, 422, "/start_at", "delay", nil},
		{"bad time", "POST", "/v1/executions", `{"function":"f","start_at":"2026-02-31T00:00:00Z"}`, 400, "/start_at", "RFC 3339", nil},
		{"bad URL", "POST", "/v1/executions", `{"function":"f","callback_url":"ftp://x"}`, 422, "/callback_url", "http", nil},
		{"NUL", "POST", "/v1/executions", `{"function":"a\u0000"}`, 400, "/function", "NUL", nil},
		{"control character", "POST", "/v1/executions", `{"function":"a\n"}`, 400, "/function", "control", nil},
		{"not UTF-8", "POST", "/v1/executions", "{\"function\":\"a\xff\"}", 400, "", "UTF-8", nil},
		{"lone surrogate", "POST", "/v1/executions", `{"function":"\ud800"}`, 422, "/function", "UTF-8", nil},
		{"long name", "POST", "/v1/executions", `{"function":"` + long + `"}`, 400, "/function", "200", nil},
		{"duplicate key", "POST", "/v1/executions", `{"function":"a","f\u0075nction":"b"}`, 400, "/function", "more than once", nil},
		{"duplicate key within", "POST", "/v1/executions", `{"function":"a","input":[{"k":1,"k":2}]}`, 400, "/input/0/k", "more than once", nil},
		{"deep", "POST", "/v1/executions", `{"function":"a","input":` + deep(64) + `}`, 400, "/input", "deeper", nil},
		{"very deep", "POST", executionPath + "/signals/s", deep(100_000), 400, "", "deeper", nil},
		{"unknown function", "POST", "/v1/executions", `{"function":"unknown"}`, 422, "/function", "not registered", nil},
		{"other media type", "POST", "/v1/executions", `function=f`, 415, "/header/Content-Type", "application/json", []string{"Content-Type: application/x-www-form-urlencoded"}},
		{"other charset", "POST", "/v1/executions", `{}`, 415, "/header/Content-Type", "UTF-8", []string{"Content-Type: application/json; charset=latin1"}},
		{"compressed", "POST", "/v1/executions", `{}`, 415, "/header/Content-Encoding", "compressed", []string{"Content-Encoding: gzip"}},
		{"long key", "POST", "/v1/executions", `{"function":"f"}`, 400, "/header/Idempotency-Key", "255", []string{"Idempotency-Key: " + strings.Repeat("x", 256)}},
		{"empty key of a signal", "POST", executionPath + "/signals/s", `1`, 400, "/header/Idempotency-Key", "empty", []string{"Idempotency-Key: "}},
		{"odd key", "POST", "/v1/executions", `{"function":"f"}`, 400, "/header/Idempotency-Key", "ASCII", []string{"Idempotency-Key: é"}},
		{"big value", "POST", "/v1/executions", `{"function":"f","input":"` + strings.Repeat("x", maxValue) + `"}`, 413, "/input", "1048576", nil},
		{"big body", "POST", "/v1/executions", strings.Repeat(" ", maxBody+1), 413, "", "4194304", nil},
		{"big payload", "POST", executionPath + "/signals/s", `"` + strings.Repeat("x", maxValue) + `"`, 413, "", "1048576", nil},
		{"bad wait", "POST", "/v1/executions?wait=soon", `{"function":"f"}`, 400, "/query/wait", "not a duration", nil},
		{"long wait", "GET", executionPath + "?wait=61s", ``, 400, "/query/wait", "at most 1m", nil},
		{"empty wait", "GET", executionPath + "?wait=", ``, 400, "/query/wait", "", nil},
		{"two waits", "GET", executionPath + "?wait=1s&wait=2s", ``, 400, "/query/wait", "once", nil},
		{"unknown parameter", "GET", "/v1/executions?stat=running", ``, 400, "/query/stat", "not a parameter", nil},
		{"unknown state", "GET", "/v1/executions?state=running&state=odd", ``, 400, "/query/state/1", `"pending", "running"`, nil},
		{"no limit", "GET", "/v1/tasks?limit=0", ``, 400, "/query/limit", "at least 1", nil},
		{"high limit", "GET", "/v1/tasks?limit=501", ``, 400, "/query/limit", "at most 500", nil},
		{"odd limit", "GET", "/v1/tasks?limit=many", ``, 400, "/query/limit", "a whole number", nil},
		{"huge limit", "GET", "/v1/tasks?limit=99999999999999999999", ``, 400, "/query/limit", "", nil},
		{"bad cursor", "GET", "/v1/tasks?cursor=%21", ``, 400, "/query/cursor", "not a cursor", nil},
		{"short cursor", "GET", "/v1/tasks?cursor=abcd", ``, 400, "/query/cursor", "not a cursor", nil},
		{"bad query", "GET", "/v1/tasks?limit=%zz", ``, 400, "/query", "query string", nil},
		{"bad time in query", "GET", "/v1/executions?created_after=yesterday", ``, 400, "/query/created_after", "RFC 3339", nil},
		{"NUL in query", "GET", "/v1/executions?function=%00", ``, 400, "/query/function", "NUL", nil},
		{"bad id", "GET", "/v1/executions/17", ``, 400, "/path/id", "UUID", nil},
		{"bad name in path", "POST", executionPath + "/signals/a%00b", `1`, 400, "/path/name", "NUL", nil},
		{"not UTF-8 in path", "PUT", "/v1/functions/%ff", `{}`, 400, "/path/name", "UTF-8", nil},
		{"odd kind", "PUT", "/v1/functions/f", `{"kind":"other","url":"http://x"}`, 400, "/kind", `"activity", "orchestrator"`, nil},
		{"odd URL", "PUT", "/v1/functions/f", `{"kind":"activity","url":"nowhere"}`, 422, "/url", "absolute", nil},
		{"nested", "PUT", "/v1/functions/f", `{"kind":"activity","url":"http://x","retry_policy":{"jitter":2}}`, 400, "/retry_policy/jitter", "at most 1", nil},
		{"nested unknown", "PUT", "/v1/functions/f", `{"kind":"activity","url":"http://x","retry_policy":{"tries":2}}`, 400, "/retry_policy/tries", "not a field", nil},
		{"bad pointer", "PUT", "/v1/functions/f", `{"kind":"activity","url":"http://x","idempotency_key_from":["id"]}`, 422, "/idempotency_key_from/0", "JSON Pointer", nil},
		{"lone surrogate in a version", "PUT", "/v1/functions/f", `{"kind":"activity","url":"http://x","version":"\ud800"}`, 422, "/version", "UTF-8", nil},
		{"blank version", "PUT", "/v1/functions/f", `{"kind":"activity","url":"http://x","version":" "}`, 422, "/version", "not be blank", nil},
		{"huge retention", "PUT", "/v1/functions/f", `{"kind":"activity","url":"http://x","retention":"99999999d"}`, 422, "/retention", "at most 36600d", nil},
		{"huge age", "POST", "/v1/cleanup", `{"older_than":"99999999d"}`, 422, "/older_than", "at most 36600d", nil},
		{"huge wait", "GET", executionPath + "?wait=99999999d", ``, 400, "/query/wait", "at most 1m", nil},
		{"worker without URL", "POST", "/v1/workers", `{"url":"app"}`, 422, "/url", "absolute", nil},
		{"no token", "POST", taskPath + "/complete", `{}`, 400, "/header/Stent-Task-Token", "required", nil},
		{"counters", "POST", taskPath + "/complete", `{"counters":{"n":1.5}}`, 400, "/counters/n", "whole number", []string{"Stent-Task-Token: t"}},
		{"counter beyond 64 bits", "POST", taskPath + "/complete", `{"counters":{"n":9223372036854775808}}`, 400, "/counters", "64 bits", []string{"Stent-Task-Token: t"}},
		{"counter without a name", "POST", taskPath + "/complete", `{"counters":{"":1}}`, 422, "/counters/", "not be empty", []string{"Stent-Task-Token: t"}},
		{"odd name of state", "POST", taskPath + "/complete", `{"state":{"a/\n":1}}`, 422, "/state/a~1\n", "control", []string{"Stent-Task-Token: t"}},
		{"big state", "POST", taskPath + "/complete", `{"state":{"k":"` + strings.Repeat("x", maxValue) + `"}}`, 413, "/state/k", "1048576", []string{"Stent-Task-Token: t"}},
		{"no error", "POST", taskPath + "/fail", `{}`, 400, "/error", "required", []string{"Stent-Task-Token: t"}},
		{"bad mode", "POST", executionPath + "/cancel", `{"mode":"now"}`, 400, "/mode", `"graceful", "force"`, nil},
		{"field of nothing", "POST", executionPath + "/pause", `{"why":1}`, 400, "/why", "not a field", nil},
		{"beyond 64 bits", "POST", executionPath + "/counters/n", `{"add":9223372036854775808}`, 400, "/add", "64 bits", nil},
		{"empty batch", "POST", "/v1/executions/batch", `{"executions":[]}`, 400, "/executions", "not be empty", nil},
		{"large batch", "POST", "/v1/executions/batch", `{"executions":[` + strings.Repeat(`{"function":"f"},`, 1000) + `{"function":"f"}]}`, 400, "/executions", "at most 1000", nil},
		{"bad item", "POST", "/v1/executions/batch", `{"executions":[{"function":"f"},{"function":1}]}`, 400, "/executions/1/function", "a string", nil},
		{"parameter of a probe", "GET", "/healthz?x=1", ``, 400, "/query/x", "not a parameter", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := c.call(t, test.method, test.path, test.body, test.headers...).want(t, test.status).problem(t)
			if p.Status != test.status || p.Type != "urn:stent:problem:"+string(p.Code) || p.Errors == nil {
				t.Fatalf("got %+v", p)
			}
			for _, f := range *p.Errors {
				if f.Pointer == test.pointer && strings.Contains(f.Detail, test.detail) {
					return
				}
			}
			t.Errorf("errors are %+v, want %q: %q", *p.Errors, test.pointer, test.detail)
		})
	}
}

func TestRefusalsOfTheEngineHaveTheirCode(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err    error
		status int
		code   string
	}{
		{workflow.ErrNotFound, 404, "not_found"},
		{workflow.ErrAlreadyTerminal, 409, "already_terminal"},
		{workflow.ErrLeaseLost, 409, "lease_lost"},
		{workflow.ErrMailboxFull, 429, "mailbox_full"},
		{workflow.ErrInvalidOperation, 409, "conflict"},
		{engine.ErrBadToken, 400, "invalid_request"},
		{engine.ErrUnavailable, 503, "unavailable"},
		{context.DeadlineExceeded, 503, "unavailable"},
		{workflow.FieldErrors{{Pointer: "/x", Detail: "is odd"}}, 422, "invalid_request"},
		{errors.New("dial postgres://user:secret@db"), 500, "internal"},
	}
	for _, test := range tests {
		t.Run(test.code, func(t *testing.T) {
			t.Parallel()
			c := setup(t, Options{Engine: &fake{err: fmt.Errorf("deep inside: %w", test.err)}})
			got := c.call(t, http.MethodPost, executionPath+"/signals/s", `1`).want(t, test.status)
			if p := got.problem(t); string(p.Code) != test.code || strings.Contains(string(got.body), "deep inside") || strings.Contains(string(got.body), "secret") {
				t.Errorf("got %s", got.body)
			}
			if (test.status == 503 || test.status == 429) != (got.header.Get("Retry-After") != "") {
				t.Errorf("Retry-After is %q", got.header.Get("Retry-After"))
			}
		})
	}
}

func TestFaultsAreToldOnlyByTheirRequestID(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{Engine: &fake{err: errors.New("secret")}})
	got := c.call(t, http.MethodGet, executionPath, "", "X-Request-Id: mine").want(t, 500)
	if p := got.problem(t); !strings.Contains(p.Detail, "mine") || got.header.Get("X-Request-Id") != "mine" {
		t.Errorf("got %+v, %v", p, got.header)
	}
}

func TestNotFoundNamesWhatThereIsNot(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{Engine: &fake{err: workflow.ErrNotFound}})
	for _, path := range []string{executionPath, executionPath + "/signals", taskPath, "/v1/functions/f", "/v1/workers/00010000-0000-0000-0000-000000000003"} {
		id := path[strings.LastIndex(strings.TrimSuffix(path, "/signals"), "/")+1:]
		if p := c.call(t, http.MethodGet, path, "").want(t, 404).problem(t); !strings.Contains(p.Detail, strings.TrimSuffix(id, "/signals")) {
			t.Errorf("%s: %s", path, p.Detail)
		}
	}
}

func TestUnreadableManifestNamesTheURLOrTheSecret(t *testing.T) {
	t.Parallel()
	for _, secret := range []bool{false, true} {
		c := setup(t, Options{Engine: &fake{err: &engine.ManifestError{Err: errors.New("no use"), Secret: secret}}})
		p := c.call(t, http.MethodPost, "/v1/workers", `{"url":"http://app:9000/"}`).want(t, 422).problem(t)
		if f := (*p.Errors)[0]; f.Pointer != map[bool]string{false: "/url", true: "/secret"}[secret] || f.Detail != "no use" {
			t.Errorf("got %+v", f)
		}
	}
}

func TestPasswordsInURLsAreNotShown(t *testing.T) {
	t.Parallel()
	const url, shown = "http://app:hunter2@app:9000/stent?a=%2F", "http://app:xxxxx@app:9000/stent?a=%2F"
	x := execution()
	x.CallbackURL = url
	for what, got := range map[string]string{
		"function":  showFunction(&workflow.Function{URL: url}).URL,
		"worker":    showWorker(&workflow.Worker{URL: url}).URL,
		"execution": string(Execution(&engine.ExecutionView{Execution: x})),
	} {
		if strings.Contains(got, "hunter2") || !strings.Contains(got, shown) {
			t.Errorf("the %s shows %s", what, got)
		}
	}
}

func TestPanicsAreAnsweredAsInternalErrors(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{Engine: nil}) // a nil engine panics when it is asked
	c.call(t, http.MethodGet, executionPath, "").want(t, 500)
}

func TestUnknownPathsAndMethodsAreProblems(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{Engine: &fake{}})
	c.call(t, http.MethodGet, "/v1/nothing", "").want(t, 404)
	c.call(t, http.MethodGet, "/v1/executions/", "").want(t, 404)
	if allow := c.call(t, http.MethodPatch, "/v1/functions/f", "").want(t, 405).header.Get("Allow"); allow != "GET, PUT, DELETE" {
		t.Errorf("Allow is %q", allow)
	}
}
