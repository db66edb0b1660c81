package delivery

import (
	"net/http"
	"testing"
	"time"
)

func TestAny2xxOfACallbackIsASuccess(t *testing.T) {
	t.Parallel()
	for status, body := range map[int]string{200: "<html>", 201: "", 202: "", 204: "", 206: "x", 226: "{"} {
		got := client(t).Callback(t.Context(), request(answering(t, status, body, "Stent-Async", "true", "Stent-Counters", "no")))
		if got.Outcome != Completed || string(got.Value) != "null" || got.StatusCode != status || got.Error != nil {
			t.Errorf("%d: got %+v", status, got)
		}
	}
}

func TestOtherAnswersToACallbackAreClassifiedAsThoseOfActivities(t *testing.T) {
	t.Parallel()
	c := client(t)
	for status, retryable := range map[int]bool{500: true, 404: true, 302: true, 400: false, 410: false, 422: false} {
		got := c.Callback(t.Context(), request(answering(t, status, "")))
		if got.Outcome != Failed || got.Retryable != retryable || got.StatusCode != status {
			t.Errorf("%d: got %+v", status, got)
		}
	}
	if got := c.Callback(t.Context(), request(answering(t, 429, "", "Retry-After", "7"))); got.Outcome != Throttled || got.RetryAfter != 7*time.Second {
		t.Errorf("429: got %+v", got)
	}
	if got := c.Callback(t.Context(), request("http://127.0.0.1:1")); got.Outcome != Unreachable {
		t.Errorf("nobody there: got %+v", got)
	}
	if got := c.Callback(t.Context(), request("http://169.254.169.254/")); got.Outcome != Failed || got.Error.Type != "address_denied" {
		t.Errorf("metadata: got %+v", got)
	}
}

func TestCallbackSaysWhichEventItTells(t *testing.T) {
	t.Parallel()
	headers := make(chan http.Header, 1)
	r := request(worker(t, func(_ http.ResponseWriter, r *http.Request) { headers <- r.Header }))
	r.Event, r.Token = "execution.completed", ""
	client(t).Callback(t.Context(), r)
	h := <-headers
	if h.Get("Stent-Event") != "execution.completed" || h.Values("Stent-Task-Token") != nil || h.Get("Webhook-Id") != "callback-0190-t" {
		t.Errorf("%v", h)
	}
}

func TestSecretIsCheckedWithoutShowingIt(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"", testSecret, testSecret + " " + testSecret} {
		if err := CheckSecret(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"whsec_§§§", " ", "\n", testSecret + " whsec_§"} {
		if err := CheckSecret(bad); err == nil || err.Error() != "the signing secret is not base64 with the prefix whsec_" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
