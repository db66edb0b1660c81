package cli_test

import (
	"strings"
	"testing"
)

func TestShellCompletesWhatTheServiceKnows(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"dispatch":              "charge\tactivity\norder\torchestrator\n:36\n",
		"dispatch order":        ":4\n",
		"list --function":       "charge\tactivity\norder\torchestrator\n:36\n",
		"list --state":          "pending\nrunning\ncompleted\nfailed\ntimed_out\ncancelling\ncancelled\nblocked\n:4\n",
		"queues pause":          "default\t12 due\neu\t0 due\n:36\n",
		"dlq replay":            id(20) + "\tcharge, card_declined: the bank said no\n:36\n",
		"list --output":         "table\njson\n:4\n",
		"cancel x":              id(3) + "\timport, running, 30s ago\n" + executionID + "\torder, running, 2h00m ago\n" + id(2) + "\treport, failed, 2d02h ago\n:36\n",
		"signal " + executionID: ":4\n",
	} {
		_, term := serve(t, everything())
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
