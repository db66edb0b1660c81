package http

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
)

// FuzzRequests sends requests of any kind: none may be a fault of the service,
// and every refusal is a problem document.
func FuzzRequests(f *testing.F) {
	text, err := os.ReadFile("../../openapi.yaml")
	if err != nil {
		f.Fatal(err)
	}
	handler, err := New(Options{Engine: &fake{}, OpenAPI: text, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("POST", "/v1/executions", "wait=0s", "application/json", "k", `{"function":"f","input":{"a":[1]},"delay":"1h"}`)
	f.Add("POST", "/v1/executions/batch", "", "application/json; charset=utf-8", "", `{"executions":[{"function":"f"}]}`)
	f.Add("GET", "/v1/executions", "state=running&tag=a&limit=5&cursor=abcd", "", "", "")
	f.Add("PUT", "/v1/functions/a%2Fb", "", "", "", `{"kind":"activity","url":"http://x","retry_policy":{"jitter":0.5},"rate_limit":{"limit":1,"per":"1s"}}`)
	f.Add("POST", executionPath+"/signals/go", "", "", "", `"x"`)
	f.Add("POST", executionPath+"/counters/n", "", "", "", `{"add":1e3}`)
	f.Add("PUT", executionPath+"/state/k", "", "text/plain", "", `[]`)
	f.Add("POST", taskPath+"/fail", "", "", "t", `{"error":{"message":"m"},"retryable":false}`)
	f.Add("PATCH", "//v1/%zz/..", "a;b", "\x00", "\xff", "\xff")
	f.Fuzz(func(t *testing.T, method, path, query, contentType, header, body string) {
		u, err := url.ParseRequestURI("/" + strings.TrimPrefix(path, "/"))
		if err != nil || !usableID(method) {
			return // cannot be sent
		}
		u.RawQuery = query
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", strings.NewReader(body))
		r.Method, r.URL = method, u
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Idempotency-Key", header)
		r.Header.Set("Stent-Task-Token", header)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code >= 500 || w.Code >= 400 && w.Header().Get("Content-Type") != "application/problem+json" {
			t.Fatalf("%s %s: %d %s", method, u, w.Code, w.Body)
		}
	})
}
