package delivery

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func TestDeliveryCarriesTheInputAndTheHeadersOfTheTable(t *testing.T) {
	t.Parallel()
	type seen struct {
		header http.Header
		body   []byte
		method string
	}
	got := make(chan seen, 1)
	url := worker(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- seen{r.Header, body, r.Method}
		w.WriteHeader(http.StatusNoContent)
	})
	r := request(url)
	r.Secret, r.Token, r.Attempt = testSecret, "token", 3
	r.TraceParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	r.Deadline = time.Date(2026, 5, 1, 12, 0, 0, 1500, time.UTC)
	if res := client(t).Activity(t.Context(), r); res.Outcome != Completed || string(res.Value) != "null" {
		t.Fatalf("got %+v", res)
	}
	s := <-got
	if s.method != http.MethodPost || !bytes.Equal(s.body, r.Body) {
		t.Errorf("%s %q", s.method, s.body)
	}
	for key, want := range map[string]string{
		"Content-Type": "application/json", "Stent-Protocol": "1", "Stent-Function": "charge",
		"Stent-Execution-Id": "0190-e", "Stent-Task-Id": "0190-t", "Stent-Attempt": "3",
		"Stent-Deadline": "2026-05-01T12:00:00.000001Z", "Stent-Task-Token": "token",
		"Idempotency-Key": "0190-t", "webhook-id": "0190-t", "traceparent": r.TraceParent,
		"Accept-Encoding": "",
	} {
		if v := s.header.Get(key); v != want {
			t.Errorf("%s: got %q, want %q", key, v, want)
		}
	}
	wh, err := standardwebhooks.NewWebhook(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	if err := wh.Verify(s.body, s.header); err != nil {
		t.Errorf("signature: %v", err)
	}
}

func TestWorkerWithoutSecretGetsNoSignatureAndARotatedOneGetsTwo(t *testing.T) {
	t.Parallel()
	headers := make(chan http.Header, 1)
	url := worker(t, func(w http.ResponseWriter, r *http.Request) {
		headers <- r.Header
		w.WriteHeader(http.StatusNoContent)
	})
	c := client(t)
	c.Activity(t.Context(), request(url))
	if h := <-headers; h.Get("Webhook-Signature") != "" || h.Get("Webhook-Timestamp") != "" || h.Get("Webhook-Id") == "" {
		t.Errorf("unsigned: %v", h)
	}
	r := request(url)
	r.Secret = "whsec_b2xkb2xkb2xkb2xkb2xkb2xkb2xk " + testSecret
	c.Activity(t.Context(), r)
	h := <-headers
	for secret := range strings.FieldsSeq(r.Secret) {
		wh, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := wh.Verify(r.Body, h); err != nil {
			t.Errorf("signature by %s: %v", secret, err)
		}
	}
}

