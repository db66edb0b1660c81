package cli_test

import (
	"context"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/cli"
)

func problem(status int, code string) answer {
	return answer{status, `{"type":"x","title":"T","status":0,"detail":"What is wrong.","code":"` + code + `","errors":[{"pointer":"/a","detail":"is b"}]}`}
}

func TestRefusalsHaveTheirExitCodes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer answer
		want   cli.Exit
		says   string
	}{
		"invalid":        {problem(400, "invalid_request"), cli.ExitUsage, "stent: /a is b\n"},
		"invalid itself": {answer{400, `{"code":"invalid_request","detail":"What is wrong."}`}, cli.ExitUsage, "stent: What is wrong. (invalid_request)\n"},
		"too large":      {problem(413, "payload_too_large"), cli.ExitUsage, "stent: /a is b\n"},
		"unauthorized":   {problem(401, "unauthorized"), cli.ExitForbidden, "stent: the service needs an API key (unauthorized)\nGive one of the service's STENT_API_KEYS with --api-key or STENT_API_KEY.\n"},
		"not found":      {problem(404, "not_found"), cli.ExitNotFound, "not_found"},
		"ended":          {problem(409, "already_terminal"), cli.ExitRefused, "stent: What is wrong. (already_terminal)\n  /a is b\n"},
		"not registered": {problem(422, "function_not_registered"), cli.ExitRefused, "`stent functions`"},
		"full":           {problem(429, "mailbox_full"), cli.ExitRefused, "mailbox_full"},
		"internal":       {problem(500, "internal"), cli.ExitUnreachable, "internal"},
		"unavailable":    {problem(503, "unavailable"), cli.ExitUnreachable, "unavailable"},
		"a proxy":        {answer{502, "<html>"}, cli.ExitUnreachable, "answered 502: the answer is not of Stent"},
		"another server": {answer{200, "<html>"}, cli.ExitUnreachable, "does not answer as Stent does"},
		"another API":    {answer{200, `{"hello":1}`}, cli.ExitUnreachable, "does not answer as Stent does"},
		"a list":         {answer{200, `[1]`}, cli.ExitUnreachable, "does not answer as Stent does"},
		"one that steers": {
			answer{400, `{"code":"invalid_request","detail":"\u001b]0;owned\u0007","errors":[{"pointer":"/a","detail":"\u009b31m\nb"}]}`},
			cli.ExitUsage, "stent: /a  31m b\n",
		},
		"one that steers as a whole": {
			answer{400, `{"code":"invalid_request","detail":"\u001b]0;owned\u0007"}`}, cli.ExitUsage, "stent:  ]0;owned  (invalid_request)\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, term := serve(t, map[string]answer{"GET /v1/executions/x": c.answer})
			if exit := term.run(t.Context(), "show", "x"); exit != c.want || !strings.Contains(term.err.String(), c.says) || term.out.Len() > 0 {
				t.Errorf("exit %d, want %d: %s", exit, c.want, &term.err)
			}
		})
	}
}

// An answer that has nothing of a list in it is not an empty one.
func TestAnswerThatIsNoListIsNotOfStent(t *testing.T) {
	t.Parallel()
	for line, path := range map[string]string{"list": "executions", "functions": "functions", "workers": "workers", "queues": "queues", "dlq list": "dead-letters"} {
		_, term := serve(t, map[string]answer{"GET /v1/" + path: {200, `{"hello":1}`}})
		exit := term.run(t.Context(), strings.Fields(line)...)
		if exit != cli.ExitUnreachable || !strings.Contains(term.err.String(), "does not answer as Stent does") {
			t.Errorf("%s: exit %d: %s", line, exit, &term.err)
		}
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) {
	return 0, &fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}
}

// What cannot be written is no fault of the service's, and told whoever wrote.
func TestOutputThatCannotBeWrittenIsAFailure(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"list", "list --output json", "show " + executionID, "watch " + executionID, "watch " + executionID + " --output json", "watch", "watch --output json", "--help", "version",
	} {
		_, term := serve(t, everything())
		term.Out = full{}
		exit := term.run(t.Context(), strings.Fields(line)...)
		if want := "stent: writing the output: write /dev/stdout: no space left on device\n"; exit != cli.ExitFailed || term.err.String() != want {
			t.Errorf("%s: exit %d: %s", line, exit, &term.err)
		}
	}
}

