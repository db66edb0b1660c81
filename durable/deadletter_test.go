package durable_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
)

func TestClientAsksAboutDeadLettersAsTheProtocolSays(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.FixedZone("", 3600))
	for name, c := range map[string]struct {
		call func(context.Context, *durable.Client) error
		want string
	}{
		"show": {func(ctx context.Context, c *durable.Client) error { _, err := c.DeadLetter(ctx, "a/b"); return err }, `GET /v1/dead-letters/a%2Fb`},
		"replay": {func(ctx context.Context, c *durable.Client) error { return c.Replay(ctx, "t", durable.ReplayOptions{}) },
			`POST /v1/dead-letters/t/replay {"reset_retries":true}`},
		"replay elsewhere": {func(ctx context.Context, c *durable.Client) error {
			return c.Replay(ctx, "t", durable.ReplayOptions{Queue: "eu", KeepRetries: true})
		}, `POST /v1/dead-letters/t/replay {"queue":"eu","reset_retries":false}`},
		"replay all": {func(ctx context.Context, c *durable.Client) error {
			_, err := c.ReplayAll(ctx, durable.BulkReplay{})
			return err
		},
			`POST /v1/dead-letters/replay {"reset_retries":true}`},
		"replay some": {func(ctx context.Context, c *durable.Client) error {
			_, err := c.ReplayAll(ctx, durable.BulkReplay{Function: "f", Queue: "q", FailedAfter: at, Limit: 7, KeepRetries: true})
			return err
		}, `POST /v1/dead-letters/replay {"failed_after":"2026-01-02T02:04:05.6Z","function":"f","limit":7,"queue":"q","reset_retries":false}`},
		"how many": {func(ctx context.Context, c *durable.Client) error {
			_, err := c.ReplayAll(ctx, durable.BulkReplay{DryRun: true})
			return err
		}, `POST /v1/dead-letters/replay {"dry_run":true,"reset_retries":true}`},
		"discard": {func(ctx context.Context, c *durable.Client) error { return c.Discard(ctx, "t") }, `DELETE /v1/dead-letters/t`},
		"restart": {func(ctx context.Context, c *durable.Client) error { return c.Restart(ctx, "e") }, `POST /v1/executions/e/restart`},
		"restart from a step": {func(ctx context.Context, c *durable.Client) error { return c.RestartFrom(ctx, "e", "ship#0") },
			`POST /v1/executions/e/restart {"from_step":"ship#0"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, asked := api(t, 200, "{}")
			if err := c.call(t.Context(), client); err != nil || asked() != c.want {
				t.Fatalf("asked %s, %v\nwant  %s", asked(), err, c.want)
			}
		})
	}
}

func TestDeadLettersAreReadPageByPage(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var asked []string
	srv := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, req *http.Request) {
		asked = append(asked, req.RequestURI)
		next := `"c"`
		switch len(asked) {
		case 2:
			next = "null"
		case 3:
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = fmt.Fprintf(rw, `{"items":[{"task_id":"t%d","error":{"type":"x","message":"m"},"attempt":3}],"next_cursor":%s}`, len(asked), next)
	}))
	t.Cleanup(srv.Close)
	client := durable.NewClient(srv.URL, durable.HTTPClient(srv.Client()))
	got := ""
	f := durable.DeadLetterFilter{Functions: []string{"f", "g"}, Queues: []string{"q"}, Kinds: []durable.Kind{durable.KindActivity}, FailedBefore: at}
	for d, err := range client.DeadLetters(t.Context(), f) {
		if err != nil {
			t.Fatal(err)
		}
		got += fmt.Sprintf("%s %v %d;", d.TaskID, d.Error, d.Attempt)
	}
	query := "/v1/dead-letters?%sfailed_before=2026-01-02T03%%3A04%%3A05Z&function=f&function=g&kind=activity&queue=q"
	if got != "t1 x: m 3;t2 x: m 3;" || asked[0] != fmt.Sprintf(query, "") || asked[1] != fmt.Sprintf(query, "cursor=c&") {
		t.Fatalf("got %s by asking %q", got, asked)
	}
	for _, err := range client.DeadLetters(t.Context(), f) {
		if err == nil {
			t.Error("a refusal is no error")
		}
	}
	for _, err := range client.DeadLetters(t.Context(), f) {
		if err != nil {
			t.Error(err)
		}
		break // asks no more than it has to
	}
	if len(asked) != 4 {
		t.Errorf("asked %d times", len(asked))
	}
}