func TestSuccessfulAnswers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status  int
		body    string
		headers []string
		outcome Outcome
		value   string
	}{
		"200":                        {200, `{"id": "ch_1",  "n":1.0}`, nil, Completed, `{"id": "ch_1",  "n":1.0}`},
		"201":                        {201, `"x"`, nil, Completed, `"x"`},
		"203":                        {203, `[1]`, nil, Completed, `[1]`},
		"204":                        {204, ``, nil, Completed, `null`},
		"space around is cut":        {200, " \r\n\t[ 1 ]\n", nil, Completed, `[ 1 ]`},
		"content type is irrelevant": {200, `1`, []string{"Content-Type", "text/html"}, Completed, `1`},
		"202 is ordinary":            {202, `{}`, nil, Completed, `{}`},
		"202 async":                  {202, `whatever`, []string{"Stent-Async", "true"}, Accepted, ``},
		"200 is never async":         {200, `{}`, []string{"Stent-Async", "true"}, Completed, `{}`},
		"retryable says nothing":     {200, `{}`, []string{"Stent-Retryable", "true"}, Completed, `{}`},
		"depth 64":                   {200, strings.Repeat("[", 64) + strings.Repeat("]", 64), nil, Completed, strings.Repeat("[", 64) + strings.Repeat("]", 64)},
		"brackets in strings":        {200, `"` + strings.Repeat(`[\"`, 100) + `"`, nil, Completed, `"` + strings.Repeat(`[\"`, 100) + `"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := client(t).Activity(t.Context(), request(answering(t, tt.status, tt.body, tt.headers...)))
			if got.Outcome != tt.outcome || string(got.Value) != tt.value || got.StatusCode != tt.status || got.Error != nil {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestStatusDecidesWhetherAFailureIsRetried(t *testing.T) {
	t.Parallel()
	c := client(t)
	url := worker(t, func(w http.ResponseWriter, r *http.Request) {
		status, _ := strconv.Atoi(r.URL.Query().Get("status"))
		if v := r.URL.Query().Get("retryable"); v != "" {
			w.Header().Set("Stent-Retryable", v)
		}
		w.WriteHeader(status)
	})
	retried := map[int]bool{
		400: false, 405: false, 406: false, 413: false, 415: false, 422: false, 501: false, 410: false,
		401: true, 403: true, 404: true, 408: true, 409: true, 425: true, 500: true, 502: true, 504: true, 599: true,
		429: true, 503: true, 418: true, 206: true,
	}
	for status, retryable := range retried {
		q := url + "?status=" + strconv.Itoa(status)
		got := c.Activity(t.Context(), request(q))
		wantFailure(t, got, Failed, "http_"+strconv.Itoa(status), retryable)
		if got.DisableWorker != (status == 410) || got.StatusCode != status {
			t.Errorf("%d: got %+v", status, got)
		}
		for _, override := range []bool{true, false} {
			got := c.Activity(t.Context(), request(q+"&retryable="+strconv.FormatBool(override)))
			if got.Retryable != override || got.Outcome != Failed {
				t.Errorf("%d with Stent-Retryable: %v: got %+v", status, override, got)
			}
		}
	}
}

func TestRetryAfterThrottles(t *testing.T) {
	t.Parallel()
	c := client(t)
	for _, status := range []int{429, 503} {
		got := c.Activity(t.Context(), request(answering(t, status, "", "Retry-After", "7")))
		if got.Outcome != Throttled || got.RetryAfter != 7*time.Second || got.Retryable {
			t.Errorf("%d: got %+v", status, got)
		}
	}
	got := c.Activity(t.Context(), request(answering(t, 429, "", "Retry-After", "soon")))
	wantFailure(t, got, Failed, "http_429", true)
	got = c.Activity(t.Context(), request(answering(t, 429, "", "Retry-After", "7", "Stent-Retryable", "false")))
	wantFailure(t, got, Failed, "http_429", false)
}

func TestFailureSaysWhatTheWorkerAskedToWait(t *testing.T) {
	t.Parallel()
	c := client(t)
	for name, tt := range map[string]struct {
		status  int
		headers []string
		want    time.Duration
	}{
		"500":                   {500, []string{"Retry-After", "7"}, 7 * time.Second},
		"404":                   {404, []string{"Retry-After", "7"}, 7 * time.Second},
		"too short":             {500, []string{"Retry-After", "0"}, time.Second},
		"too long":              {500, []string{"Retry-After", "31536000"}, 24 * time.Hour},
		"not said":              {500, nil, 0},
		"not understood":        {500, []string{"Retry-After", "soon"}, 0},
		"final":                 {422, []string{"Retry-After", "7"}, 0},
		"final by its header":   {500, []string{"Retry-After", "7", "Stent-Retryable", "false"}, 0},
		"retried by its header": {422, []string{"Retry-After", "7", "Stent-Retryable", "true"}, 7 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := c.Activity(t.Context(), request(answering(t, tt.status, "", tt.headers...)))
			if got.Outcome != Failed || got.RetryAfter != tt.want {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestActivityIsToldOfADeadlineBeyondItsRequest(t *testing.T) {
	t.Parallel()
	told := make(chan string, 1)
	url := worker(t, func(w http.ResponseWriter, r *http.Request) {
		told <- r.Header.Get("Stent-Deadline")
		w.Header().Set("Stent-Async", "true")
		w.WriteHeader(http.StatusAccepted)
	})
	r := request(url)
	r.Deadline = time.Date(2126, 5, 1, 12, 0, 0, 0, time.UTC) // by which it may report
	if got := client(t).Activity(t.Context(), r); got.Outcome != Accepted {
		t.Fatalf("got %+v", got)
	}
	if got := <-told; got != "2126-05-01T12:00:00.000000Z" {
		t.Errorf("told %s", got)
	}
}

func TestRetryAfterIsSecondsOrADateAndClamped(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"0": time.Second, "1": time.Second, " 120 ": 2 * time.Minute, "86400": 24 * time.Hour, "86401": 24 * time.Hour,
		strings.Repeat("9", 400):           24 * time.Hour,
		"Thu, 01 Jan 2026 00:01:00 GMT":    time.Minute,
		"Wed, 31 Dec 2025 00:00:00 GMT":    time.Second,
		"Fri, 01 Jan 9999 00:00:00 GMT":    24 * time.Hour,
		"Thursday, 01-Jan-26 00:01:00 GMT": time.Minute,
	} {
		if got, ok := retryAfter(header, now); !ok || got != want {
			t.Errorf("%q: got %v, %v, want %v", header, got, ok, want)
		}
	}
	for _, header := range []string{"", "-1", "1.5", "soon", "1s"} {
		if got, ok := retryAfter(header, now); ok {
			t.Errorf("%q: got %v", header, got)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := worker(t, func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") })
	c := client(t)
	for _, status := range []int{301, 302, 303, 307, 308} {
		got := c.Activity(t.Context(), request(answering(t, status, "moved", "Location", elsewhere)))
		wantFailure(t, got, Failed, "redirect", true)
		wantText(t, got.Error.Message, elsewhere, strconv.Itoa(status))
	}
}

func TestUnusableResultsAreFailuresThatSaySo(t *testing.T) {
	t.Parallel()
	bomb := strings.Repeat(`[`, 100_000)
	for name, tt := range map[string]struct {
		body, errorType, text string
		retryable             bool
		headers               []string
	}{
		"HTML":              {"<html>\x1b[31mlogin", "invalid_json", `<html>\x1b[31mlogin`, true, []string{"Content-Type", "text/html"}},
		"empty":             {"", "invalid_json", "204", true, nil},
		"only space":        {" \n", "invalid_json", "204", true, nil},
		"two values":        {"1 2", "invalid_json", "not JSON", true, nil},
		"not UTF-8":         {"\"\xff\"", "invalid_json", "UTF-8", true, nil},
		"depth 65":          {strings.Repeat("[", 65) + strings.Repeat("]", 65), "json_too_deep", "64", false, nil},
		"depth bomb":        {bomb, "json_too_deep", "64", false, nil},
		"object bomb":       {strings.Repeat(`{"a":`, 100_000), "json_too_deep", "64", false, nil},
		"too large":         {`"` + strings.Repeat("x", DefaultMaxValueBytes) + `"`, "result_too_large", "1048576", false, nil},
		"too large, forced": {`"` + strings.Repeat("x", DefaultMaxValueBytes) + `"`, "result_too_large", "1048576", true, []string{"Stent-Retryable", "true"}},
		"compressed":        {"\x1f\x8b", "content_encoding", "gzip", true, []string{"Content-Encoding", "gzip"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := client(t).Activity(t.Context(), request(answering(t, 200, tt.body, tt.headers...)))
			wantFailure(t, got, Failed, tt.errorType, tt.retryable)
			wantText(t, got.Error.Message, tt.text)
		})
	}
}

func TestChunkedResultsAreBoundedToo(t *testing.T) {
	t.Parallel()
	url := worker(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		_, _ = io.WriteString(w, `"`)
		if r.URL.Path == "/endless" {
			for {
				if _, err := w.Write(bytes.Repeat([]byte("x"), 1<<16)); err != nil {
					return
				}
			}
		}
		_, _ = io.WriteString(w, `ok"`)
	})
	c := client(t)
	wantFailure(t, c.Activity(t.Context(), request(url+"/endless")), Failed, "result_too_large", false)
	if got := c.Activity(t.Context(), request(url)); string(got.Value) != `"ok"` {
		t.Errorf("got %+v", got)
	}
}
