package workflow

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestMismatchBlocksUntilATurnMatches(t *testing.T) {
	s := tell(t)
	id := s.begin(key("pay#0"), call("pay#0", "echo"))
	s.do(done(s.lease(id, "pay#0")))
	s.do(s.answer(s.lease(id), key("ship#0"), call("pay#0", "odd"), call("ship#0", "echo")))

	e := s.wantState(id, ExecutionBlocked)
	var details struct {
		Key            string
		Expected, Came struct{ Op, Name string }
	}
	if err := json.Unmarshal(e.Error.Details, &details); err != nil {
		t.Fatal(err)
	}
	if e.Error.Type != ErrorMismatch || details.Key != "pay#0" || details.Expected.Name != "echo" || details.Came.Name != "odd" {
		t.Fatalf("the error is %+v, %+v", e.Error, details)
	}
	if s.m.named(id, "ship#0") != nil {
		t.Fatal("a turn that does not match stored a command")
	}

	s.do(Pause{Execution: id}) // resumes: due at once
	s.do(s.answer(s.lease(id), key("ship#0"), call("pay#0", "echo"), call("ship#0", "echo")))
	if e := s.wantState(id, ExecutionRunning); e.Error != nil {
		t.Fatalf("the error stays: %v", e.Error)
	}
	s.wantTask(TaskPending, id, "ship#0")
}

func TestMismatchOfTheOpBlocksToo(t *testing.T) {
	s := tell(t)
	id := s.begin(key("x#0"), call("x#0", "echo"))
	s.do(done(s.lease(id, "x#0")))
	s.do(s.answer(s.lease(id), key("x#0"), wait("x#0", "echo")))
	s.wantState(id, ExecutionBlocked)
}

func TestTurnThatCannotBeCarriedOutStoresNothing(t *testing.T) {
	sleep := 400 * 24 * time.Hour
	bad := map[string]func(*TurnAnswered){
		"await names a step never commanded": func(ev *TurnAnswered) { ev.Await = &Await{Key: "nobody"} },
		"neither await nor outcome":          func(ev *TurnAnswered) { ev.Await = nil },
		"await of nothing":                   func(ev *TurnAnswered) { ev.Await = &Await{Mode: AwaitAny} },
		"await of an unknown mode":           func(ev *TurnAnswered) { ev.Await = &Await{Mode: "most", Of: []Await{key("a")}} },
		"await nested too deep": func(ev *TurnAnswered) {
			for range maxAwaitDepth + 1 {
				ev.Await = &Await{Mode: AwaitAll, Of: []Await{*ev.Await}}
			}
		},
		"key twice":           func(ev *TurnAnswered) { ev.Commands = append(ev.Commands, call("a", "echo")) },
		"key empty":           func(ev *TurnAnswered) { ev.Commands = append(ev.Commands, call("", "echo")) },
		"call without a name": func(ev *TurnAnswered) { ev.Commands = append(ev.Commands, call("b", "")) },
		"unknown op":          func(ev *TurnAnswered) { ev.Commands = append(ev.Commands, Command{Key: "b", Op: OpItem, Name: "x"}) },
		"sleep too long": func(ev *TurnAnswered) {
			ev.Commands = append(ev.Commands, Command{Key: "b", Op: OpSleep, Duration: sleep})
		},
		"sleep below zero": func(ev *TurnAnswered) {
			ev.Commands = append(ev.Commands, Command{Key: "b", Op: OpSleep, Duration: -1})
		},
		"timeout too long": func(ev *TurnAnswered) {
			ev.Commands[0] = Command{Key: "a", Op: OpWaitSignal, Name: "x", Timeout: &sleep}
		},
		"delay too long": func(ev *TurnAnswered) { ev.Commands[0].Options = &CallOptions{Delay: sleep} },
		"cancel of a stranger": func(ev *TurnAnswered) {
			ev.Commands = append(ev.Commands, Command{Key: "c", Op: OpCancel, Targets: []string{"z"}})
		},
		"cancel of itself": func(ev *TurnAnswered) {
			ev.Commands = append(ev.Commands, Command{Key: "c", Op: OpCancel, Targets: []string{"c"}})
		},
	}
	for name, spoil := range bad {
		t.Run(name, func(t *testing.T) {
			s := tell(t)
			id := s.start("program0")
			ev := s.answer(s.lease(id), key("a"), call("a", "echo"))
			spoil(&ev)
			s.do(ev)
			if n := len(s.m.made); n != 1 {
				t.Fatalf("it made %d tasks", n-1)
			}
			root := s.wantTask(TaskPending, id)
			if root.Failures != 1 || root.Error == nil || root.Error.Type != ErrorInvalidTurn {
				t.Fatalf("failures %d, error %v", root.Failures, root.Error)
			}
			s.wantState(id, ExecutionRunning)
		})
	}
}

