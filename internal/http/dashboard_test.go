package http

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

func TestDashboardIsServedWithoutKey(t *testing.T) {
	t.Parallel()
	handler := dashboardOf(t, "secret")
	for path, mediaType := range map[string]string{
		"/": "text/html; charset=utf-8", "/dashboard/js/main.js": "text/javascript; charset=utf-8",
		"/dashboard/css/base.css": "text/css; charset=utf-8", "/dashboard/css/icon.svg": "image/svg+xml",
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			answer := ask(t, handler, method, path, nil)
			h := answer.Header()
			if answer.Code != http.StatusOK || h.Get("Content-Type") != mediaType {
				t.Errorf("%s %s: %d, %q", method, path, answer.Code, h.Get("Content-Type"))
			}
			policy := h.Get("Content-Security-Policy")
			if !strings.Contains(policy, "default-src 'self'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
				t.Errorf("%s: the policy is %q", path, policy)
			}
			if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cache-Control") != "no-cache" {
				t.Errorf("%s: headers %v", path, h)
			}
			if (answer.Body.Len() == 0) != (method == http.MethodHead) {
				t.Errorf("%s %s: a body of %d bytes", method, path, answer.Body.Len())
			}
		}
	}
	for _, path := range []string{"/v1/executions", "/dashboard", "/dashboardx", "/nowhere"} {
		if answer := ask(t, handler, http.MethodGet, path, nil); answer.Code != http.StatusUnauthorized {
			t.Errorf("%s without a key: %d", path, answer.Code)
		}
	}
	if answer := ask(t, handler, http.MethodGet, "/dashboard/js/nothing.js", nil); answer.Code != http.StatusNotFound {
		t.Errorf("an asset that is not there: %d", answer.Code)
	}
	if answer := ask(t, handler, http.MethodPost, "/", nil); answer.Code != http.StatusMethodNotAllowed {
		t.Errorf("a POST: %d", answer.Code)
	}
}

func TestDashboardIsSentOnceAndZipped(t *testing.T) {
	t.Parallel()
	handler := dashboardOf(t)
	plain := ask(t, handler, http.MethodGet, "/dashboard/js/app.js", nil)
	zipped := ask(t, handler, http.MethodGet, "/dashboard/js/app.js", map[string]string{"Accept-Encoding": "br, gzip;q=0.8"})
	if plain.Header().Get("Content-Encoding") != "" || zipped.Header().Get("Content-Encoding") != "gzip" || zipped.Header().Get("Vary") != "Accept-Encoding" {
		t.Fatalf("headers %v and %v", plain.Header(), zipped.Header())
	}
	reader, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	if unzipped, err := io.ReadAll(reader); err != nil || !bytes.Equal(unzipped, plain.Body.Bytes()) {
		t.Errorf("zipped is another file: %v", err)
	}
	tags := []string{plain.Header().Get("ETag"), zipped.Header().Get("ETag")}
	if tags[0] == tags[1] || strings.HasPrefix(tags[0], "W/") || strings.HasPrefix(tags[1], "W/") {
		t.Errorf("the tags %v do not tell the bytes apart", tags)
	}
	again := ask(t, handler, http.MethodGet, "/dashboard/js/app.js", map[string]string{"Accept-Encoding": "gzip", "If-None-Match": tags[1]})
	if again.Code != http.StatusNotModified || again.Body.Len() > 0 {
		t.Errorf("what the client has is sent again: %d", again.Code)
	}
	refused := ask(t, handler, http.MethodGet, "/", map[string]string{"Accept-Encoding": "gzip;q=0"})
	if refused.Header().Get("Content-Encoding") != "" {
		t.Error("zipped, though the client does not take that")
	}
}

func dashboardOf(t *testing.T, keys ...string) http.Handler {
	t.Helper()
	document, err := os.ReadFile("../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	handler, err := New(Options{Engine: &fake{}, OpenAPI: document, APIKeys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

func ask(t *testing.T, handler http.Handler, method, path string, headers map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, r)
	return answer
}
