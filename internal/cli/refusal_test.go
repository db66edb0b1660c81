package cli_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/cli"
)

// refuse is an answer that finds fault with fields of a request.
func refuse(pointers ...string) answer {
	refused := durable.APIError{Code: "invalid_request", Detail: "The request is not valid; errors names the fields."}
	for _, p := range pointers {
		refused.Fields = append(refused.Fields, durable.FieldError{Pointer: p, Detail: "is odd"})
	}
	body, _ := json.Marshal(refused)
	return answer{http.StatusBadRequest, string(body)}
}

// Who types a command does not know what becomes of it in REST.
func TestRefusedFieldsAreNamedAsTheyWereTyped(t *testing.T) {
	t.Parallel()
	for line, c := range map[string]struct {
		asked, pointer, says string
	}{
		"show x":                          {"GET /v1/executions/x", "/path/id", `EXECUTION "x" is odd`},
		"signal x y":                      {"POST /v1/executions/x/signals/y", "/path/name", `NAME "y" is odd`},
		"signal x y --input 1":            {"POST /v1/executions/x/signals/y", "", "--input is odd"},
		"signal x y --idempotency-key 1":  {"POST /v1/executions/x/signals/y", "/header/Idempotency-Key", "--idempotency-key is odd"},
		"queues pause q":                  {"POST /v1/queues/q/pause", "/path/name", `QUEUE "q" is odd`},
		"tasks list --execution x":        {"GET /v1/executions/x/tasks", "/path/id", "--execution is odd"},
		"list --state x":                  {"GET /v1/executions", "/query/state/0", "--state is odd"},
		"list --created-after 1h":         {"GET /v1/executions", "/query/created_after", "--created-after is odd"},
		"restart --tag x --force":         {"POST /v1/executions/restart", "/filter/state", "--state is odd"},
		"dispatch f --tag x":              {"POST /v1/executions", "/tags/0", "--tag is odd"},
		"dispatch f --callback-url x":     {"POST /v1/executions", "/callback_url", "--callback-url is odd"},
		"dispatch f":                      {"POST /v1/executions", "/function", `FUNCTION "f" is odd`},
		"worker register x":               {"POST /v1/workers", "/url", `URL "x" is odd`},
		"stats":                           {"GET /v1/stats", "/query/new", "/query/new is odd"},
		"restart x --from-step s --force": {"POST /v1/executions/x/restart", "/from_step", "--from-step is odd"},
	} {
		_, term := serve(t, map[string]answer{c.asked: refuse(c.pointer)})
		if exit := term.run(t.Context(), strings.Fields(line)...); exit != cli.ExitUsage || term.err.String() != "stent: "+c.says+"\n" {
			t.Errorf("%s: exit %d: %s", line, exit, &term.err)
		}
	}
	_, term := serve(t, map[string]answer{"POST /v1/executions": refuse("/delay", "/queue")})
	if term.run(t.Context(), "dispatch", "f"); term.err.String() != "stent: the service refuses this:\n  --delay is odd\n  --queue is odd\n" {
		t.Errorf("of several: %s", &term.err)
	}
}

// Of several arguments, each refusal says which one it is about.
func TestRefusedArgumentIsNamed(t *testing.T) {
	t.Parallel()
	_, term := serve(t, map[string]answer{"POST /v1/executions/x/pause": refuse("/path/id"), "POST /v1/executions/y/pause": refuse("/path/id")})
	exit := term.run(t.Context(), "pause", "x", "y")
	if want := "stent: EXECUTION \"y\" is odd\nstent: EXECUTION \"x\" is odd\n"; exit != cli.ExitUsage || term.err.String() != want {
		t.Errorf("exit %d: %s", exit, &term.err)
	}
}

func TestUnknownKeyIsToldFromNone(t *testing.T) {
	t.Parallel()
	_, term := serve(t, map[string]answer{"GET /v1/executions": problem(401, "unauthorized")})
	exit := term.run(t.Context(), "list", "--api-key", "k")
	if !strings.HasPrefix(term.err.String(), "stent: the service does not know this API key (unauthorized)\n") || exit != cli.ExitForbidden {
		t.Errorf("exit %d: %s", exit, &term.err)
	}
}

// A service answers the same for what it does not know and for a path that it does not have.
func TestURLWithoutAnAPIIsToldFromAnUnknownID(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path string // of the URL
		api  string // where the API is
		want cli.Exit
		says string
	}{
		"as it should be":   {"", "", cli.ExitNotFound, "(not_found)"},
		"behind a path":     {"/stent", "/stent", cli.ExitNotFound, "(not_found)"},
		"its version":       {"/v1/", "", cli.ExitUnreachable, "stent: there is no API of Stent at URL/v1\nGive the URL without /v1: URL\n"},
		"somewhere else":    {"/api", "", cli.ExitUnreachable, "stent: there is no API of Stent at URL/api\nSTENT_URL or --url says where Stent is.\n"},
		"of another server": {"/stent/v1", "/stent", cli.ExitUnreachable, "Give the URL without /v1: URL/stent\n"},
	} {
		for _, line := range []string{"show x", "list --function f", "cancel --force x y", "watch x"} {
			answers := map[string]answer{"GET " + c.api + "/v1/functions": {200, page[durable.FunctionInfo]("")}}
			if line == "list --function f" && c.want == cli.ExitNotFound {
				continue // a list is there, if there is an API
			}
			_, term := serve(t, answers)
			url := term.env["STENT_URL"]
			exit := term.run(t.Context(), append(strings.Fields(line), "--url", url+c.path)...)
			if told := strings.ReplaceAll(term.err.String(), url, "URL"); exit != c.want || !strings.Contains(told, c.says) {
				t.Errorf("%s, %s: exit %d: %s", name, line, exit, told)
			}
		}
	}
}