func TestServiceThatCannotBeReachedIsExplained(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, command := range []string{"list", "watch x"} {
		term := newTerminal(map[string]string{"STENT_URL": gone.URL})
		exit := term.run(t.Context(), strings.Fields(command)...)
		for _, part := range []string{"cannot reach Stent at " + gone.URL, "connection refused", "stent dev", "STENT_URL"} {
			if exit != cli.ExitUnreachable || !strings.Contains(term.err.String(), part) {
				t.Errorf("%s: exit %d, no %q in: %s", command, exit, part, &term.err)
			}
		}
	}
}

func TestCommandLinesThatAreWrong(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"lst", "tasks lst", "list --bogus", "list extra", "show", "list --output xml", "version --output xml", "version extra", "cleanup --older-than 1d --executions=false --dead-letters=false --force", "pause x --dry-run", "cancel x --limit 1 --force", "completion ksh", "help lst", "help tasks lst", "list --url nowhere", "list --created-after yesterday",
		"dispatch f --delay soon", "dispatch f --delay 1x", "dispatch f --timeout 1s", "dispatch f --input {", "dispatch f --input @/no/such/file", "dispatch f --input -",
		"dispatch f --max-duration 0s", "dispatch f --max-duration 0.5ms", "dispatch f --max-duration 3661d", "dispatch f --delay 367d", "dispatch f --wait --timeout 0s",
		"dispatch f --timeout 0s", "cleanup --older-than 36601d --force", "cancel --state running --created-before 0001-01-01 --force",
		"list --limit 0", "list --limit 501", "cancel --state running --limit 0 --force", "cancel --state running --limit 10001 --force",
		"dlq replay-all --function= --force", "cancel --function order --state= --force", "cancel --tag= --force", "restart x --from-step= --force",
		"dispatch f --idempotency-key=", "tasks list --execution=",
		"list --url=", "list --api-key=", "list --cursor=", "cancel x --mode= --force", "worker register x --secret=",
		"cancel", "cancel x --state running", "restart --state failed --from-step a#0 --force", "watch x --state running", "cleanup",
	} {
		service, term := serve(t, everything())
		exit := term.run(t.Context(), strings.Fields(line)...)
		if exit != cli.ExitUsage || !strings.HasPrefix(term.err.String(), "stent: ") || term.out.Len() > 0 || len(service.asked) > 0 {
			t.Errorf("%s: exit %d after %q: %s", line, exit, service.asked, &term.err)
		}
	}
}

// An empty argument is what becomes of a variable that is not set. Of the paths of
// REST it would make others.
func TestEmptyArgumentsAreRefused(t *testing.T) {
	t.Parallel()
	for line, name := range map[string]string{
		"show ?": "EXECUTION", "why ?": "EXECUTION", "watch ?": "EXECUTION", "cancel --force x ?": "EXECUTION", "signal ? approval": "EXECUTION", "signal x ?": "NAME",
		"tasks show ?": "TASK", "dlq show ?": "TASK", "dlq replay ?": "TASK", "dlq discard --force ?": "TASK", "dispatch ?": "FUNCTION", "queues pause ?": "QUEUE",
		"worker register ?": "URL",
	} {
		service, term := serve(t, everything())
		args := strings.Fields(line)
		args[slices.Index(args, "?")] = ""
		exit := term.run(t.Context(), args...)
		if want := "stent: " + name + " is empty\n"; exit != cli.ExitUsage || term.err.String() != want || len(service.asked) > 0 {
			t.Errorf("%s: exit %d after %q: %s", line, exit, service.asked, &term.err)
		}
	}
}

// The key itself must not be shown.
func TestKeyThatCannotBeSentIsRefused(t *testing.T) {
	t.Parallel()
	for key, says := range map[string]string{"secret\n": "a line break", "a\r\nb": "a line break", "a\x00b": "a control character", "a\x7f": "a control character"} {
		service, term := serve(t, everything())
		term.env["STENT_API_KEY"] = key
		exit := term.run(t.Context(), "list")
		if want := "stent: the API key holds " + says + ", which cannot be sent: see --api-key and STENT_API_KEY\n"; exit != cli.ExitUsage || term.err.String() != want || len(service.asked) > 0 {
			t.Errorf("%q: exit %d: %s", key, exit, &term.err)
		}
	}
}

