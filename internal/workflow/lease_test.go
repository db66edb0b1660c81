package workflow

import (
	"encoding/json"
	"testing"
	"time"
)

func TestStaleTokenIsRefused(t *testing.T) {
	s := tell(t)
	id := s.start("echo")
	old := s.lease(id)
	s.do(Orphaned{Lease: old})
	newer := s.lease(id)
	for _, e := range []Event{
		done(old), failure(old, "x"), Accepted{Lease: old}, Released{Lease: old}, TurnFailed{Lease: old},
		TurnAnswered{Lease: old}, Elapsed{Lease: old}, Orphaned{Lease: old}, Beat{Lease: old},
	} {
		s.refused(ErrLeaseLost, e)
	}
	s.do(done(newer))
	s.wantState(id, ExecutionCompleted)
}

func TestSameReportAgainIsNoError(t *testing.T) {
	s := tell(t)
	id := s.begin(key("a"), call("a", "echo"))
	l := s.lease(id, "a")
	s.do(done(l))
	if v := s.do(Succeeded{Lease: l, Value: json.RawMessage(`"other"`)}); !v.Replayed {
		t.Fatal("it was applied twice")
	}
	if a := s.task(id, "a"); string(a.Result) != `"done"` {
		t.Fatalf("the result changed to %s", a.Result)
	}
}

func TestUnknownTasksAreNotFound(t *testing.T) {
	s := tell(t)
	id, other := s.start("echo"), s.start("echo")
	s.refused(ErrNotFound, done(Lease{Execution: id, Task: ID{1}}))
	s.refused(ErrNotFound, done(Lease{Execution: ID{1}, Task: s.task(id).ID}))
	s.refused(ErrNotFound, done(Lease{Execution: other, Task: s.task(id).ID}))
	s.refused(ErrNotFound, Send{Execution: ID{1}, Name: "x"})
}

func TestTaskThatLosesTooManyLeasesFails(t *testing.T) {
	s := tell(t)
	id := s.start("echo")
	began := s.m.now
	for range s.limits.LostLease {
		l := s.lease(id)
		s.pass(time.Second)
		s.do(Orphaned{Lease: l})
	}
	if e := s.wantState(id, ExecutionFailed); e.Error.Type != ErrorLeaseLost {
		t.Fatalf("%v", e.Error)
	}
	if len(s.m.attempts) != s.limits.LostLease {
		t.Fatalf("%d attempts are told, want %d", len(s.m.attempts), s.limits.LostLease)
	}
	for i, a := range s.m.attempts {
		if want := began.Add(time.Duration(i) * time.Second); a.Number != i+1 || a.Error.Type != ErrorLeaseLost ||
			!a.StartedAt.Equal(want) || !a.EndedAt.Equal(want.Add(time.Second)) {
			t.Errorf("attempt %d is told as %+v", i+1, a)
		}
	}
}

func TestOrchestratorThatLosesTooManyLeasesWaitsInstead(t *testing.T) {
	s := tell(t)
	id := s.start("program0")
	for range s.limits.LostLease {
		s.do(Orphaned{Lease: s.lease(id)})
	}
	if due := s.wantTask(TaskPending, id).DueAt.Sub(s.m.now); due != s.limits.BlockedIn {
		t.Fatalf("due in %v", due)
	}
}

func TestFailureEndsARowOfLostLeases(t *testing.T) {
	s := tell(t)
	id := s.start("echo")
	for range 3 {
		for range s.limits.LostLease - 1 {
			s.do(Orphaned{Lease: s.lease(id)})
		}
		s.do(failure(s.lease(id), "x"))
		s.pass(time.Hour)
	}
	s.wantState(id, ExecutionRunning)
}

