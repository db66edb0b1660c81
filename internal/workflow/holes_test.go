package workflow

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"
)

// What broke in the service that came before, as far as the decision core alone can
// break it. docs/holes.md lists all of it.

func TestSleepDoesNotStartFromZeroInAReplay(t *testing.T) {
	s := tell(t)
	nap := Command{Key: "nap", Op: OpSleep, Duration: time.Hour}
	id := s.begin(Await{Mode: AwaitAny, Of: []Await{key("nap"), key("a")}}, nap, call("a", "echo"))
	due := *s.task(id, "nap").DueAt
	s.pass(30 * time.Minute)
	s.do(done(s.lease(id, "a")))
	s.do(Orphaned{Lease: s.lease(id)}) // the first replay dies with its scheduler
	s.do(s.answer(s.lease(id), key("nap"), nap, call("a", "echo")))
	if again := s.wantTask(TaskWaiting, id, "nap"); !again.DueAt.Equal(due) {
		t.Fatalf("it ends %v later than it would have", again.DueAt.Sub(due))
	}
	s.pass(30 * time.Minute)
	s.do(Elapsed{Lease: s.lease(id, "nap")})
	s.wantTask(TaskPending, id)
}

// Whatever way an orchestrator fails, nothing that it began is left to run.
func TestChildrenOfAFailedOrchestratorDoNotRun(t *testing.T) {
	s := tell(t)
	id := s.begin(key("bad"), call("bad", "echo"), call("due", "echo"), call("retried", "flaky"), call("held", "echo"),
		mapping("m", "echo", 3, &CallOptions{MaxInFlight: 1}), call("sub", "program1"), wait("w", "go"),
		Command{Key: "nap", Op: OpSleep, Duration: time.Hour})
	s.do(failure(s.lease(id, "retried"), "once"))
	s.do(s.answer(s.lease(id, "sub"), key("deep"), call("deep", "echo")))
	held := s.lease(id, "held")
	s.do(Failed{Lease: s.lease(id, "bad"), Error: Error{Type: "bad"}})
	s.do(s.end(s.lease(id), Outcome{Failed: &Error{Type: "bad"}}))
	s.wantState(id, ExecutionFailed)
	s.refused(ErrLeaseLost, done(held))
	for _, task := range s.m.tasks {
		if task.DueAt != nil || !task.Holder.IsZero() || !task.State.Settled() {
			t.Errorf("%s %q is %s, due %v", task.Op, task.Key, task.State, task.DueAt)
		}
	}
}

func TestStaleFailureDoesNotUndoACompletion(t *testing.T) {
	s := tell(t)
	id := s.begin(key("a"), call("a", "echo"))
	stale := s.lease(id, "a")
	s.do(Orphaned{Lease: stale})
	s.do(done(s.lease(id, "a"))) // by the same scheduler, so that only the token tells them apart
	for _, late := range []Event{
		failure(stale, "late"), Failed{Lease: stale, Error: Error{Type: "late"}}, Orphaned{Lease: stale}, Released{Lease: stale}, Accepted{Lease: stale},
	} {
		s.refused(ErrLeaseLost, late)
	}
	if a := s.wantTask(TaskCompleted, id, "a"); string(a.Result) != `"done"` || a.Error != nil || len(s.m.attempts) != 1 { // the lost one
		t.Fatalf("it has %s and %v, with %d failed attempts", a.Result, a.Error, len(s.m.attempts))
	}
}

func TestWhatHasTimedOutCannotBeCancelled(t *testing.T) {
	s := tell(t)
	id := s.do(Start{Execution: &Execution{Function: "program0"}, Function: s.book["program0"], Duration: time.Minute}).Execution.ID
	s.do(s.answer(s.lease(id), key("a"), call("a", "echo")))
	s.pass(time.Minute)
	s.timeOut(id)
	for _, force := range []bool{false, true} {
		s.refused(ErrAlreadyTerminal, Cancel{Execution: id, Force: force})
	}
	s.wantState(id, ExecutionTimedOut)
	s.wantTask(TaskCancelled, id, "a")
}

// timeOut lets the deadline of an execution pass, as a scheduler would that claims its timer.
func (s *story) timeOut(id ID) {
	s.Helper()
	for _, task := range s.m.tasks {
		if task.Execution == id && task.Op == OpDeadline {
			s.m.claim(task, schedulers[0], nil)
			s.do(Elapsed{Lease: leaseOf(task)})
			return
		}
	}
	s.Fatal("it has no deadline")
}