// What the service would refuse is refused in its words, and nothing is taken for
// nothing said.
func TestDurationsAreSentOrRefused(t *testing.T) {
	t.Parallel()
	service, term := serve(t, map[string]answer{"POST /v1/executions": {201, durable.Execution{ID: executionID, State: durable.StatePending}}})
	if exit := term.run(t.Context(), "dispatch", "f", "--delay", "0s", "--max-duration", "3660d"); exit != cli.ExitOK ||
		!slices.Equal(service.asked, []string{`POST /v1/executions {"function":"f","input":null,"delay":"0s","max_duration":"3660d"}`}) {
		t.Errorf("exit %d after %q: %s", exit, service.asked, &term.err)
	}
	exit := term.run(t.Context(), "dispatch", "f", "--max-duration", "0s")
	if want := `"--max-duration" flag: must be between 1ms and 3660d`; exit != cli.ExitUsage || !strings.Contains(term.err.String(), want) {
		t.Errorf("exit %d: %s", exit, &term.err)
	}
}

func TestDispatchSendsWhatItIsTold(t *testing.T) {
	t.Parallel()
	service, term := serve(t, map[string]answer{"POST /v1/executions": {201, durable.Execution{ID: executionID, State: durable.StatePending}}})
	file := filepath.Join(t.TempDir(), "input.json")
	if err := os.WriteFile(file, []byte("{\"id\": 1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, input := range []string{`{"id": 1}`, "@" + file, "-"} {
		term.In = strings.NewReader(" {\"id\": 1}\n")
		if exit := term.run(t.Context(), "dispatch", "order", "--input", input, "--tag", "a", "--tag", "b,c", "--delay", "1d2h", "--max-duration", "90s",
			"--priority", "0", "--queue", "eu", "--idempotency-key", "k", "--callback-url", "http://x"); exit != cli.ExitOK {
			t.Fatalf("exit %d: %s", exit, &term.err)
		}
	}
	want := `POST /v1/executions {"function":"order","input":{"id":1},"delay":"1d2h","max_duration":"1m30s","tags":["a","b,c"],"priority":0,"queue":"eu","callback_url":"http://x"}`
	for _, asked := range service.asked {
		if asked != want {
			t.Errorf("asked %s\nwant  %s", asked, want)
		}
	}
	if term.out.String() != strings.Repeat(executionID+"\n", 3) {
		t.Errorf("wrote %s", &term.out)
	}
}

func TestDispatchThatWaitsTellsHowItEnded(t *testing.T) {
	t.Parallel()
	execution := func(state durable.State) durable.Execution {
		e := durable.Execution{ID: executionID, State: state, CreatedAt: now, CompletedAt: &now, Result: []byte(`{"a": [1, 2]}`)}
		if state != durable.StateCompleted {
			e.Error, e.Result = &durable.ExecutionError{Type: "bad", Message: "no"}, nil
		}
		return e
	}
	for name, c := range map[string]struct {
		first, last durable.State
		args        string
		want        cli.Exit
		out, err    string
	}{
		"at once":   {durable.StateCompleted, "", "--wait", cli.ExitOK, `{"a":[1,2]}` + "\n", "completed"},
		"later":     {durable.StateRunning, durable.StateCompleted, "--wait", cli.ExitOK, `{"a":[1,2]}` + "\n", "is under way"},
		"failed":    {durable.StateRunning, durable.StateFailed, "--wait", cli.ExitFailed, "", executionID + " failed: bad: no"},
		"timed out": {durable.StateTimedOut, "", "--wait", cli.ExitFailed, "", "timed_out"},
		"too late":  {durable.StateRunning, durable.StateRunning, "--wait --timeout 1500ms", cli.ExitNotEnded, "", "has not ended after 1.5s; it goes on"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, term := serve(t, map[string]answer{
				"POST /v1/executions": {201, execution(c.first)}, "GET /v1/executions/" + executionID: {200, execution(c.last)},
			})
			exit := term.run(t.Context(), append([]string{"dispatch", "order"}, strings.Fields(c.args)...)...)
			if exit != c.want || term.out.String() != c.out || !strings.Contains(term.err.String(), c.err) {
				t.Errorf("exit %d, want %d: %s%s", exit, c.want, &term.out, &term.err)
			}
		})
	}
}