func TestFullHistoryBlocksAtOnce(t *testing.T) {
	s := tell(t)
	s.limits.History = 3
	id := s.start("program0")
	s.do(s.answer(s.lease(id), key("a"), call("a", "echo"), call("b", "echo"), call("c", "echo"), call("d", "echo")))
	if n := len(s.m.made); n != 1 {
		t.Fatalf("it made %d tasks", n-1)
	}
	root := s.wantTask(TaskPending, id)
	if root.Failures != 1 || root.Error == nil || root.Error.Type != ErrorHistoryLimit {
		t.Fatalf("failures %d, error %v", root.Failures, root.Error)
	}
	s.wantState(id, ExecutionBlocked)
}

func TestCommandWithAKnownKeyIsANoOp(t *testing.T) {
	s := tell(t)
	count := Command{Key: "n#0", Op: OpCounter, Name: "n", Add: 3}
	id := s.begin(key("a"), count, call("a", "echo"))
	s.do(done(s.lease(id, "a")))
	s.do(s.answer(s.lease(id), key("b"), count, call("a", "echo"), call("b", "echo")))
	if got := s.m.counters[NameRef{id, "n"}]; got != 3 || len(s.m.made) != 4 {
		t.Fatalf("the counter is %d, there are %d tasks", got, len(s.m.made))
	}
}

func TestExecutionIsBlockedAsLongAsAnyOfItsOrchestratorsIs(t *testing.T) {
	s := tell(t)
	id := s.begin(combine(AwaitAny, "a", "b"), call("a", "program1"), call("b", "program1"), call("c", "echo"))
	for _, sub := range []string{"a", "b"} {
		s.do(s.answer(s.lease(id, sub), key("x"), call("x", "echo")))
		s.do(done(s.lease(id, sub, "x")))
	}
	early := s.lease(id, "b") // and answered late
	before := s.answer(early, key("y"), call("y", "echo"))
	s.do(s.answer(s.lease(id, "a"), key("x"), call("x", "program0")))
	s.wantState(id, ExecutionBlocked)
	s.do(before)
	s.wantState(id, ExecutionBlocked)
	s.do(done(s.lease(id, "c")))
	s.do(done(s.lease(id, "b", "y")))
	s.do(s.answer(s.lease(id, "b"), key("y"), call("y", "program0"))) // now both are
	for _, sub := range []string{"a", "b"} {
		s.wantState(id, ExecutionBlocked)
		s.pass(s.limits.BlockedIn)
		s.do(s.answer(s.lease(id, sub), key("z"), call("z", "echo")))
	}
	s.wantState(id, ExecutionRunning)
}

func TestBlockedSubWorkflowThatIsCancelledBlocksNothing(t *testing.T) {
	s := tell(t)
	id := s.begin(combine(AwaitAny, "a", "c"), call("a", "program1"), call("c", "echo"))
	s.do(s.answer(s.lease(id, "a"), key("deep"), call("deep", "program1")))
	s.do(s.answer(s.lease(id, "a", "deep"), key("x"), call("x", "echo")))
	s.do(done(s.lease(id, "a", "deep", "x")))
	s.do(s.answer(s.lease(id, "a", "deep"), key("x"), call("x", "program0")))
	s.wantState(id, ExecutionBlocked)
	s.do(done(s.lease(id, "c")))
	s.do(s.answer(s.lease(id), key("d"), Command{Key: "stop", Op: OpCancel, Targets: []string{"a"}}, call("d", "echo")))
	s.wantState(id, ExecutionRunning)
}

func TestTwentyBadTurnsShowBlockedAndNeverFail(t *testing.T) {
	s := tell(t)
	id := s.start("program0")
	for i := range 50 {
		s.pass(time.Hour)
		s.do(TurnFailed{Lease: s.lease(id), Error: Error{Type: "gateway", Message: "502"}, StatusCode: 502})
		want := ExecutionRunning
		if i+1 >= s.limits.BadTurns {
			want = ExecutionBlocked
		}
		s.wantState(id, want)
	}
	if due := *s.task(id).DueAt; due.Sub(s.m.now) != s.limits.BlockedIn {
		t.Fatalf("a blocked turn is tried again in %v", due.Sub(s.m.now))
	}
	s.pass(time.Hour)
	s.do(s.end(s.lease(id), Outcome{Completed: json.RawMessage("1")}))
	s.wantState(id, ExecutionCompleted)
}

