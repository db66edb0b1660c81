package cli_test

import (
	"strings"
	"testing"

	"github.com/stent-dev/stent/internal/cli"
)

func TestWhatCommandsShow(t *testing.T) {
	t.Parallel()
	for name, args := range map[string]string{
		"list": "list", "show": "show " + executionID, "show-all": "show --all " + executionID, "why": "why " + executionID,
		"tasks-list": "tasks list", "tasks-show": "tasks show " + id(20), "dlq-list": "dlq list", "dlq-show": "dlq show " + id(20),
		"functions": "functions", "workers": "workers", "queues": "queues", "schedulers": "schedulers", "stats": "stats",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, term := serve(t, everything())
			if exit := term.run(t.Context(), strings.Fields(args)...); exit != cli.ExitOK {
				t.Fatalf("exit %d: %s", exit, &term.err)
			}
			golden(t, name, term.out.String()+term.err.String())
		})
	}
}

func TestTerminalGetsColoursAndLinesThatFit(t *testing.T) {
	t.Parallel()
	_, term := serve(t, everything())
	term.Screen, term.Colour = true, true
	if exit := term.run(t.Context(), "show", executionID); exit != cli.ExitOK {
		t.Fatalf("exit %d: %s", exit, &term.err)
	}
	golden(t, "show-terminal", term.out.String())
}
