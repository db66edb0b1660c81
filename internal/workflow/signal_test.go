package workflow

import (
	"encoding/json"
	"errors"
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

func withKey(s Send, key string) Send {
	s.IdempotencyKey, s.RequestHash = key, []byte(s.Name+string(s.Payload))
	return s
}

func TestSignalWithAKeyIsSentOnce(t *testing.T) {
	s := tell(t)
	id, other := s.begin(key("w"), wait("w", "stop")), s.start("program0")
	event := withKey(send(id, "go", "1"), "k")
	verdicts := s.try(event, event, withKey(send(id, "go", "2"), "k"), withKey(send(other, "go", "1"), "k"), withKey(send(id, "go", "1"), "l"))
	first := verdicts[0].Signal
	if verdicts[0].Replayed || !verdicts[1].Replayed || verdicts[1].Signal != first || !errors.Is(verdicts[2].Err, ErrKeyReused) {
		t.Fatalf("%+v", verdicts)
	}
	if verdicts[3].Err != nil || verdicts[3].Replayed || verdicts[4].Err != nil || verdicts[4].Replayed {
		t.Fatalf("another execution or another key: %+v", verdicts[3:])
	}
	if v := s.do(event); !v.Replayed || v.Delivered || v.Signal.ID != first.ID || !s.change.Empty() {
		t.Fatalf("in another batch: %+v", v)
	}
	s.refused(ErrKeyReused, withKey(send(id, "stop", "1"), "k"))
	if n := len(s.m.signals[id]); n != 2 {
		t.Fatalf("%d signals", n)
	}
}

func TestRepeatedSignalIsToldWhatBecameOfIt(t *testing.T) {
	s := tell(t)
	id := s.start("program0")
	event := withKey(send(id, "go", "1"), "k")
	first := s.do(event).Signal.ID
	s.do(s.answer(s.lease(id), key("w"), wait("w", "go")))
	if v := s.do(event); !v.Replayed || !v.Delivered || v.Signal.ID != first {
		t.Fatalf("after a wait took it: %+v", v)
	}
	s.do(Cancel{Execution: id, Force: true})
	if v := s.do(event); !v.Replayed || v.Signal.ID != first {
		t.Fatalf("after the end: %+v", v)
	}
	s.refused(ErrKeyReused, withKey(send(id, "go", "2"), "k"))
	s.refused(ErrAlreadyTerminal, withKey(send(id, "go", "1"), "l"))
	s.refused(ErrNotFound, withKey(send(ID{1}, "go", "1"), "k"))
}

func TestOnlySignalsWithAKeyMayBeRepeatedBlindly(t *testing.T) {
	t.Parallel()
	if Repeatable(send(ID{1}, "go", "1")) || !Repeatable(withKey(send(ID{1}, "go", "1"), "k")) {
		t.Fatal("a signal without a key would be sent twice, or one with a key not again")
	}
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
