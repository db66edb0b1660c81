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

func TestWatchWritesEachChangeAsALine(t *testing.T) {
	t.Parallel()
	service, term := serve(t, everything())
	if exit := term.run(t.Context(), "watch", executionID); exit != cli.ExitFailed {
		t.Fatalf("exit %d: %s", exit, &term.err)
	}
	golden(t, "watch", term.out.String()+term.err.String())
	if len(service.asked) != 2 {
		t.Errorf("asked %q", service.asked)
	}
}

func TestWatchWritesEventsAsJSON(t *testing.T) {
	t.Parallel()
	_, term := serve(t, everything())
	if exit := term.run(t.Context(), "watch", executionID, "--output", "json"); exit != cli.ExitFailed {
		t.Fatalf("exit %d: %s", exit, &term.err)
	}
	lines := strings.Split(strings.TrimSpace(term.out.String()), "\n")
	if len(lines) != 1+len(orderTasks())+2 || !strings.HasPrefix(lines[0], `{"event":"execution","data":{"id":"`+executionID+`"`) {
		t.Errorf("got %d lines:\n%s", len(lines), &term.out)
	}
}

func TestWatchOnATerminalLeavesTheEndBehind(t *testing.T) {
	t.Parallel()
	_, term := serve(t, everything())
	term.Screen = true
	if exit := term.run(t.Context(), "watch", executionID); exit != cli.ExitFailed {
		t.Fatalf("exit %d: %s", exit, &term.err)
	}
	before, after, closed := strings.Cut(term.out.String(), "\x1b[?1049l")
	if !strings.HasPrefix(before, "\x1b[?1049h") || !closed {
		t.Fatalf("the screen was not opened and closed: %q", &term.out)
	}
	if !strings.Contains(after, "lost: the parcel is lost") || strings.Contains(after, "\x1b[H") {
		t.Errorf("left behind:\n%s", after)
	}
}
