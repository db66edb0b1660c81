package cli_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/cli"
)

func TestShellCompletesWhatTheServiceKnows(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"dispatch":                            "charge\tactivity\norder\torchestrator\n:36\n",
		"dispatch order":                      ":4\n",
		"list --function":                     "charge\tactivity\norder\torchestrator\n:36\n",
		"list --state":                        "pending\nrunning\ncompleted\nfailed\ntimed_out\ncancelling\ncancelled\nblocked\n:4\n",
		"queues pause":                        "default\t12 due\neu\t0 due\n:36\n",
		"dlq replay":                          id(20) + "\tcharge, card_declined: the bank said no\n:36\n",
		"list --output":                       "table\njson\n:4\n",
		"cancel x":                            id(3) + "\timport, running, 30s ago\n" + executionID + "\torder, running, 2h00m ago\n" + id(2) + "\treport, failed, 2d02h ago\n:36\n",
		"list":                                ":4\n",
		"tasks show":                          ":4\n",
		"list --tag":                          ":4\n",
		"restart --from-step":                 ":4\n",
		"signal " + executionID:               "approval\tawaited by approval#0\n:36\n",
		"signal " + executionID + " approval": ":4\n",
		"restart " + executionID + " --from-step": "charge#0\tcompleted\nship#0\trunning\n:36\n",
	} {
		answers := everything()
		answers["GET /v1/executions/"+executionID+"/tasks"] = answer{200, func(w http.ResponseWriter, r *http.Request) {
			if q := r.URL.Query(); q.Get("kind") == "signal" && q.Get("state") == "waiting" {
				writeJSON(w, page("", durable.TaskInfo{Name: "approval", StepKey: "approval#0"}))
			}
		}}
		started := order()
		started.Progress = []durable.Progress{{Step: "charge#0", Status: "completed"}, {Step: "ship#0", Status: "running"}}
		answers["GET /v1/executions/"+executionID] = answer{200, started}
		_, term := serve(t, answers)
		term.run(t.Context(), append(append([]string{"__complete"}, strings.Fields(line)...), "")...)
		if term.out.String() != want {
			t.Errorf("%s:\n%s\nwant\n%s", line, &term.out, want)
		}
	}
}

func TestCompletionIsSilentWithoutAService(t *testing.T) {
	t.Parallel()
	term := newTerminal(map[string]string{"STENT_URL": "http://127.0.0.1:1"})
	if term.run(t.Context(), "__complete", "dispatch", ""); term.out.String() != ":4\n" {
		t.Errorf("got %s", &term.out)
	}
}

func TestShellWithoutACompletionIsRefused(t *testing.T) {
	t.Parallel()
	term := newTerminal(nil)
	exit := term.run(t.Context(), "completion", "ksh")
	if want := "stent: there is no completion for \"ksh\", but for bash, fish, powershell, zsh\n"; exit != cli.ExitUsage || !strings.HasPrefix(term.err.String(), want) || term.out.Len() > 0 {
		t.Errorf("exit %d: %s%s", exit, &term.out, &term.err)
	}
	for _, line := range []string{"completion bash", "completion", "help", "help tasks list"} {
		if term := newTerminal(nil); term.run(t.Context(), strings.Fields(line)...) != cli.ExitOK || term.out.Len() == 0 {
			t.Errorf("stent %s wrote %s%s", line, &term.out, &term.err)
		}
	}
}
