package cli_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/cli"
)

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

func TestWatchLooksForALostServiceForAMinute(t *testing.T) {
	t.Parallel()
	began := false
	_, term := serve(t, map[string]answer{"GET /v1/executions/x/events": {200, func(w http.ResponseWriter, r *http.Request) {
		if began {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		began = true
		events(w, r)
	}}})
	clock := now
	term.Now = func() time.Time { clock = clock.Add(25 * time.Second); return clock }
	if exit := term.run(t.Context(), "watch", "x"); exit != cli.ExitUnreachable {
		t.Errorf("exit %d", exit)
	}
	for _, part := range []string{"503 Service Unavailable; trying again", "lost the service for 1m00s"} {
		if strings.Count(term.err.String(), part) != 1 {
			t.Errorf("not one %q in %s", part, &term.err)
		}
	}
}

func TestWatchTellsOfAnOutageOnce(t *testing.T) {
	t.Parallel()
	asked := 0
	_, term := serve(t, map[string]answer{"GET /v1/executions/x/events": {200, func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked == 2 || asked == 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		events(w, r)
	}}})
	exit := term.run(t.Context(), "watch", "x")
	told := "stent: 503 Service Unavailable; trying again\nstent: connected again\nstent: execution "
	if exit != cli.ExitFailed || !strings.HasPrefix(term.err.String(), told) {
		t.Errorf("exit %d: %s", exit, &term.err)
	}
}

// stream answers with the events of an execution, in their order.
func stream(of ...any) answer {
	return answer{200, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i, data := range of {
			name := "execution"
			if _, ok := data.(durable.TaskInfo); ok {
				name = "task"
			}
			text, _ := json.Marshal(data)
			fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", i, name, text)
		}
		fmt.Fprint(w, "event: end\ndata: {}\n\n")
	}}
}

// The execution comes first of what has changed at once, also when it has ended. Each
// line has the time of what it tells, which may be long ago.
func TestWatchTellsTheEndLast(t *testing.T) {
	t.Parallel()
	ended := order()
	ended.State, ended.CompletedAt = durable.StateCancelled, before(time.Hour)
	refund := durable.TaskInfo{
		ID: id(80), StepKey: "refund#0", Kind: "activity", State: "completed", Attempt: 1, CreatedAt: *before(2 * time.Hour),
		StartedAt: before(time.Hour + 3*time.Second), CompletedAt: before(time.Hour + 2*time.Second),
	}
	_, term := serve(t, map[string]answer{"GET /v1/executions/x/events": stream(order(), ended, refund)})
	term.run(t.Context(), "watch", "x")
	if want := `13:04:05  order                     running
14:04:03  refund#0                  completed  1.0s
14:04:05  order                     cancelled
`; term.out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &term.out, want)
	}
}

// That less time is left is no news.
func TestWatchTellsOfAWaitOnce(t *testing.T) {
	t.Parallel()
	nap := durable.TaskInfo{ID: id(80), StepKey: "nap#0", Kind: "timer", State: "waiting", CreatedAt: now, ScheduledFor: before(-time.Hour)}
	again := nap
	again.ScheduledFor = before(-2 * time.Hour)
	done := order()
	done.State, done.CompletedAt = durable.StateCompleted, &now
	_, term := serve(t, map[string]answer{"GET /v1/executions/x/events": stream(order(), nap, nap, again, done)})
	clock := now
	term.Now = func() time.Time { clock = clock.Add(time.Second); return clock }
	if term.run(t.Context(), "watch", "x"); strings.Count(term.out.String(), "nap#0") != 2 || strings.Count(term.out.String(), "until 16:04:05") != 1 {
		t.Errorf("wrote\n%s", &term.out)
	}
}

func TestWatchTellsOfANewRun(t *testing.T) {
	t.Parallel()
	root := durable.TaskInfo{ID: id(10), StepKey: "root", Kind: "orchestrator", State: "running", Run: 4}
	sub := durable.TaskInfo{ID: id(11), StepKey: "ship#0", Kind: "orchestrator", State: "waiting", ParentTaskID: root.ID, ParentRun: &root.Run}
	began, grown, again := root, sub, root
	began.State, grown.Run, again.Run = "waiting", 1, 5
	done := order()
	done.State, done.CompletedAt = durable.StateCompleted, &now
	_, term := serve(t, map[string]answer{"GET /v1/executions/x/events": stream(order(), root, sub, began, grown, again, done)})
	if exit := term.run(t.Context(), "watch", "x"); exit != cli.ExitOK {
		t.Errorf("exit %d: %s", exit, &term.err)
	}
	if want := `13:04:05  order                     running
15:04:05  ship#0                    waiting
15:04:05  ship#0                    begins run 2
15:04:05  order                     begins run 6
15:04:05  order                     completed
`; term.out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &term.out, want)
	}
}

func TestWatchOfAllWritesWhatChanges(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	asked := 0
	answers := everything()
	listed := answers["GET /v1/executions"].body
	answers["GET /v1/executions"] = answer{200, func(w http.ResponseWriter, r *http.Request) {
		switch asked++; asked {
		case 1:
			writeJSON(w, listed)
		case 2:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 3:
			done := order()
			done.State = durable.StateCompleted
			writeJSON(w, page("", done))
		default:
			interrupt()
			<-r.Context().Done()
		}
	}}
	_, term := serve(t, answers)
	if exit := term.run(ctx, "watch", "--function", "order"); exit != cli.ExitOK {
		t.Fatalf("exit %d: %s", exit, &term.err)
	}
	golden(t, "watch-all", term.out.String()+strings.ReplaceAll(term.err.String(), term.env["STENT_URL"], "URL"))
}

func TestWatchOfAllOnATerminalIsAScreen(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	answers := everything()
	stats := answers["GET /v1/stats"].body
	answers["GET /v1/stats"] = answer{200, func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, stats)
		time.AfterFunc(time.Second/2, interrupt)
	}}
	_, term := serve(t, answers)
	term.Screen = true
	if exit := term.run(ctx, "watch"); exit != cli.ExitOK {
		t.Fatalf("exit %d: %s", exit, &term.err)
	}
	_, url, _ := strings.Cut(term.env["STENT_URL"], "//")
	golden(t, "watch-all-terminal", strings.NewReplacer("\x1b", "ESC", url, "ADDRESS").Replace(term.out.String()))
}

// A line that wraps would move those above it out of the screen.
func TestScreensFitNarrowTerminals(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"watch", "watch " + executionID} {
		ctx, interrupt := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		_, term := serve(t, everything())
		term.Screen = true
		term.Size = func() (int, int) { return 20, 8 }
		term.run(ctx, strings.Fields(command)...)
		interrupt()
		drawn, _, _ := strings.Cut(term.out.String(), "\x1b[?25h")
		frames := strings.Split(drawn, "\x1b[H")[2:]
		if len(frames) == 0 {
			t.Errorf("%s drew nothing", command)
		}
		for _, frame := range frames {
			lines := strings.Split(strings.ReplaceAll(frame, "\x1b[J", ""), "\x1b[K")
			for _, line := range lines {
				if n := len([]rune(strings.TrimPrefix(line, "\n"))); n > 20 || len(lines) > 9 {
					t.Errorf("%s: a line of %d in %d lines: %q", command, n, len(lines), line)
				}
			}
		}
	}
}
