package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// The service is used here as someone with curl and handlers of another
// language's standard library uses it: no SDK takes part.
func TestPlainHandlersOfAnotherLanguage(t *testing.T) {
	t.Parallel()
	for _, b := range backends {
		t.Run(string(b), func(t *testing.T) {
			t.Parallel()
			c := start(t, b, patient)
			_, worker := python(t)
			c.register("charge", "activity", worker+"/charge", "")
			c.register("increment", "activity", worker+"/increment", "")
			c.register("five", "orchestrator", worker+"/five", "")
			c.register("flaky", "activity", worker+"/flaky", `, "retry_policy": {"initial_delay": "10ms"}`)

			t.Run("AnActivityGivesItsResult", func(t *testing.T) {
				a := c.must(http.StatusCreated, "POST", "/v1/executions?wait=30s",
					`{"function": "charge", "input": {"order_id": "ORD-001", "amount": 42}}`)
				if got := a.field(t, "state"); got != "completed" {
					t.Fatalf("state %v: %s", got, a.body)
				}
				result, _ := a.field(t, "result").(map[string]any)
				if result["id"] != "ch_ORD-001" {
					t.Fatalf("result %v", result)
				}
			})
			t.Run("AnOrchestratorRunsFiveStepsInTurn", func(t *testing.T) {
				a := c.must(http.StatusCreated, "POST", "/v1/executions?wait=30s", `{"function": "five", "input": 10}`)
				if got := a.field(t, "result"); got != 15.0 {
					t.Fatalf("result %v: %s", got, a.body)
				}
				if progress, _ := a.field(t, "progress").([]any); len(progress) != 5 {
					t.Fatalf("progress has %d steps: %s", len(progress), a.body)
				}
			})
			t.Run("AFailedAttemptIsTriedAgain", func(t *testing.T) {
				a := c.must(http.StatusCreated, "POST", "/v1/executions?wait=30s", `{"function": "flaky", "input": "x"}`)
				if a.field(t, "result") != "x" || a.field(t, "retries") != 1.0 {
					t.Fatalf("%s", a.body)
				}
			})
			t.Run("AnIdempotencyKeyNamesOneExecution", func(t *testing.T) {
				body := `{"function": "charge", "input": {"order_id": "ORD-002", "amount": 1}}`
				first := c.must(http.StatusCreated, "POST", "/v1/executions", body, "Idempotency-Key", "K1")
				again := c.must(http.StatusOK, "POST", "/v1/executions", body, "Idempotency-Key", "K1")
				if first.field(t, "id") != again.field(t, "id") {
					t.Fatalf("two executions: %s and %s", first.body, again.body)
				}
				other := c.must(http.StatusUnprocessableEntity, "POST", "/v1/executions", strings.Replace(body, "ORD-002", "ORD-003", 1), "Idempotency-Key", "K1")
				if code := other.field(t, "code"); code != "idempotency_key_reused" {
					t.Fatalf("code %v", code)
				}
			})
			t.Run("WrongInputIsToldByField", func(t *testing.T) { wrongInput(t, c) })
		})
	}
}

func wrongInput(t *testing.T, c *cluster) {
	t.Helper()
	for _, wrong := range []struct{ name, method, path, body, pointer, code string }{
		{"MalformedJSON", "POST", "/v1/executions", `{"function": `, "", "invalid_request"},
		{"UnknownField", "POST", "/v1/executions", `{"function": "charge", "color": 1}`, "/color", "invalid_request"},
		{"WrongType", "POST", "/v1/executions", `{"function": 7}`, "/function", "invalid_request"},
		{"BadDuration", "POST", "/v1/executions", `{"function": "charge", "delay": "soon"}`, "/delay", "invalid_request"},
		{"UnknownFunction", "POST", "/v1/executions", `{"function": "nobody"}`, "/function", "function_not_registered"},
		{"BadRetryPolicy", "PUT", "/v1/functions/x", `{"kind": "activity", "url": "http://a", "retry_policy": {"jitter": 2}}`, "/retry_policy/jitter", "invalid_request"},
		{"OversizedBody", "POST", "/v1/executions", `{"function": "charge", "input": "` + strings.Repeat("x", 5<<20) + `"}`, "", "payload_too_large"},
	} {
		a := c.do(wrong.method, wrong.path, wrong.body)
		var p struct {
			Code   string
			Errors []struct{ Pointer, Detail string }
		}
		if a.status < 400 || a.status >= 500 || a.header.Get("Content-Type") != "application/problem+json" || json.Unmarshal(a.body, &p) != nil {
			t.Errorf("%s: %d %s: %s", wrong.name, a.status, a.header.Get("Content-Type"), a.body)
			continue
		}
		if p.Code != wrong.code {
			t.Errorf("%s: code %q, want %q: %s", wrong.name, p.Code, wrong.code, a.body)
		}
		if wrong.pointer != "" && (len(p.Errors) == 0 || p.Errors[0].Pointer != wrong.pointer) {
			t.Errorf("%s: errors %v, want pointer %s", wrong.name, p.Errors, wrong.pointer)
		}
	}
}
