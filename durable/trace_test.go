package durable_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stent-dev/stent/durable"
)

func TestActivityIsPartOfItsTraceAndSoAreItsRequestsToStent(t *testing.T) {
	t.Parallel()
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	var came []string
	stent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		came = append(came, r.Header.Get("traceparent"))
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{}`))
	}))
	t.Cleanup(stent.Close)
	client := durable.NewClient(stent.URL)
	w := activity(t, func(ctx context.Context, _ int) (int, error) {
		if got := durable.Info(ctx).TraceParent; got != parent {
			t.Errorf("the activity is told %q", got)
		}
		_, err := client.Dispatch(ctx, "next", nil)
		return 0, err
	})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader("1"))
	r.Header.Set("Stent-Function", "work")
	r.Header.Set("traceparent", parent)
	answer := httptest.NewRecorder()
	w.ServeHTTP(answer, r)
	if answer.Code != http.StatusOK {
		t.Fatalf("answered %d: %s", answer.Code, answer.Body)
	}
	if _, err := client.Dispatch(t.Context(), "another", nil); err != nil {
		t.Fatal(err)
	}
	if len(came) != 2 || came[0] != parent || came[1] != "" {
		t.Errorf("the requests brought %q", came)
	}
}
