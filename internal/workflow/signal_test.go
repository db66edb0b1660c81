package workflow

import (
	"encoding/json"
	"testing"
	"time"
)

func send(id ID, name, payload string) Send {
	return Send{Execution: id, Name: name, Payload: json.RawMessage(payload)}
}

func TestSignalBeforeTheWaitIsKeptForIt(t *testing.T) {
	s := tell(t)
	id := s.start("program0")
	if s.do(send(id, "go", "1")).Delivered || s.do(send(id, "go", "2")).Delivered {
		t.Fatal("nobody waits")
	}
	s.do(s.answer(s.lease(id), all("w", "x", "y"), wait("w", "go"), wait("x", "go"), wait("y", "go")))
	if w, x := s.task(id, "w"), s.task(id, "x"); string(w.Result) != "1" || string(x.Result) != "2" {
		t.Fatalf("the waits got %s and %s", w.Result, x.Result)
	}
	s.wantTask(TaskWaiting, id, "y")
	if v := s.do(send(id, "go", "3")); !v.Delivered || v.Signal.Seq != 3 {
		t.Fatalf("%+v", v)
	}
	s.wantTask(TaskPending, id)
}

func TestWaitsTakeSignalsInTheOrderInWhichTheyBegan(t *testing.T) {
	s := tell(t)
	id := s.begin(all("w", "x"), wait("w", "go"), wait("x", "go"), wait("other", "stop"))
	for i, v := range s.try(send(id, "go", "1"), send(id, "go", "2"), send(id, "go", "3")) {
		if v.Err != nil || v.Delivered != (i < 2) {
			t.Fatalf("signal %d: %+v", i, v)
		}
	}
	if w, x := s.task(id, "w"), s.task(id, "x"); string(w.Result) != "1" || string(x.Result) != "2" {
		t.Fatalf("the waits got %s and %s", w.Result, x.Result)
	}
	s.wantTask(TaskWaiting, id, "other")
}

func TestSignalInTheBatchOfTheTurnThatWaitsIsTaken(t *testing.T) {
	for _, first := range []bool{true, false} {
		s := newStory(t)
		id := s.start("program0")
		batch := []Event{s.answer(s.lease(id), key("w"), wait("w", "go")), send(id, "go", "1")}
		if first {
			batch[0], batch[1] = batch[1], batch[0]
		}
		s.try(batch...)
		s.wantTask(TaskCompleted, id, "w")
		s.wantTask(TaskPending, id)
	}
}

func TestWaitThatTimedOutTakesNoSignal(t *testing.T) {
	s := tell(t)
	timeout := time.Minute
	id := s.begin(key("w"), Command{Key: "w", Op: OpWaitSignal, Name: "go", Timeout: &timeout})
	s.pass(timeout)
	s.do(Elapsed{Lease: s.lease(id, "w")})
	if w := s.wantTask(TaskFailed, id, "w"); w.Error.Type != ErrorTimeout {
		t.Fatal(w.Error)
	}
	if s.do(send(id, "go", "1")).Delivered {
		t.Fatal("a wait that is over took it")
	}
}

func TestSignalBeatsATimeoutThatWasClaimedButNotStored(t *testing.T) {
	s := tell(t)
	timeout := time.Minute
	id := s.begin(key("w"), Command{Key: "w", Op: OpWaitSignal, Name: "go", Timeout: &timeout})
	s.pass(timeout)
	l := s.lease(id, "w")
	if !s.do(send(id, "go", "1")).Delivered {
		t.Fatal("the wait was still there")
	}
	if !s.do(Elapsed{Lease: l}).Replayed {
		t.Fatal("the timeout was applied too")
	}
	s.wantTask(TaskCompleted, id, "w")
}

func TestFullMailboxRefusesUnlessSomebodyWaits(t *testing.T) {
	s := tell(t)
	s.limits.Mailbox = 2
	id := s.begin(key("w"), wait("w", "wanted"))
	s.do(send(id, "a", "1"))
	s.do(send(id, "b", "1"))
	s.refused(ErrMailboxFull, send(id, "a", "1"))
	s.do(send(id, "wanted", "1"))
}

func TestSignalToAnEndedExecutionIsRefused(t *testing.T) {
	s := tell(t)
	id := s.start("echo")
	s.do(done(s.lease(id)))
	s.refused(ErrAlreadyTerminal, send(id, "go", "1"))
}

func TestCancelledWaitTakesNoSignal(t *testing.T) {
	s := tell(t)
	id := s.begin(key("a"), wait("w", "go"), call("a", "echo"))
	s.do(done(s.lease(id, "a")))
	s.do(s.answer(s.lease(id), key("x"), Command{Key: "c", Op: OpCancel, Targets: []string{"w"}}, wait("x", "go")))
	s.do(send(id, "go", "1"))
	s.wantTask(TaskCancelled, id, "w")
	s.wantTask(TaskCompleted, id, "x")
}
