package durable_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stent-dev/stent/durable"
)

func TestCountersAndStateGoWithASuccessfulAnswer(t *testing.T) {
	t.Parallel()
	w := activity(t, func(ctx context.Context, in int) (int, error) {
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { durable.AddCounter(ctx, "processed", 2) })
		}
		wg.Wait()
		durable.AddCounter(ctx, "b", -1)
		return in, errors.Join(durable.SetState(ctx, "phase", "a"), durable.SetState(ctx, "phase", "é𝄞\x7f"), durable.SetState(ctx, "none", nil))
	})
	h := post(w, "work", []byte("1"), nil).Header()
	if got, want := h.Get("Stent-Counters"), `{"b":-1,"processed":20}`; got != want {
		t.Errorf("counters %s, want %s", got, want)
	}
	if got, want := h.Get("Stent-State"), `{"none":null,"phase":"\u00e9\ud834\udd1e\u007f"}`; got != want {
		t.Errorf("state %s, want %s", got, want)
	}
}

func TestFailedAttemptSendsNeitherCountersNorState(t *testing.T) {
	t.Parallel()
	for name, outcome := range map[string]error{"failed": errors.New("no"), "async": durable.Async} {
		w := activity(t, func(ctx context.Context, _ int) (int, error) {
			durable.TaskToken(ctx)
			durable.AddCounter(ctx, "n", 1)
			return 0, errors.Join(outcome, durable.SetState(ctx, "k", 1))
		})
		h := post(w, "work", []byte("1"), http.Header{"Stent-Task-Token": {"tok"}}).Header()
		if h.Get("Stent-Counters")+h.Get("Stent-State") != "" {
			t.Errorf("%s: %v", name, h)
		}
	}
}

func TestActivityThatSetsTooMuchFailsForGood(t *testing.T) {
	t.Parallel()
	w := activity(t, func(ctx context.Context, _ int) (int, error) {
		return 0, durable.SetState(ctx, "k", strings.Repeat("x", 40_000))
	})
	rec := post(w, "work", []byte("1"), nil)
	if rec.Code != 422 || rec.Header().Get("Stent-State") != "" || !strings.Contains(rec.Body.String(), "more than 32768 bytes") {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
}

func TestStateThatDoesNotEncodeIsAnError(t *testing.T) {
	t.Parallel()
	if err := durable.SetState(t.Context(), "k", func() {}); err == nil {
		t.Fatal("no error")
	}
	durable.AddCounter(t.Context(), "n", 1) // not in an activity: nothing happens
}

func TestAsynchronousCompletionCarriesWhatTheActivityRecorded(t *testing.T) {
	t.Parallel()
	c, asked := api(t, 200, "{}")
	var of context.Context
	w := activity(t, func(ctx context.Context, _ int) (int, error) {
		durable.TaskToken(ctx)
		durable.AddCounter(ctx, "n", 1)
		of = context.WithoutCancel(ctx)
		return 0, durable.Async
	})
	post(w, "work", []byte("1"), http.Header{"Stent-Task-Token": {"tok"}, "Stent-Task-Id": {"t"}})
	durable.AddCounter(of, "n", 1)
	for id, want := range map[string]string{
		"t":     `POST /v1/tasks/t/complete {"result":7,"counters":{"n":5}} [Stent-Task-Token: tok]`,
		"other": `POST /v1/tasks/other/complete {"result":7,"counters":{"n":3}} [Stent-Task-Token: tok]`,
	} {
		if err := c.Complete(of, id, "tok", 7, durable.AddingCounter("n", 3)); err != nil || asked() != want {
			t.Errorf("asked %s, %v\nwant  %s", asked(), err, want)
		}
	}
}