func TestStepsThatSettledBeforeTheAwaitCountInTheirOrder(t *testing.T) {
	// "any" of a failure and then a success is a failure, however often it is asked.
	for range 20 {
		s := newStory(t)
		id := s.begin(all("x", "y"), call("x", "odd"), call("y", "echo"), call("z", "echo"))
		x, y := s.lease(id, "x"), s.lease(id, "y")
		s.do(Failed{Lease: x, Error: Error{Type: "odd"}})
		s.do(done(y))
		s.do(s.answer(s.lease(id), Await{Mode: AwaitAllOrFailure, Of: []Await{combine(AwaitAny, "x", "y"), key("z")}}))
		if root := s.task(id); root.State != TaskPending {
			t.Fatalf("the await is not decided by the failure that came first: %s", root.State)
		}
	}
}

func TestAwaitModesAreDecidedByTheRightStep(t *testing.T) {
	for _, test := range []struct {
		mode    AwaitMode
		results string // of a, b, c as they settle: + or -
		after   int    // how many decide it
	}{
		{AwaitAny, "-++", 1}, {AwaitAny, "+--", 1}, {AwaitAll, "---", 3}, {AwaitAll, "+++", 3},
		{AwaitAllOrFailure, "+-+", 2}, {AwaitAllOrFailure, "+++", 3}, {AwaitFirstSuccess, "--+", 3}, {AwaitFirstSuccess, "-+-", 2},
		{AwaitFirstSuccess, "---", 3},
	} {
		t.Run(string(test.mode)+test.results, func(t *testing.T) {
			s := tell(t)
			id := s.begin(combine(test.mode, "a", "b", "c"), call("a", "echo"), call("b", "echo"), call("c", "echo"))
			for i, k := range []string{"a", "b", "c"}[:test.after] {
				s.wantTask(TaskWaiting, id)
				if test.results[i] == '+' {
					s.do(done(s.lease(id, k)))
				} else {
					s.do(Failed{Lease: s.lease(id, k), Error: Error{Type: "bad"}})
				}
			}
			s.wantTask(TaskPending, id)
		})
	}
}

func TestContinueAsNewKeepsSignalsAndCountersAndEndsOldSteps(t *testing.T) {
	s := tell(t)
	id := s.begin(key("w#0"), wait("w#0", "go"), call("left", "echo"), Command{Key: "n#0", Op: OpCounter, Name: "n", Add: 2})
	for range 3 {
		s.do(Send{Execution: id, Name: "go", Payload: json.RawMessage("1")})
	}
	left := s.lease(id, "left")
	s.do(s.end(s.lease(id), Outcome{ContinueAsNew: json.RawMessage(`"next"`)}))
	root := s.wantTask(TaskPending, id)
	if root.Run != 1 || string(root.Input) != `"next"` || root.Open != 0 || root.Settled != 0 {
		t.Fatalf("run %d with %s, %d open, %d settled", root.Run, root.Input, root.Open, root.Settled)
	}
	s.refused(ErrLeaseLost, done(left))
	s.do(s.answer(s.lease(id), all("w#0", "w#1"), wait("w#0", "go"), wait("w#1", "go"), Command{Key: "n#0", Op: OpCounter, Name: "n", Add: 2}))
	s.wantTask(TaskCompleted, id, "w#0")
	s.wantTask(TaskCompleted, id, "w#1")
	if n := s.m.counters[NameRef{id, "n"}]; n != 4 {
		t.Fatalf("the counter is %d", n)
	}
}

func TestOutcomeCancelsWhatIsStillOpen(t *testing.T) {
	s := tell(t)
	s.terms = &Terms{Scheduler: schedulers[0], Room: 10, Serves: func(string, *Function) bool { return true }}
	id := s.start("program0")
	ev := s.end(leaseOf(s.task(id)), Outcome{Completed: json.RawMessage("1")})
	ev.Commands = []Command{call("a", "echo"), call("sub", "program1"), wait("w", "x"), {Key: "nap", Op: OpSleep, Duration: time.Hour}}
	s.do(ev)
	s.wantState(id, ExecutionCompleted)
	for _, k := range []string{"a", "sub", "w", "nap"} {
		s.wantTask(TaskCancelled, id, k)
	}
}

func TestFieldsOfErrorsAreInTheirText(t *testing.T) {
	t.Parallel()
	text := (&MismatchError{Key: "k", ExpectedOp: OpCall, ExpectedName: "a", CameOp: OpMap, CameName: "b"}).Error()
	if slices.ContainsFunc([]string{`"k"`, "call", `"a"`, "map", `"b"`}, func(part string) bool { return !strings.Contains(text, part) }) {
		t.Fatal(text)
	}
}
