package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/apptest"
	"github.com/stent-dev/stent/internal/cli"
	"github.com/stent-dev/stent/internal/testenv"
)

// program runs the real program against a real service.
type program struct {
	t    *testing.T
	path string
	env  []string
}

// stent runs a command line, and gives its exit code and what it wrote.
func (p *program) stent(args ...string) (exit cli.Exit, out, told string) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), p.path, args...)
	cmd.Env = p.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		p.t.Fatalf("stent %q: %v", args, err)
	}
	return cli.Exit(cmd.ProcessState.ExitCode()), stdout.String(), stderr.String()
}

// must runs a command line that succeeds, and gives what it wrote to standard output.
func (p *program) must(args ...string) string {
	p.t.Helper()
	exit, out, told := p.stent(args...)
	if exit != cli.ExitOK {
		p.t.Fatalf("stent %q: exit %d: %s", args, exit, told)
	}
	return out
}

// approvals is a worker whose orders are charged, wait for an approval, and are shipped.
func approvals(t *testing.T) (url string) {
	t.Helper()
	w := durable.NewWorker()
	durable.Orchestrator(w, "order", func(ctx *durable.Context, id string) (string, error) {
		if _, err := durable.Call[string](ctx, "charge", id); err != nil {
			return "", err
		}
		if _, err := durable.WaitSignal[bool](ctx, "approval", time.Hour); err != nil {
			return "", err
		}
		shipped, err := durable.Map[string](ctx, "ship", []string{"lamp", "desk"})
		return strings.Join(shipped, " and "), err
	})
	durable.Activity(w, "charge", func(_ context.Context, id string) (string, error) {
		if id == "poor" {
			return "", durable.Terminal(durable.Errorf("card_declined", "the bank said no"))
		}
		return "ch_" + id, nil
	})
	durable.Activity(w, "ship", func(_ context.Context, what string) (string, error) { return "shipped " + what, nil })
	server := httptest.NewServer(w)
	t.Cleanup(func() { server.Close(); w.Close() })
	return server.URL
}

func start(t *testing.T) *program {
	t.Helper()
	return &program{t: t, path: testenv.Build(t, "./cmd/stent"), env: []string{"STENT_URL=" + apptest.Dev(t)}}
}

func TestProgramOperatesAService(t *testing.T) {
	t.Parallel()
	p := start(t)
	if out := p.must("worker", "register", approvals(t)); !strings.Contains(out, "charge  activity") {
		t.Errorf("registered\n%s", out)
	}
	id := strings.TrimSpace(p.must("dispatch", "order", "-i", `"O-1"`, "--tag", "vip"))
	p.await(`no signal "approval" has come`, "why", id)
	for _, args := range [][]string{{"list", "--tag", "vip"}, {"show", id}, {"tasks", "list", "--execution", id}, {"queues"}, {"schedulers"}, {"workers"}, {"functions"}} {
		if out := p.must(args...); strings.Count(out, "\n") < 2 {
			t.Errorf("%q wrote\n%s", args, out)
		}
	}
	if out := p.must("pause", id); out != id+" is running (paused)\n" {
		t.Errorf("paused: %s", out)
	}
	if out := p.must("resume", id); out != id+" is running\n" {
		t.Errorf("resumed: %s", out)
	}
	if out := p.must("signal", id, "approval", "-i", "true"); !strings.HasSuffix(out, " is delivered\n") {
		t.Errorf("signalled: %s", out)
	}
	p.await(`"shipped lamp and shipped desk"`, "show", id)
	tree := p.must("show", id)
	for _, part := range []string{"├─ charge#0", "├─ approval#0", "└─ ship#0", "   ├─ ship#0[0]", "   └─ ship#0[1]", "2 completed"} {
		if !strings.Contains(tree, part) {
			t.Errorf("no %s in\n%s", part, tree)
		}
	}
	var e durable.Execution
	if err := json.Unmarshal([]byte(p.must("show", id, "-o", "json")), &e); err != nil || e.State != durable.StateCompleted || len(e.Progress) != 3 {
		t.Errorf("got %+v, %v", e, err)
	}
}

// await runs a command line until it writes a part.
func (p *program) await(part string, args ...string) {
	p.t.Helper()
	out := ""
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); <-time.After(50 * time.Millisecond) {
		if out = p.must(args...); strings.Contains(out, part) {
			return
		}
	}
	p.t.Fatalf("stent %q never wrote %s:\n%s", args, part, out)
}

