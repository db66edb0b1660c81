package workflow

import (
	"encoding/json"
	"testing"
	"time"
)

func TestGracefulCancelLetsTheOrchestratorCompensate(t *testing.T) {
	s := tell(t)
	id := s.begin(all("a", "w"), call("a", "echo"), wait("w", "go"))
	a := s.lease(id, "a")
	s.do(Cancel{Execution: id})
	s.wantState(id, ExecutionCancelling)
	s.wantTask(TaskCancelled, id, "a")
	s.wantTask(TaskCancelled, id, "w")
	s.refused(ErrLeaseLost, done(a))

	s.do(s.answer(s.lease(id), key("undo"), call("undo", "echo")))
	undo := s.lease(id, "undo")
	s.do(Cancel{Execution: id}) // asked twice: compensation goes on
	s.do(done(undo))
	s.do(s.end(s.lease(id), Outcome{Completed: json.RawMessage("1")}))
	s.wantState(id, ExecutionCancelled)
}

func TestTurnInFlightThatDoesNotKnowOfTheCancelIsNotCompensation(t *testing.T) {
	s := tell(t)
	id := s.begin(key("a"), call("a", "echo"))
	s.do(done(s.lease(id, "a")))
	unaware := s.answer(s.lease(id), key("b"), call("a", "echo"), call("b", "echo"))
	s.do(Cancel{Execution: id})
	s.wantTask(TaskRunning, id)
	s.do(unaware)
	s.wantTask(TaskCancelled, id, "b")
	root := s.wantTask(TaskPending, id)
	if !root.CancelRequested {
		t.Fatal("the next turn does not know either")
	}
	s.do(s.answer(s.lease(id), key("undo"), call("undo", "echo")))
	s.wantTask(TaskPending, id, "undo")
}

func TestCommandOfATurnThatDidNotKnowYetIsNotCompensation(t *testing.T) {
	s := tell(t)
	id := s.begin(key("a"), call("a", "echo"))
	s.do(done(s.lease(id, "a")))
	s.do(Cancel{Execution: id})
	answer := s.answer(s.lease(id), key("b"), call("b", "echo"), call("undo", "echo"))
	answer.Unaware = []string{"c"}
	s.do(answer)
	if root := s.wantTask(TaskPending, id); root.Error == nil || root.Error.Type != ErrorInvalidTurn {
		t.Fatalf("a command that the turn does not have was taken: %+v", root)
	}
	s.pass(time.Minute)
	answer.Lease, answer.Unaware = s.lease(id), []string{"b"}
	s.do(answer)
	s.wantTask(TaskCancelled, id, "b")
	s.wantTask(TaskPending, id, "undo")
	s.wantTask(TaskPending, id)
}

func TestGracefulCancelReachesSubWorkflows(t *testing.T) {
	s := tell(t)
	id := s.begin(key("sub"), call("sub", "program1"))
	s.do(s.answer(s.lease(id, "sub"), key("deep"), call("deep", "echo")))
	s.do(Cancel{Execution: id})
	s.wantTask(TaskCancelled, id, "sub", "deep")
	for _, path := range [][]string{{"sub"}, {}} {
		if !s.wantTask(TaskPending, id, path...).CancelRequested {
			t.Fatalf("orchestrator %v does not know", path)
		}
		s.do(s.end(s.lease(id, path...), Outcome{Failed: &Error{Type: "cancelled"}}))
	}
	s.wantState(id, ExecutionCancelled)
}

func TestGracefulCancelLetsTheSubWorkflowsOfAMapCompensate(t *testing.T) {
	s := tell(t)
	id := s.begin(key("m"), Command{
		Key: "m", Op: OpMap, Name: "program1", Inputs: []json.RawMessage{null, null, null, null}, Options: &CallOptions{MaxInFlight: 3},
	})
	for _, item := range []string{"0", "1"} {
		s.do(s.answer(s.lease(id, "m", item), key("deep"), call("deep", "echo")))
	}
	s.do(Cancel{Execution: id})
	s.wantTask(TaskWaiting, id, "m")
	s.wantTask(TaskCancelled, id, "m", "0", "deep")
	s.wantTask(TaskCancelled, id, "m", "2") // had not begun
	s.wantTask(TaskCancelled, id, "m", "3")
	s.do(s.answer(s.lease(id), key("m")))
	s.do(s.answer(s.lease(id, "m", "0"), key("undo"), call("undo", "echo")))
	s.do(s.end(s.lease(id, "m", "1"), Outcome{Failed: &Error{Type: "cancelled"}}))
	s.wantTask(TaskPending, id, "m", "0", "undo") // one that is done sweeps no other away
	s.do(done(s.lease(id, "m", "0", "undo")))
	s.do(s.end(s.lease(id, "m", "0"), Outcome{Completed: null}))
	s.wantTask(TaskCancelled, id, "m")
	s.do(s.end(s.lease(id), Outcome{Failed: &Error{Type: "cancelled"}}))
	s.wantState(id, ExecutionCancelled)
}

func TestCancelBeforeAnythingBeganEndsAtOnce(t *testing.T) {
	s := tell(t)
	id := s.start("program0")
	s.do(Cancel{Execution: id})
	s.wantState(id, ExecutionCancelled)
	s.wantTask(TaskCancelled, id)
	s.refused(ErrAlreadyTerminal, Cancel{Execution: id})
}

func TestForcedCancelEndsAtOnceAndStopsWhatIsHeld(t *testing.T) {
	s := tell(t)
	id := s.begin(key("a"), call("a", "echo"))
	a := s.lease(id, "a")
	s.do(Cancel{Execution: id})
	s.do(Cancel{Execution: id, Force: true})
	s.wantState(id, ExecutionCancelled)
	s.wantTask(TaskCancelled, id)
	s.refused(ErrLeaseLost, done(a))
}

func TestMaxDurationEndsTheExecutionAsTimedOut(t *testing.T) {
	s := tell(t)
	id := s.do(Start{
		Execution: &Execution{Function: "echo"}, Function: s.book["echo"], Delay: time.Hour, Duration: time.Minute,
	}).Execution.ID
	s.pass(time.Hour)
	l := s.lease(id)
	s.pass(time.Minute)
	var timer *Task
	for _, task := range s.m.tasks {
		if task.Op == OpDeadline {
			timer = task
		}
	}
	if !timer.DueAt.Equal(s.m.now) {
		t.Fatalf("max_duration counts from %v", timer.DueAt)
	}
	s.m.claim(timer, schedulers[0], nil)
	s.do(Elapsed{Lease: leaseOf(timer)})
	if e := s.wantState(id, ExecutionTimedOut); e.Error.Type != ErrorTimeout {
		t.Fatal(e.Error)
	}
	s.refused(ErrLeaseLost, done(l))
}

func TestCancelAndCompletionInOneBatchEndOnce(t *testing.T) {
	s := tell(t)
	id := s.start("echo")
	l := s.lease(id)
	v := s.try(Cancel{Execution: id, Force: true}, done(l), send(id, "x", "1"))
	if v[0].Err != nil || v[1].Err == nil || v[2].Err == nil {
		t.Fatalf("%+v", v)
	}
	s.wantState(id, ExecutionCancelled)
}