func TestReleaseGivesTheAttemptBack(t *testing.T) {
	s := tell(t)
	id := s.start("echo")
	for range 5 {
		s.do(Released{Lease: s.lease(id), After: time.Minute})
		if due := s.wantTask(TaskPending, id).DueAt.Sub(s.m.now); due != time.Minute {
			t.Fatalf("due in %v", due)
		}
		s.pass(time.Minute)
	}
	if s.lease(id); s.task(id).Attempt != 1 {
		t.Fatalf("attempt %d", s.task(id).Attempt)
	}
}

func TestReleasedDeadlineOfAnAcceptedAttemptStillCounts(t *testing.T) {
	s := tell(t)
	id := s.start("echo")
	s.do(Accepted{Lease: s.lease(id)})
	s.pass(DefaultTimeout)
	s.do(Released{Lease: s.lease(id)})
	s.do(Orphaned{Lease: s.lease(id)})
	s.do(Elapsed{Lease: s.lease(id)})
	if root := s.wantTask(TaskPending, id); root.Attempt != 1 || root.Failures != 1 || root.LostLeases != 0 {
		t.Fatalf("attempt %d, %d failures, %d lost leases", root.Attempt, root.Failures, root.LostLeases)
	}
}

func TestReleasedTimerIsDueAgain(t *testing.T) {
	s := tell(t)
	id := s.begin(key("nap"), Command{Key: "nap", Op: OpSleep, Duration: time.Minute})
	s.pass(time.Minute)
	s.do(Released{Lease: s.lease(id, "nap")})
	s.do(Orphaned{Lease: s.lease(id, "nap")})
	s.do(Elapsed{Lease: s.lease(id, "nap")})
	s.wantTask(TaskCompleted, id, "nap")
}

func TestHandOverKeepsToRoomAndServesAndFallsBackToDue(t *testing.T) {
	s := tell(t)
	id := s.start("program0")
	l := s.lease(id)
	s.book["echo"].Queue = "eu"
	s.terms = &Terms{Scheduler: schedulers[0], Room: 2, Serves: func(queue string, _ *Function) bool { return queue == "eu" }}
	s.do(s.answer(l, all("a", "b", "c", "d"), call("a", "flaky"), call("b", "echo"), call("c", "echo"), call("d", "echo")))
	s.wantTask(TaskPending, id, "a") // another queue
	s.wantTask(TaskRunning, id, "b")
	s.wantTask(TaskRunning, id, "c")
	s.wantTask(TaskPending, id, "d") // no room
	if n := len(s.change.Handed); n != 2 || s.change.Lessee != schedulers[0] {
		t.Fatalf("%d handed over to %v", n, s.change.Lessee)
	}
	for _, h := range s.change.Handed {
		if !h.Fresh || h.Task.Attempt != 1 || h.Task.Holder != schedulers[0] || h.Task.StartedAt == nil {
			t.Fatalf("handed over: %+v", h.Task)
		}
	}
	s.lease(id, "a")
	s.lease(id, "d")
}

func TestLastCompletionHandsTheNextTurnOver(t *testing.T) {
	s := tell(t)
	id := s.begin(all("a", "b"), call("a", "echo"), call("b", "echo"))
	a, b := s.lease(id, "a"), s.lease(id, "b")
	s.terms = &Terms{Scheduler: schedulers[0], Room: 5, Serves: func(string, *Function) bool { return true }}
	s.do(done(a))
	if len(s.change.Handed) != 0 {
		t.Fatal("the turn was handed over too early")
	}
	s.do(done(b))
	if h := s.change.Handed; len(h) != 1 || h[0].Task.ID != s.task(id).ID || h[0].Fresh {
		t.Fatalf("handed over: %+v", h)
	}
}

func TestPausedExecutionIsNotHandedOver(t *testing.T) {
	s := tell(t)
	s.terms = &Terms{Scheduler: schedulers[0], Room: 5, Serves: func(string, *Function) bool { return true }}
	id := s.start("program0")
	l := leaseOf(s.task(id))
	s.do(Pause{Execution: id, Paused: true})
	s.do(s.answer(l, key("a"), call("a", "echo")))
	s.wantTask(TaskPending, id, "a")
}