func TestProgramExitsWithItsCodes(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.must("worker", "register", approvals(t))
	waiting := strings.TrimSpace(p.must("dispatch", "order", "-i", `"O-2"`))
	for line, want := range map[string]cli.Exit{
		`dispatch charge --wait -i "rich"`: cli.ExitOK,
		`dispatch charge --wait -i "poor"`: cli.ExitFailed,
		"list --bogus":                     cli.ExitUsage,
		"show not-an-id":                   cli.ExitUsage,
		"list --url http://127.0.0.1:1":    cli.ExitUnreachable,
		"migrate version --database-url postgres://u:secret@127.0.0.1:1/x": cli.ExitUnreachable,
		"migrate up --database-url postgres://u:secret@127.0.0.1:1/x":      cli.ExitUnreachable,
		"migrate down -f --database-url postgres://u:secret@127.0.0.1:1/x": cli.ExitUnreachable,
		"show 01a208eb-0000-7000-8000-000000000000":                        cli.ExitNotFound,
		"dispatch nobody":   cli.ExitRefused,
		"cancel " + waiting: cli.ExitDeclined,
		`dispatch order --wait --timeout 1s -i "O-3"`: cli.ExitNotEnded,
		"migrate up":                                  cli.ExitUsage,
		"migrate version --database-url nowhere":      cli.ExitUsage,
		"migrate down --database-url sqlite:/none.db": cli.ExitDeclined,
		"dev --concurrency many":                      cli.ExitUsage,
	} {
		if exit, out, told := p.stent(strings.Fields(line)...); exit != want {
			t.Errorf("stent %s: exit %d, want %d: %s%s", line, exit, want, out, told)
		}
	}
	if out := p.must("cancel", "--force", waiting); !strings.HasPrefix(out, waiting+" is cancel") {
		t.Errorf("cancelled: %s", out)
	}
	p.await(`"state":"cancelled"`, "show", waiting, "-o", "json")
	if exit, _, told := p.stent("cancel", "--force", waiting); exit != cli.ExitRefused {
		t.Errorf("cancelled twice: exit %d: %s", exit, told)
	}
}

func TestProgramReplaysDiscardsAndRestarts(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.must("worker", "register", approvals(t))
	if exit, _, told := p.stent("dispatch", "charge", "--wait", "-i", `"poor"`); exit != cli.ExitFailed {
		t.Fatalf("exit %d: %s", exit, told)
	}
	var page durable.Page[durable.DeadLetter]
	if err := json.Unmarshal([]byte(p.must("dlq", "list", "-o", "json")), &page); err != nil || len(page.Items) != 1 {
		t.Fatalf("got %+v, %v", page, err)
	}
	task, execution := page.Items[0].TaskID, page.Items[0].ExecutionID
	for _, args := range [][]string{{"dlq", "list"}, {"dlq", "show", task}} {
		if out := p.must(args...); !strings.Contains(out, "card_declined: the bank said no") {
			t.Errorf("%q wrote\n%s", args, out)
		}
	}
	if out := p.must("dlq", "replay", task); !strings.HasPrefix(out, "task "+task+" of execution "+execution+" is ") {
		t.Errorf("replayed: %s", out)
	}
	p.await(`"state":"failed"`, "show", execution, "-o", "json")
	if out := p.must("restart", "--force", execution); !strings.HasPrefix(out, execution+" is ") {
		t.Errorf("restarted: %s", out)
	}
	p.await(`"state":"failed"`, "show", execution, "-o", "json")
	if out := p.must("dlq", "replay-all", "--force", "--function", "charge"); out != "1 dead letter selected, 1 replayed\n" {
		t.Errorf("replayed: %s", out)
	}
	p.await(`"state":"failed"`, "show", execution, "-o", "json")
	if out := p.must("dlq", "discard", "--force", task); out != "dead letter "+task+" is discarded\n" {
		t.Errorf("discarded: %s", out)
	}
	if exit, _, told := p.stent("dlq", "show", task); exit != cli.ExitNotFound {
		t.Errorf("exit %d: %s", exit, told)
	}
}

func TestProgramActsInBulkCountsAndCleansUp(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.must("worker", "register", approvals(t))
	for range 3 {
		p.must("dispatch", "order", "-i", `"O-1"`, "--tag", "vip")
	}
	last := strings.TrimSpace(p.must("dispatch", "order", "-i", `"O-2"`))
	p.await(`no signal "approval" has come`, "why", last)
	for _, test := range []struct{ args, want string }{
		{"pause --tag vip", "3 executions selected, 3 affected\n"},
		{"resume --tag vip --limit 2", "2 executions selected, 2 affected; there are more: run it again, or raise --limit\n"},
		{"resume --tag vip", "1 execution selected, 1 affected\n"},
		{"cancel --function order --dry-run", "4 executions selected\n"},
		{"cancel --tag vip --force", "3 executions selected, 3 affected\n"},
	} {
		if out := p.must(strings.Fields(test.args)...); out != test.want {
			t.Errorf("stent %s wrote %s", test.args, out)
		}
	}
	p.await("cancelled  3", "stats")
	if out := p.must("restart", "--state", "cancelled", "--tag", "vip", "--limit", "1", "--force"); !strings.HasPrefix(out, "1 execution selected, 1 affected; there are more") {
		t.Errorf("restarted: %s", out)
	}
	if exit, _, told := p.stent("restart", "--tag", "vip", "--force"); exit != cli.ExitUsage || !strings.HasPrefix(told, "stent: --state must name") {
		t.Errorf("without states: exit %d: %s", exit, told)
	}
	if exit, _, _ := p.stent("dispatch", "charge", "--wait", "-i", `"poor"`); exit != cli.ExitFailed {
		t.Fatalf("exit %d", exit)
	}
	for _, test := range []struct{ args, want string }{
		{"cleanup --older-than 1h --force", "0 executions and 0 dead letters deleted\n"},
		{"cleanup --older-than 0s --dry-run", "3 executions and 1 dead letter would be deleted\n"},
		{"cleanup --older-than 0s --executions --force", "3 executions and 0 dead letters deleted\n"},
		{"cleanup --older-than 0s --force", "0 executions and 0 dead letters deleted\n"},
	} {
		if out := p.must(strings.Fields(test.args)...); out != test.want {
			t.Errorf("stent %s wrote %s", test.args, out)
		}
	}
}