// A crash between the end of a task and that of its execution left the execution
// running for ever: here they are one change, and so one transaction.
func TestExecutionEndsInTheChangeThatEndsItsTask(t *testing.T) {
	for name, end := range map[string]struct {
		want ExecutionState
		by   func(s *story, id ID, l Lease)
	}{
		"completed":    {ExecutionCompleted, func(s *story, _ ID, l Lease) { s.do(done(l)) }},
		"failed":       {ExecutionFailed, func(s *story, _ ID, l Lease) { s.do(Failed{Lease: l, Error: Error{Type: "bad"}}) }},
		"cancelled":    {ExecutionCancelled, func(s *story, id ID, _ Lease) { s.do(Cancel{Execution: id}) }},
		"timed out":    {ExecutionTimedOut, func(s *story, id ID, _ Lease) { s.timeOut(id) }},
		"last attempt": {ExecutionFailed, func(s *story, _ ID, l Lease) { s.m.tasks[l.Task].Failures = 1_000_000; s.do(failure(l, "again")) }},
		"lost leases": {ExecutionFailed, func(s *story, _ ID, l Lease) {
			s.m.tasks[l.Task].LostLeases = s.limits.LostLease - 1
			s.do(Orphaned{Lease: l})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := tell(t)
			id := s.do(Start{Execution: &Execution{Function: "echo"}, Function: s.book["echo"], Duration: time.Minute}).Execution.ID
			l := s.lease(id)
			s.pass(time.Minute)
			end.by(s, id, l) // one event, so one change
			s.wantState(id, end.want)
			if !s.task(id).State.Settled() {
				t.Fatalf("its task is %s", s.task(id).State)
			}
		})
	}
}

// A signal is taken by the transaction that stores the wait, or not at all.
func TestSignalIsKeptWhenTheTurnThatWouldTakeItIsLost(t *testing.T) {
	s := tell(t)
	id := s.start("program0")
	s.do(send(id, "go", "1"))
	lost := s.answer(s.lease(id), key("w"), wait("w", "go"))
	s.do(Orphaned{Lease: lost.Lease})
	s.refused(ErrLeaseLost, lost)
	invalid := s.answer(s.lease(id), key("unheard of"), wait("w", "go"))
	s.do(invalid)
	if kept := s.m.signals[id][0]; !kept.TakenBy.IsZero() || s.m.named(id, "w") != nil {
		t.Fatalf("it was taken by %s", kept.TakenBy)
	}
	s.pass(time.Minute)
	s.do(s.answer(s.lease(id), key("w"), wait("w", "go")))
	if w := s.wantTask(TaskCompleted, id, "w"); string(w.Result) != "1" {
		t.Fatalf("the wait got %s", w.Result)
	}
}

// An error that a handler calls a timeout is that handler's: only the deadline of an
// execution makes it timed out.
func TestErrorThatIsCalledTimeoutIsNotTheTimeoutOfTheExecution(t *testing.T) {
	for _, called := range []string{ErrorTimeout, "TimeoutError", "timed_out"} {
		t.Run(called, func(t *testing.T) {
			s := tell(t)
			activity := s.start("echo")
			s.do(Failed{Lease: s.lease(activity), Error: Error{Type: called}})
			if e := s.wantState(activity, ExecutionFailed); e.Error.Type != called {
				t.Fatal(e.Error)
			}
			id := s.begin(key("a"), call("a", "echo"))
			s.do(Failed{Lease: s.lease(id, "a"), Error: Error{Type: called}})
			s.do(s.end(s.lease(id), Outcome{Failed: &Error{Type: called}}))
			s.wantState(id, ExecutionFailed)
		})
	}
}

// An await that nobody holds a lease for needs no room: any number of fan-outs wait
// beside each other, whatever the concurrency.
func TestWaitingHoldsNothing(t *testing.T) {
	s := tell(t)
	for _, f := range s.book {
		f.MaxConcurrent = 1
	}
	var ids []ID
	for i := range 6 {
		id := s.start("program0")
		s.m.tasks[s.task(id).ID].Slot = true // as a claim does
		s.do(s.answer(s.lease(id), key("sub"), call("sub", "program1")))
		if root := s.wantTask(TaskWaiting, id); root.Slot || !root.Holder.IsZero() {
			t.Fatalf("orchestrator %d waits and keeps a slot: %v, of %s", i, root.Slot, root.Holder)
		}
		if fmt.Sprint(s.change.FreedQueues) != "[default]" {
			t.Fatalf("freed: %v", s.change.FreedQueues)
		}
		ids = append(ids, id)
	}
	for _, id := range ids {
		s.do(s.end(s.lease(id, "sub"), Outcome{Completed: json.RawMessage("1")}))
		s.wantTask(TaskPending, id)
	}
}

// Two cancels, a completion and a deadline that come together leave one end, which
// nothing changes afterwards.
func TestTerminalStateIsFinal(t *testing.T) {
	s := tell(t)
	id := s.start("program0")
	l := s.lease(id)
	s.do(Cancel{Execution: id, Force: true})
	ended := picture(s.wantState(id, ExecutionCancelled))
	for _, late := range []Event{
		s.end(l, Outcome{Completed: json.RawMessage("1")}), s.answer(l, key("a"), call("a", "echo")), TurnFailed{Lease: l, Blocked: true},
		Cancel{Execution: id}, Pause{Execution: id, Paused: true}, Pause{Execution: id}, Count{Execution: id, Name: "n", Add: 1},
		SetState{Execution: id, Key: "k"}, send(id, "go", "1"), Orphaned{Lease: l}, Released{Lease: l},
	} {
		if v := s.try(late)[0]; !errors.Is(v.Err, ErrLeaseLost) && !errors.Is(v.Err, ErrAlreadyTerminal) {
			t.Errorf("%T gave %v", late, v.Err)
		}
	}
	if now := picture(s.m.executions[id]); now != ended {
		t.Fatalf("it ended as\n%s\nand is now\n%s", ended, now)
	}
}
