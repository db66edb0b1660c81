package delivery

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/stent-dev/stent/internal/workflow"
)

func TestHeadersOfASuccessUpdateCountersAndState(t *testing.T) {
	t.Parallel()
	headers := []string{"Stent-Counters", ` {"processed": 1, "b": -9223372036854775808} `, "Stent-State", `{"phase":"d\u00f6ne","list": [1 ,{}],"none":null}`}
	for _, status := range []int{200, 201, 202, 204} {
		got := client(t).Activity(t.Context(), request(answering(t, status, map[bool]string{false: "1"}[status == 204], headers...)))
		state := map[string]string{}
		for key, value := range got.Context.State {
			state[key] = string(value)
		}
		if got.Outcome != Completed || !reflect.DeepEqual(got.Context.Counters, map[string]int64{"processed": 1, "b": -1 << 63}) ||
			!reflect.DeepEqual(state, map[string]string{"phase": `"d\u00f6ne"`, "list": "[1 ,{}]", "none": "null"}) {
			t.Errorf("%d: got %+v", status, got)
		}
	}
}

func TestAnswersThatAreNoSuccessUpdateNothing(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"failed": answering(t, 500, "", "Stent-Counters", `{"n":1}`), "async": answering(t, 202, "", "Stent-Async", "true", "Stent-Counters", `{"n":1}`),
		"none": answering(t, 200, "1"), "empty": answering(t, 200, "1", "Stent-Counters", `{}`),
	} {
		if got := client(t).Activity(t.Context(), request(url)); len(got.Context.Counters)+len(got.Context.State) > 0 {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestBadUpdateFailsTheAttempt(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ header, value, says string }{
		"no JSON":        {"Stent-Counters", `processed=1`, "Stent-Counters of the answer is not valid: it is not a JSON object"},
		"empty":          {"Stent-Counters", ``, "is not a JSON object"},
		"null":           {"Stent-State", `null`, "is not a JSON object"},
		"list":           {"Stent-State", `[1]`, "is not a JSON object"},
		"cut":            {"Stent-State", `{"a":1`, "is not a JSON object"},
		"cut in a value": {"Stent-State", `{"a":{"b`, "is not a JSON object"},
		"more":           {"Stent-State", `{} {}`, "something after"},
		"fraction":       {"Stent-Counters", `{"a":1.5}`, `adds 1.5 to "a"`},
		"text":           {"Stent-Counters", `{"a":"1"}`, "integer of 64 bits"},
		"null counter":   {"Stent-Counters", `{"a":null}`, "integer of 64 bits"},
		"too great":      {"Stent-Counters", `{"a":9223372036854775808}`, "integer of 64 bits"},
		"twice":          {"Stent-Counters", `{"a":1,"\u0061":1}`, `has "a" twice`},
		"no name":        {"Stent-State", `{"":1}`, "/state/: must not be empty"},
		"control":        {"Stent-State", `{"a\u0000":1}`, "control"},
		"not UTF-8":      {"Stent-State", "{\"a\":\"\xff\"}", "UTF-8"},
		"deep":           {"Stent-State", `{"a":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`, "deeper than 64"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := client(t).Activity(t.Context(), request(answering(t, 200, "1", tt.header, tt.value)))
			wantFailure(t, got, Failed, "invalid_response", true)
			wantText(t, got.Error.Message, tt.says)
			if !reflect.DeepEqual(got.Context, workflow.ContextUpdate{}) || got.StatusCode != http.StatusOK || got.Contact != ContactMade {
				t.Errorf("got %+v", got)
			}
		})
	}
	url := worker(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("Stent-Counters", `{"a":1}`)
		w.Header().Add("Stent-Counters", `{"b":1}`)
	})
	if got := client(t).Activity(t.Context(), request(url)); got.Outcome != Failed {
		t.Errorf("two lines: got %+v", got)
	}
}
