package workflow

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func from(key string) *string { return &key }

func (s *story) keys(execution ID) string {
	root := s.task(execution)
	var keys []string
	for _, step := range s.m.children(root.ID, root.Run) {
		keys = append(keys, step.Key)
	}
	return strings.Join(keys, " ")
}

func TestRestartBeginsWithAFreshHistoryAndTheSameInput(t *testing.T) {
	s := tell(t)
	id := s.begin(key("a"), call("a", "echo"), call("b", "echo"), Command{Key: "n", Op: OpCounter, Name: "n", Add: 2})
	s.do(done(s.lease(id, "a")))
	s.do(s.end(s.lease(id), Outcome{ContinueAsNew: json.RawMessage("8")}))
	s.do(s.answer(s.lease(id), all("c", "d"), call("c", "echo"), call("d", "echo")))
	s.fail(id, "d")
	stale := s.lease(id, "c")
	s.do(Pause{Execution: id, Paused: true})
	s.do(send(id, "go", "1"))
	s.do(Restart{Execution: id})
	if e := s.wantState(id, ExecutionRunning); e.Paused || e.Buffered != 1 || s.m.counters[NameRef{id, "n"}] != 2 {
		t.Fatalf("the execution is %+v", e)
	}
	s.wantDead()
	s.refused(ErrLeaseLost, done(stale))
	root := s.wantTask(TaskPending, id)
	if root.Run != 2 || root.Input != nil || root.Settled != 0 || root.Open != 0 || s.keys(id) != "" {
		t.Fatalf("the next run is %+v with %s", root, s.keys(id))
	}
	s.do(s.answer(s.lease(id), key("a"), call("a", "echo")))
	s.do(done(s.lease(id, "a")))
	s.do(s.end(s.lease(id), Outcome{Completed: json.RawMessage("1")}))
	s.wantState(id, ExecutionCompleted)
}

func TestRestartFromAStepKeepsWhatHadSettledBefore(t *testing.T) {
	s := tell(t)
	id := s.begin(all("a", "b", "c"), call("a", "echo"), call("b", "echo"), call("c", "echo"), call("open", "echo"))
	s.do(Succeeded{Lease: s.lease(id, "c"), Value: json.RawMessage("3")})
	s.do(Succeeded{Lease: s.lease(id, "a"), Value: json.RawMessage("1")})
	s.fail(id, "b")
	s.do(s.answer(s.lease(id), all("d", "e"), Command{Key: "n", Op: OpLocal, Value: json.RawMessage("4")}, call("d", "echo"), call("e", "echo")))
	s.do(done(s.lease(id, "d")))
	s.do(done(s.lease(id, "e")))
	s.giveUp(id)
	s.do(Restart{Execution: id, FromStep: from("d")})
	s.wantState(id, ExecutionRunning)
	s.wantDead()
	if got := s.keys(id); got != "a b c n" {
		t.Fatalf("the new run has %s", got)
	}
	for key, want := range map[string]struct {
		state  TaskState
		seq    int64
		result string
	}{"c": {TaskCompleted, 1, "3"}, "a": {TaskCompleted, 2, "1"}, "b": {TaskFailed, 3, ""}, "n": {TaskCompleted, 4, "4"}} {
		step := s.wantTask(want.state, id, key)
		if step.Seq != want.seq || string(step.Result) != want.result || (step.Error != nil) != (key == "b") {
			t.Errorf("%s is kept as %+v", key, step)
		}
	}
	// Once more, in one batch with the first: what is kept comes from the same steps.
	first, second := Restart{Execution: id, FromStep: from("n")}, Restart{Execution: id, FromStep: from("c")}
	s.try(first, second)
	if got := s.keys(id); got != "a b" || string(s.task(id, "a").Result) != "1" || s.task(id, "a").Seq != 1 {
		t.Fatalf("the new run has %s", got)
	}
	s.do(s.answer(s.lease(id), all("a", "c"), call("c", "echo")))
	s.wantTask(TaskPending, id, "c")
}

func TestRestartFromAStepKeepsWhatIsBeneathTheStepsBeforeIt(t *testing.T) {
	s := tell(t)
	id := s.begin(key("sub"), call("sub", "program1"))
	s.do(s.answer(s.lease(id, "sub"), key("in"), call("in", "echo")))
	s.do(done(s.lease(id, "sub", "in")))
	s.do(s.end(s.lease(id, "sub"), Outcome{Completed: json.RawMessage("1")}))
	s.do(s.answer(s.lease(id), key("next"), call("next", "echo")))
	sub, in := s.task(id, "sub").ID, s.task(id, "sub", "in").ID
	s.do(Restart{Execution: id, FromStep: from("next")})
	if s.task(id, "sub").ID != sub || s.task(id, "sub", "in").ID != in {
		t.Fatalf("the step that is kept is not the one that was, with what is beneath it")
	}
}

func TestRestartFromAnUnknownStepIsRefused(t *testing.T) {
	s := tell(t)
	id := s.begin(key("a"), call("a", "echo"))
	s.refused(ErrNoSuchStep, Restart{Execution: id, FromStep: from("b")})
	lone := s.start("echo")
	s.refused(ErrNoSuchStep, Restart{Execution: lone, FromStep: from("a")})
	s.refused(ErrNotFound, Restart{Execution: ID{1}})
}

func TestRestartOfALoneActivityRunsItAgain(t *testing.T) {
	s := tell(t)
	id := s.start("echo")
	s.do(done(s.lease(id)))
	s.do(Restart{Execution: id})
	if e := s.wantState(id, ExecutionRunning); e.Result != nil {
		t.Fatalf("the execution has the result %s", e.Result)
	}
	if root := s.wantTask(TaskPending, id); root.Run != 0 || root.Result != nil {
		t.Fatalf("the task is %+v", root)
	}
	s.fail(id)
	s.wantState(id, ExecutionFailed)
}

func TestRestartOfACancelledExecutionIsNoLongerCancelled(t *testing.T) {
	s := tell(t)
	id := s.do(Start{
		Execution: &Execution{Function: "program0", Input: json.RawMessage("7")}, Function: s.book["program0"], Duration: time.Hour,
	}).Execution.ID
	s.do(s.answer(s.lease(id), key("a"), call("a", "echo")))
	s.do(Cancel{Execution: id})
	s.do(s.end(s.lease(id), Outcome{Completed: json.RawMessage("1")}))
	s.wantState(id, ExecutionCancelled)
	s.pass(2 * time.Hour)
	s.do(Restart{Execution: id})
	if e := s.wantState(id, ExecutionRunning); e.CancelRequested || e.DeadlineAt != nil || s.task(id).CancelRequested {
		t.Fatalf("the execution is %+v", e)
	}
	s.do(s.end(s.lease(id), Outcome{Completed: json.RawMessage("1")}))
	s.wantState(id, ExecutionCompleted)
}

func TestRestartLetsADelayedExecutionBeginNow(t *testing.T) {
	s := tell(t)
	id := s.do(Start{Execution: &Execution{Function: "program0"}, Function: s.book["program0"], Delay: time.Hour}).Execution.ID
	s.do(Restart{Execution: id})
	s.wantState(id, ExecutionPending)
	s.lease(id)
	s.wantState(id, ExecutionRunning)
}
