package durable_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
)

func activity(t *testing.T, fn func(ctx context.Context, in int) (int, error), opts ...durable.WorkerOption) *durable.Worker {
	t.Helper()
	w := durable.NewWorker(append([]durable.WorkerOption{durable.Logger(discard)}, opts...)...)
	t.Cleanup(w.Close)
	durable.Activity(w, "work", fn)
	return w
}

func TestActivityErrorsBecomeAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		status int
		header string // "Retryable/Retry-After"
		body   string
	}{
		"plain":     {errors.New("no"), 500, "true/", `{"error":{"type":"error","message":"no"}}`},
		"typed":     {durable.Errorf("down", "db: %w", context.Canceled), 500, "true/", `{"error":{"type":"down","message":"db: context canceled"}}`},
		"terminal":  {fmt.Errorf("so: %w", durable.Terminal(durable.Errorf("bad_card", "no"))), 422, "false/", `{"error":{"type":"bad_card","message":"so: no"}}`},
		"retryable": {durable.Retryable(durable.Terminal(errors.New("no")), 90*time.Second), 500, "true/90", `{"error":{"type":"error","message":"no"}}`},
		"throttled": {durable.Throttled(1500 * time.Millisecond), 429, "/2", `{"error":{"type":"throttled","message":"try again in 1.5s"}}`},
		"now":       {durable.Throttled(0), 429, "/1", `{"error":{"type":"throttled","message":"try again in 0s"}}`},
		"too long":  {durable.Throttled(100 * time.Hour), 429, "/86400", `{"error":{"type":"throttled","message":"try again in 100h0m0s"}}`},
		"details":   {durable.WithDetails(errors.New("no"), map[string]int{"code": 3}), 500, "true/", `{"error":{"type":"error","message":"no","details":{"code":3}}}`},
		"bad details": {durable.WithDetails(errors.New("no"), func() {}), 500, "true/",
			`{"error":{"type":"error","message":"no","details":"details that do not encode: json: unsupported type: func()"}}`},
		"no token": {durable.Async, 422, "false/", `{"error":{"type":"error","message":"the activity returned Async, but took no TaskToken or was given none: nobody could report"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rec := post(activity(t, func(context.Context, int) (int, error) { return 0, c.err }), "work", []byte("1"), nil)
			header := rec.Header().Get("Stent-Retryable") + "/" + rec.Header().Get("Retry-After")
			if rec.Code != c.status || header != c.header || rec.Body.String() != c.body {
				t.Fatalf("%d %s %s", rec.Code, header, rec.Body)
			}
		})
	}
}

func TestActivityKnowsWhatItRunsFor(t *testing.T) {
	t.Parallel()
	deadline := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	w := activity(t, func(ctx context.Context, in int) (int, error) {
		want := durable.ActivityInfo{Function: "work", ExecutionID: "e", TaskID: "t", Attempt: 2, Deadline: deadline, IdempotencyKey: "t"}
		if got := durable.Info(ctx); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if d, ok := ctx.Deadline(); !ok || !d.Equal(deadline) {
			t.Errorf("the deadline is %v", d)
		}
		return in + 1, nil
	})
	rec := post(w, "work", []byte("1"), http.Header{
		"Stent-Execution-Id": {"e"}, "Stent-Task-Id": {"t"}, "Stent-Attempt": {"2"}, "Idempotency-Key": {"t"},
		"Stent-Deadline": {deadline.Format(time.RFC3339Nano)},
	})
	if rec.Code != http.StatusOK || rec.Body.String() != "2" || rec.Header().Get("Stent-Protocol") != "1" {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	if durable.Info(t.Context()) != (durable.ActivityInfo{}) || durable.TaskToken(t.Context()) != "" {
		t.Error("another context tells of a delivery")
	}
}

func TestAsynchronousActivityIsAccepted(t *testing.T) {
	t.Parallel()
	w := activity(t, func(ctx context.Context, _ int) (int, error) {
		if token := durable.TaskToken(ctx); token != "secret" {
			t.Errorf("the token is %q", token)
		}
		return 0, durable.Async
	})
	rec := post(w, "work", []byte("1"), http.Header{"Stent-Task-Token": {"secret"}})
	if rec.Code != http.StatusAccepted || rec.Header().Get("Stent-Async") != "true" {
		t.Fatalf("%d %v", rec.Code, rec.Header())
	}
}

func TestPanicIsARetryableFailureWithoutItsStack(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	w := activity(t, func(context.Context, int) (int, error) { panic("oh") }, durable.Logger(slog.New(slog.NewTextHandler(&log, nil))))
	rec := post(w, "work", []byte("1"), nil)
	if rec.Code != 500 || rec.Header().Get("Stent-Retryable") != "true" || rec.Body.String() != `{"error":{"type":"panic","message":"oh"}}` {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	if !strings.Contains(log.String(), "activity_test.go") {
		t.Fatal("the stack is not logged: " + log.String())
	}
}

func TestInputThatDoesNotFitFailsForGood(t *testing.T) {
	t.Parallel()
	w := activity(t, func(context.Context, int) (int, error) { return 1, nil })
	for _, body := range []string{`"text"`, `{`, `1 2`} {
		rec := post(w, "work", []byte(body), nil)
		if rec.Code != 422 || !strings.Contains(rec.Body.String(), `"type":"invalid_input"`) {
			t.Errorf("%s: %d %s", body, rec.Code, rec.Body)
		}
	}
	if rec := post(w, "work", nil, nil); rec.Code != 200 {
		t.Errorf("no input: %d %s", rec.Code, rec.Body)
	}
}

func TestResultThatDoesNotEncodeFailsForGood(t *testing.T) {
	t.Parallel()
	w := durable.NewWorker()
	durable.Activity(w, "work", func(context.Context, int) (func(), error) { return func() {}, nil })
	if rec := post(w, "work", []byte("1"), nil); rec.Code != 422 || !strings.Contains(rec.Body.String(), `"type":"invalid_output"`) {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
}