// A restart of the service is none of the execution's, nor of who waits for it.
func TestDispatchGoesOnWaitingForAServiceThatIsRestarted(t *testing.T) {
	t.Parallel()
	asked := 0
	_, term := serve(t, map[string]answer{
		"POST /v1/executions": {201, durable.Execution{ID: executionID, State: durable.StateRunning}},
		"GET /v1/executions/" + executionID: {200, func(w http.ResponseWriter, _ *http.Request) {
			if asked++; asked == 1 {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			writeJSON(w, durable.Execution{ID: executionID, State: durable.StateCompleted, CompletedAt: &now, Result: []byte("7")})
		}},
	})
	if exit := term.run(t.Context(), "dispatch", "order", "--wait"); exit != cli.ExitOK || term.out.String() != "7\n" || !strings.Contains(term.err.String(), "trying again") {
		t.Errorf("exit %d: %s%s", exit, &term.out, &term.err)
	}
}

func TestInterruptionHasItsExitCode(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	_, term := serve(t, map[string]answer{
		"POST /v1/executions": {201, durable.Execution{ID: executionID, State: durable.StateRunning}},
		"GET /v1/executions/" + executionID: {200, func(_ http.ResponseWriter, r *http.Request) {
			interrupt()
			<-r.Context().Done()
		}},
	})
	if exit := term.run(ctx, "dispatch", "order", "--wait"); exit != cli.ExitInterrupted || !strings.Contains(term.err.String(), executionID+" goes on") {
		t.Errorf("exit %d: %s", exit, &term.err)
	}
}

func TestJSONIsWhatTheServiceAnswered(t *testing.T) {
	t.Parallel()
	const body = `{ "items" : [ {"id":"x", "unknown": 1.50} ],"next_cursor":null }`
	_, term := serve(t, map[string]answer{"GET /v1/executions": {200, body + "\n"}})
	if exit := term.run(t.Context(), "list", "-o", "json"); exit != cli.ExitOK || term.out.String() != body+"\n" || term.err.Len() > 0 {
		t.Errorf("exit %d, got %q %s", exit, &term.out, &term.err)
	}
}

func TestAPIKeyAndURLComeFromFlagsAndTheEnvironment(t *testing.T) {
	t.Parallel()
	var key string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key = r.Header.Get("Authorization")
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"items":[]}`))
	}))
	t.Cleanup(server.Close)
	for _, c := range []struct {
		env  map[string]string
		args []string
		want string
	}{
		{map[string]string{}, []string{"--url", server.URL + "/"}, ""},
		{map[string]string{"STENT_URL": server.URL, "STENT_API_KEYS": " first , second"}, nil, "Bearer first"},
		{map[string]string{"STENT_URL": server.URL, "STENT_API_KEYS": "first", "STENT_API_KEY": "mine"}, nil, "Bearer mine"},
		{map[string]string{"STENT_URL": "http://127.0.0.1:1", "STENT_API_KEY": "mine"}, []string{"--url", server.URL, "--api-key", "flag"}, "Bearer flag"},
	} {
		term := newTerminal(c.env)
		if exit := term.run(t.Context(), append([]string{"list"}, c.args...)...); exit != cli.ExitOK || key != c.want {
			t.Errorf("exit %d with the key %q, want %q: %s", exit, key, c.want, &term.err)
		}
	}
}

// A value of a worker's that steers the terminal is shown there as it may be, and the
// same JSON; who reads it from a file or a pipe has it as it came.
func TestResultsDoNotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	const result = "{\"a\":\"\u009b31m\u202e\u7f6e\"}"
	for _, command := range []string{"dispatch order --wait", "show " + executionID + " --output json"} {
		for _, screen := range []bool{true, false} {
			body := `{"id":"` + executionID + `","state":"completed","result":` + result + `}`
			_, term := serve(t, map[string]answer{"POST /v1/executions": {201, body}, "GET /v1/executions/" + executionID: {200, body}})
			term.Screen = screen
			want := result
			if screen {
				want = `{"a":"\u009b31m\u202e` + "\u7f6e" + `"}`
			}
			if exit := term.run(t.Context(), strings.Fields(command)...); exit != cli.ExitOK || !strings.Contains(term.out.String(), want) {
				t.Errorf("%s on a screen (%t): exit %d, %q %s", command, screen, exit, &term.out, &term.err)
			}
		}
	}
}
