package http

import (
	"net/http"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/engine"
)

func TestCleanupDeletesWhatItIsTold(t *testing.T) {
	t.Parallel()
	f := &fake{}
	c := setup(t, Options{Engine: f})
	const day = 24 * time.Hour
	for body, want := range map[string]engine.Cleanup{
		`{"older_than":"30d"}`:                                    {OlderThan: 30 * day, Executions: true, DeadLetters: true},
		`{"older_than":"1.5h","executions":false}`:                {OlderThan: 90 * time.Minute, DeadLetters: true},
		`{"older_than":"0s","dead_letters":false,"dry_run":true}`: {Executions: true, DryRun: true},
	} {
		got := c.call(t, http.MethodPost, "/v1/cleanup", body).want(t, 200)
		if text := string(got.body); text != `{"dead_letters":1,"executions":5,"more":true}`+"\n" {
			t.Errorf("answered %s", text)
		}
		if asked := f.asked[len(f.asked)-1]; asked != want {
			t.Errorf("%s asked for %+v", body, asked)
		}
	}
	asked := len(f.asked)
	for _, body := range []string{``, `{}`, `{"older_than":null}`, `{"older_than":"-1s"}`, `{"older_than":"long"}`, `{"older_than":"99999d"}`, `{"older_than":"1d","tasks":true}`} {
		if got := c.call(t, http.MethodPost, "/v1/cleanup", body); got.status != http.StatusBadRequest && got.status != http.StatusUnprocessableEntity {
			t.Errorf("%s answered %d", body, got.status)
		}
	}
	if len(f.asked) > asked {
		t.Errorf("asked for %v", f.asked[asked:])
	}
}
