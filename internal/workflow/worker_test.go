package workflow

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// turn is what a worker sees of an orchestrator when its turn is delivered.
type turn struct {
	lease     Lease
	run       int
	cancelled bool
	input     string // of this run; the first is a number, the others carry how many runs this makes, and what was told so far
	steps     map[string]*Task
}

func (m *model) turn(t *Task) turn {
	input := t.Input
	if input == nil {
		input = m.executions[t.Execution].Input
	}
	view := turn{lease: leaseOf(t), run: t.Run, cancelled: t.CancelRequested, input: string(input), steps: map[string]*Task{}}
	for _, child := range m.children(t.ID, t.Run) {
		view.steps[child.Key] = copyTask(child)
	}
	return view
}

// answer replays a program over the steps of a turn: it commands all steps up to
// the first statement whose await is not decided, or ends the run.
func (p *program) answer(programs []*program, v turn) TurnAnswered {
	ev := TurnAnswered{Lease: v.lease, Run: v.run, CancelSeen: v.cancelled}
	if v.cancelled {
		return v.compensate(ev)
	}
	told, runs := v.input+":", 1
	if strings.HasPrefix(v.input, `"`) {
		_ = json.Unmarshal([]byte(v.input), &told)
		before, rest, _ := strings.Cut(told, "|")
		runs, _ = strconv.Atoi(before)
		told = rest
	}
	for i, s := range p.statements {
		for j, l := range s.leaves {
			ev.Commands = append(ev.Commands, l.command(l.key(i, j)))
		}
		await := s.keyed(i, s.await)
		at, ok := evaluate(await, v.steps)
		if at == never {
			ev.Await = &await
			return ev
		}
		decided := fails
		if ok {
			decided = succeeds
		}
		told += s.tell(programs, func(l leaf, j int) string { return tellStep(v.steps[l.key(i, j)]) }, func() fate { return decided }) + ";"
		if s.cancel {
			ev.Commands = append(ev.Commands, s.cancelRest(i))
		}
	}
	text, _ := json.Marshal(told)
	switch {
	case runs < p.runs: // by its input: a restart begins a run of the orchestrator too
		next, _ := json.Marshal(strconv.Itoa(runs+1) + "|" + told)
		ev.Outcome = &Outcome{ContinueAsNew: next}
	case p.fails:
		ev.Outcome = &Outcome{Failed: &Error{Type: "program", Message: "it fails"}}
	default:
		ev.Outcome = &Outcome{Completed: text}
	}
	return ev
}

func tellStep(s *Task) string {
	if s.State == TaskCompleted {
		return string(s.Result)
	}
	if s.Error == nil {
		return "!" + string(s.State)
	}
	return "!" + s.Error.Type
}

func (s statement) cancelRest(i int) Command {
	c := Command{Key: strconv.Itoa(i) + "/cancel", Op: OpCancel}
	for j, l := range s.leaves {
		c.Targets = append(c.Targets, l.key(i, j))
	}
	return c
}

// compensate calls one activity after a cancellation and ends.
func (v turn) compensate(ev TurnAnswered) TurnAnswered {
	if undo := v.steps["undo"]; undo != nil && undo.State.Settled() {
		ev.Outcome = &Outcome{Completed: json.RawMessage(`"undone"`)}
		return ev
	}
	ev.Commands = []Command{{Key: "undo", Op: OpCall, Name: "echo", Input: json.RawMessage("1")}}
	ev.Await = &Await{Key: "undo"}
	return ev
}

// perform is what a worker makes of an activity's attempt.
func perform(t *Task, input json.RawMessage, healing bool) Event {
	lease := leaseOf(t)
	n, _ := strconv.Atoi(string(input))
	failed := func(kind string, retryable bool) Event {
		return Failed{Lease: lease, Error: Error{Type: kind, Message: "it fails"}, Retryable: retryable, StatusCode: 500}
	}
	switch {
	case t.Op == OpCallback && t.Failures < 1:
		return failed("no", true)
	case t.Op == OpCallback:
		return Succeeded{Lease: lease, Value: null}
	case t.Name == "flaky" && t.Failures < 2:
		return failed("flaky", true)
	case t.Name == "poor":
		return failed("poor", true)
	case t.Name == "odd" && n%2 == 1:
		return failed("odd", false)
	case t.Name == "slow" && !healing:
		return Accepted{Lease: lease}
	}
	return Succeeded{Lease: lease, Value: input, ContextUpdate: ContextUpdate{
		Counters: map[string]int64{"a": 1, t.Name: 2}, State: map[string]json.RawMessage{"last": input},
	}}
}

// book is the registry of a simulated world: the activities and the programs.
type book map[string]*Function

func (b book) Lookup(name string, _ *string) *Function { return b[name] }

func newBook(programs int) book {
	b := book{}
	put := func(name string, kind Kind, attempts int) {
		retry := DefaultRetryPolicy()
		retry.MaxAttempts = attempts
		b[name] = &Function{Name: name, Kind: kind, Queue: DefaultQueue, Retry: retry, Timeout: DefaultTimeout}
	}
	for _, name := range activities {
		put(name, KindActivity, 1_000_000)
	}
	b["poor"].Retry.MaxAttempts = 2
	ttl := 10 * time.Second
	b["once"].Idempotent, b["poor"].Idempotent, b["cached"].CacheTTL = true, true, &ttl
	b["slow"].HeartbeatTimeout = DefaultTimeout / 2
	for i := range programs {
		put("program"+strconv.Itoa(i), KindOrchestrator, 1)
	}
	return b
}
