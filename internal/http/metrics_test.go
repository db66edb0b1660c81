package http

import (
	"net/http"
	"strings"
	"testing"
)

func TestRequestsAreMeasuredByRoute(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{Engine: &fake{}})
	c.call(t, http.MethodGet, executionPath, "").want(t, 200)
	c.call(t, http.MethodGet, "/nothing", "").want(t, 404)
	text := string(c.call(t, http.MethodGet, "/metrics", "").want(t, 200).body)
	for _, line := range []string{
		`stent_http_request_duration_seconds_count{method="GET",route="/v1/executions/{id}",status="200"} 1`,
		`stent_http_request_duration_seconds_count{method="GET",route="(none)",status="404"} 1`,
		`stent_http_requests_in_flight 1`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("there is no %s in\n%s", line, text)
		}
	}
}

func TestMetricsNeedAKeyWhereRESTDoes(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{Engine: &fake{}, APIKeys: []string{"k"}})
	c.call(t, http.MethodGet, "/metrics", "").want(t, 401)
	c.call(t, http.MethodGet, "/metrics", "", "Authorization: Bearer k").want(t, 200)
}
