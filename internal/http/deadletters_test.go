package http

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/workflow"
)

const letterPath = "/v1/dead-letters/00010000-0000-0000-0000-000000000002"

func TestDeadLettersAreFilteredAndGoOnFromTheirCursor(t *testing.T) {
	t.Parallel()
	f := &fake{}
	c := setup(t, Options{Engine: f})
	var list struct {
		Items []map[string]json.RawMessage
		Next  string `json:"next_cursor"`
	}
	path := "/v1/dead-letters?limit=2&function=a&function=b&queue=q&kind=orchestrator&failed_before=2026-01-01T00:00:00Z"
	if err := json.Unmarshal(c.call(t, http.MethodGet, path, "").want(t, 200).body, &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != 2 || list.Items[0]["input"] != nil || string(list.Items[0]["attempt"]) != "3" {
		t.Errorf("got %v", list.Items)
	}
	c.call(t, http.MethodGet, path+"&cursor="+list.Next, "").want(t, 200)
	got := f.filters[1].(engine.DeadLetterFilter)
	until := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	want := engine.DeadLetterFilter{
		Limit: 3, Before: engine.DeadLetterRef{FailedAt: noon.UTC().Truncate(time.Microsecond), Task: aTask}, Functions: []string{"a", "b"},
		Queues: []string{"q"}, Kinds: []workflow.Kind{workflow.KindOrchestrator}, FailedBefore: &until,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("asked for %+v, want %+v", got, want)
	}
	for _, cursor := range []string{"AA", strings.Repeat("A", 32), strings.Repeat("z", 32), "!"} {
		c.call(t, http.MethodGet, "/v1/dead-letters?cursor="+cursor, "").want(t, 400)
	}
}

func TestDeadLetterShowsInputAndAttempts(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{Engine: &fake{}})
	got := c.call(t, http.MethodGet, letterPath, "").want(t, 200).fields(t)
	for field, want := range map[string]string{
		"input": `{"b" : 1.0}`, "step_key": `"charge#0"`, "kind": `"activity"`, "failed_at": `"2026-01-02T11:00:00.123456Z"`,
	} {
		if string(got[field]) != want {
			t.Errorf("%s is %s", field, got[field])
		}
	}
	var attempts []struct{ Number int }
	if err := json.Unmarshal(got["attempts"], &attempts); err != nil || len(attempts) != 2 || attempts[0].Number != 1 {
		t.Errorf("the attempts are %s", got["attempts"])
	}
}

func TestReplaysAndRestartsReachTheEngineWithTheirDefaults(t *testing.T) {
	t.Parallel()
	f := &fake{}
	c := setup(t, Options{Engine: f})
	c.call(t, http.MethodPost, letterPath+"/replay", "").want(t, 200)
	c.call(t, http.MethodPost, letterPath+"/replay", `{"queue":null}`).want(t, 200)
	c.call(t, http.MethodPost, letterPath+"/replay", `{"queue":"eu","reset_retries":false}`).want(t, 200)
	got := string(c.call(t, http.MethodPost, "/v1/dead-letters/replay", "").want(t, 200).body)
	if strings.TrimSpace(got) != `{"matched":3,"more":true,"refused":1,"replayed":2}` {
		t.Errorf("answered %s", got)
	}
	c.call(t, http.MethodPost, "/v1/dead-letters/replay", `{"function":"f","queue":"q","limit":7,"reset_retries":false,"failed_after":null}`).want(t, 200)
	c.call(t, http.MethodPost, "/v1/dead-letters/replay", `{"dry_run":true}`).want(t, 200)
	c.call(t, http.MethodPost, executionPath+"/restart", `{"from_step":null}`).want(t, 200)
	c.call(t, http.MethodPost, executionPath+"/restart", `{"from_step":"a#0"}`).want(t, 200)
	want := []any{
		engine.ReplayRequest{ResetRetries: true}, engine.ReplayRequest{ResetRetries: true}, engine.ReplayRequest{Queue: "eu"},
		engine.BulkReplay{Limit: 1000, ResetRetries: true},
		engine.BulkReplay{Limit: 7, Filter: engine.DeadLetterFilter{Functions: []string{"f"}, Queues: []string{"q"}}},
		engine.BulkReplay{Limit: 1000, ResetRetries: true, DryRun: true},
		"", "a#0",
	}
	if !reflect.DeepEqual(f.asked, want) {
		t.Errorf("asked for %+v", f.asked)
	}
	for path, body := range map[string]string{
		letterPath + "/replay": `{"queue":""}`, "/v1/dead-letters/replay": `{"limit":0}`, executionPath + "/restart": `{"from_step":1}`,
	} {
		c.call(t, http.MethodPost, path, body).want(t, 400)
	}
}

func TestRefusedReplaysSayWhy(t *testing.T) {
	t.Parallel()
	f := &fake{err: &workflow.ConflictError{Reason: "The execution has completed."}}
	c := setup(t, Options{Engine: f})
	p := c.call(t, http.MethodPost, letterPath+"/replay", "").want(t, 409).problem(t)
	if p.Code != "conflict" || p.Detail != "The execution has completed." {
		t.Errorf("got %+v", p)
	}
	f.err = workflow.ErrNotFound
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		p := c.call(t, method, letterPath, "").want(t, 404).problem(t)
		if p.Detail != "There is no dead letter of the task 00010000-0000-0000-0000-000000000002." {
			t.Errorf("got %+v", p)
		}
	}
	f.err = workflow.ErrNoSuchStep
	p = c.call(t, http.MethodPost, executionPath+"/restart", `{"from_step":"x"}`).want(t, 422).problem(t)
	if p.Errors == nil || (*p.Errors)[0].Pointer != "/from_step" {
		t.Errorf("got %+v", p)
	}
}
