package workflow

import (
	"encoding/json"
	"testing"
	"time"
)

func (s *story) parked(execution ID, keys ...string) *Task {
	s.Helper()
	t := s.wantTask(TaskPending, execution, keys...)
	if t.DueAt != nil || t.ScheduledFor == nil || !t.Holder.IsZero() {
		s.Fatalf("task %v is due %v, scheduled for %v, held by %s", keys, t.DueAt, t.ScheduledFor, t.Holder)
	}
	return t
}

func TestPausedTasksAreParkedAndDueAgainWhenResumed(t *testing.T) {
	s := tell(t)
	id := s.begin(all("a", "b"), call("a", "echo"), call("b", "echo"))
	was := *s.task(id, "a").DueAt
	held := s.lease(id, "b")
	s.do(Pause{Execution: id, Paused: true})
	s.parked(id, "a")
	s.do(Released{Lease: held})
	s.parked(id, "b")
	s.do(Pause{Execution: id, Paused: true}) // again
	s.pass(time.Hour)
	s.do(Pause{Execution: id})
	if a := s.task(id, "a"); a.DueAt == nil || !a.DueAt.Equal(was) {
		t.Fatalf("due %v, was %v", a.DueAt, was)
	}
	s.do(done(s.lease(id, "a")))
	s.do(done(s.lease(id, "b")))
	s.lease(id)
}

func TestTimersElapseAndSignalsAndReportsAreTakenWhilePaused(t *testing.T) {
	s := tell(t)
	nap := Command{Key: "nap", Op: OpSleep, Duration: time.Minute}
	id := s.begin(all("nap", "w", "a", "f"), nap, wait("w", "go"), call("a", "slow"), call("f", "echo"))
	a, f := s.lease(id, "a"), s.lease(id, "f")
	s.do(Accepted{Lease: a})
	s.do(Pause{Execution: id, Paused: true})
	s.pass(time.Minute - time.Second)
	s.do(Beat{Lease: a})
	s.do(failure(f, "no"))
	retry := *s.parked(id, "f").ScheduledFor
	if !retry.After(s.m.now) {
		t.Fatalf("the retry is scheduled for %v, now %v", retry, s.m.now)
	}
	s.pass(time.Second)
	s.do(Elapsed{Lease: s.lease(id, "nap")})
	if !s.do(send(id, "go", "1")).Delivered {
		t.Fatal("the wait was there")
	}
	s.do(done(a))
	for _, key := range []string{"nap", "w", "a"} {
		s.wantTask(TaskCompleted, id, key)
	}
	s.wantTask(TaskWaiting, id)
	s.do(Pause{Execution: id})
	if due := s.task(id, "f").DueAt; due == nil || !due.Equal(retry) {
		t.Fatalf("the retry is due %v, not %v", due, retry)
	}
	s.m.now = retry
	s.do(done(s.lease(id, "f")))
	s.lease(id)
}

func TestTurnThatATimerLeadsToWaitsForResume(t *testing.T) {
	s := tell(t)
	s.terms = &Terms{Scheduler: schedulers[0], Room: 10, Serves: func(string, *Function) bool { return true }}
	id := s.start("program0")
	s.do(s.answer(leaseOf(s.task(id)), key("nap"), Command{Key: "nap", Op: OpSleep, Duration: time.Minute}))
	s.do(Pause{Execution: id, Paused: true})
	s.pass(time.Minute)
	s.do(Elapsed{Lease: s.lease(id, "nap")})
	s.parked(id)
	if len(s.change.Handed) > 0 {
		t.Fatal("a turn of a paused execution was handed over")
	}
	s.do(Pause{Execution: id})
	s.lease(id)
}

func TestDeadlineEndsAPausedExecution(t *testing.T) {
	s := tell(t)
	id := s.startCalling("program0", time.Minute)
	s.do(Pause{Execution: id, Paused: true})
	s.parked(id)
	s.pass(time.Minute)
	for _, task := range s.m.due() {
		if task.Op != OpDeadline {
			t.Fatalf("task %q is due", task.Key)
		}
		s.m.claim(task, schedulers[1], nil)
		s.do(Elapsed{Lease: leaseOf(task)})
	}
	if e := s.wantState(id, ExecutionTimedOut); e.Paused {
		t.Fatal("it has ended and is paused")
	}
	if c := s.callbacks(id); len(c) != 1 || c[0].DueAt == nil {
		t.Fatalf("callbacks %+v", c)
	}
}

func TestItemsReleasedWhilePausedAreParked(t *testing.T) {
	s := tell(t)
	m := Command{Key: "m", Op: OpMap, Name: "echo", Options: &CallOptions{MaxInFlight: 1}, Inputs: []json.RawMessage{null, null, null}}
	id := s.begin(key("m"), m)
	first := s.lease(id, "m", "0")
	s.do(Pause{Execution: id, Paused: true})
	s.do(done(first))
	s.parked(id, "m", "1")
	if unreleased := s.task(id, "m", "2"); unreleased.ScheduledFor != nil {
		t.Fatal("an item was released too early")
	}
	s.do(Pause{Execution: id})
	s.do(done(s.lease(id, "m", "1")))
	s.do(done(s.lease(id, "m", "2")))
	s.wantTask(TaskCompleted, id, "m")
}

func TestPauseAndResumeInOneBatchLeaveEverythingDue(t *testing.T) {
	for _, paused := range []bool{false, true} {
		s := newStory(t)
		id := s.begin(all("a", "b"), call("a", "echo"), call("b", "echo"))
		a := s.lease(id, "a")
		s.try(Pause{Execution: id, Paused: true}, failure(a, "no"), Pause{Execution: id}, Pause{Execution: id, Paused: paused})
		if paused {
			s.parked(id, "a")
			s.parked(id, "b")
			continue
		}
		s.m.now = *s.task(id, "a").DueAt
		s.do(done(s.lease(id, "a")))
		s.do(done(s.lease(id, "b")))
	}
}
