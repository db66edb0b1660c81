package http

import (
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/workflow"
)

func TestBulkActionsActOnWhatTheirFilterSelects(t *testing.T) {
	t.Parallel()
	f := &fake{}
	c := setup(t, Options{Engine: f})
	for _, test := range []struct {
		path, body string
		want       engine.Bulk
	}{
		{"cancel", `{"filter":{"function":["f","g"],"state":["running"]}}`, engine.Bulk{
			Action: engine.BulkCancel, Limit: 1000,
			Filter: engine.ExecutionFilter{Functions: []string{"f", "g"}, States: []workflow.ExecutionState{workflow.ExecutionRunning}},
		}},
		{"cancel", `{"filter":{"tag":["t"]},"mode":"force"}`, engine.Bulk{
			Action: engine.BulkCancel, Limit: 1000, Force: true, Filter: engine.ExecutionFilter{Tags: []string{"t"}},
		}},
		{"pause", `{"filter":{"queue":["q"]},"dry_run":true,"limit":7}`, engine.Bulk{
			Action: engine.BulkPause, Limit: 7, DryRun: true, Filter: engine.ExecutionFilter{Queues: []string{"q"}},
		}},
		{"resume", `{"filter":{"created_before":"2026-01-02T03:04:05.5Z"}}`, engine.Bulk{
			Action: engine.BulkResume, Limit: 1000,
			Filter: engine.ExecutionFilter{CreatedBefore: new(time.Date(2026, 1, 2, 3, 4, 5, 500_000_000, time.UTC))},
		}},
		{"restart", `{"filter":{"state":["failed"]}}`, engine.Bulk{
			Action: engine.BulkRestart, Limit: 1000, Filter: engine.ExecutionFilter{States: []workflow.ExecutionState{workflow.ExecutionFailed}},
		}},
	} {
		got := c.call(t, http.MethodPost, "/v1/executions/"+test.path, test.body).want(t, 200)
		if body := string(got.body); body != `{"affected":2,"matched":3,"more":true}`+"\n" {
			t.Errorf("%s answered %s", test.path, body)
		}
		if asked := f.asked[len(f.asked)-1]; !reflect.DeepEqual(asked, test.want) {
			t.Errorf("%s %s asked for %+v", test.path, test.body, asked)
		}
	}
}

func TestBulkActionsWithoutAFilterAreRefused(t *testing.T) {
	t.Parallel()
	f := &fake{}
	c := setup(t, Options{Engine: f})
	for _, body := range []string{``, `{}`, `{"filter":{}}`, `{"filter":null}`, `{"filter":{"state":[]}}`, `{"filter":{"stat":["failed"]}}`, `{"filter":{"tag":["t"]},"limit":0}`} {
		for _, action := range []string{"cancel", "pause", "resume", "restart"} {
			if got := c.call(t, http.MethodPost, "/v1/executions/"+action, body); got.status != 400 && got.status != 422 {
				t.Errorf("%s %s answered %d", action, body, got.status)
			}
		}
	}
	c.call(t, http.MethodPost, "/v1/executions/restart", `{"filter":{"function":["f"]}}`).want(t, 422)
	if len(f.asked) > 0 {
		t.Errorf("asked for %v", f.asked)
	}
}
