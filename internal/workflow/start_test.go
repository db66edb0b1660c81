package workflow

import (
	"encoding/json"
	"testing"
	"time"
)

func keyed(k, request string) Start {
	return Start{Execution: &Execution{Function: "echo", IdempotencyKey: k, RequestHash: []byte(request)}, Function: newBook(0)["echo"]}
}

func TestSameKeyAndRequestGivesTheSameExecution(t *testing.T) {
	s := tell(t)
	first := s.do(keyed("k", "r"))
	if again := s.do(keyed("k", "r")); !again.Replayed || again.Execution.ID != first.Execution.ID {
		t.Fatalf("%+v", again)
	}
	if other := s.do(keyed("l", "r")); other.Replayed || other.Execution.ID == first.Execution.ID {
		t.Fatalf("%+v", other)
	}
	s.refused(ErrKeyReused, keyed("k", "another request"))
	if n := len(s.m.executions); n != 2 {
		t.Fatalf("%d executions", n)
	}
}

func TestSameKeyInOneBatchMakesOneExecution(t *testing.T) {
	s := tell(t)
	v := s.try(keyed("k", "r"), keyed("k", "r"), keyed("k", "other"))
	if v[0].Replayed || !v[1].Replayed || v[0].Execution.ID != v[1].Execution.ID || v[2].Err == nil || len(s.m.executions) != 1 {
		t.Fatalf("%+v", v)
	}
}

func TestStartThatMayBeStoredAlreadyIsNotStoredTwice(t *testing.T) {
	s := tell(t)
	ev := Start{Execution: &Execution{ID: ID{1}, Function: "echo"}, Function: s.book["echo"], Again: true}
	s.do(ev)
	if v := s.do(ev); v.Execution.ID != (ID{1}) || len(s.m.executions) != 1 {
		t.Fatalf("%+v, %d executions", v, len(s.m.executions))
	}
}

func TestStartDoesNotChangeItsEvent(t *testing.T) {
	s := tell(t)
	ev := keyed("", "r")
	before := picture(ev)
	s.do(ev)
	if after := picture(ev); after != before {
		t.Fatalf("%s\n%s", before, after)
	}
}

func TestDelayedStartIsDueThen(t *testing.T) {
	s := tell(t)
	at := s.m.now.Add(time.Hour)
	later := s.do(Start{Execution: &Execution{Function: "echo"}, Function: s.book["echo"], StartAt: &at}).Execution
	if due := s.task(later.ID).DueAt; !due.Equal(at) {
		t.Fatalf("due at %v", due)
	}
	past := s.m.now.Add(-time.Hour)
	now := s.do(Start{Execution: &Execution{Function: "echo"}, Function: s.book["echo"], StartAt: &past}).Execution
	if due := s.task(now.ID).DueAt; !due.Equal(s.m.now) {
		t.Fatalf("due at %v", due)
	}
}

func TestDispatchStartsAnExecutionOfItsOwn(t *testing.T) {
	s := tell(t)
	priority := 7
	id := s.begin(key("d"), Command{
		Key: "d", Op: OpDispatch, Name: "echo", Input: json.RawMessage("3"),
		Options: &CallOptions{Queue: "eu", Priority: &priority, Tags: []string{"x"}, Delay: time.Minute, MaxDuration: time.Hour},
	})
	var step struct {
		Execution ID `json:"execution_id"`
	}
	if err := json.Unmarshal(s.wantTask(TaskCompleted, id, "d").Result, &step); err != nil {
		t.Fatal(err)
	}
	e := s.wantState(step.Execution, ExecutionPending)
	if e.Queue != "eu" || e.Priority != 7 || len(e.Tags) != 1 || e.DispatchedBy != s.task(id, "d").ID || string(e.Input) != "3" {
		t.Fatalf("%+v", e)
	}
	if wait := e.DeadlineAt.Sub(s.m.now); wait != time.Hour+time.Minute {
		t.Fatalf("the deadline is in %v", wait)
	}
	s.do(Cancel{Execution: id, Force: true})
	s.wantState(step.Execution, ExecutionPending)
}

func TestCountersDoNotWrapAround(t *testing.T) {
	s := tell(t)
	id := s.start("echo")
	for range 3 {
		s.do(Count{Execution: id, Name: "n", Add: 1 << 62})
	}
	if v := s.do(Count{Execution: id, Name: "n", Add: 0}); v.Value != 1<<63-1 {
		t.Fatalf("%d", v.Value)
	}
}

func TestStateIsSetFromOutsideAndByCommands(t *testing.T) {
	s := tell(t)
	id := s.begin(key("s"), Command{Key: "s", Op: OpState, Name: "phase", Value: json.RawMessage(`"one"`)})
	s.do(SetState{Execution: id, Key: "other", Value: json.RawMessage("2")})
	if s.m.state[NameRef{id, "phase"}] == nil || string(s.m.state[NameRef{id, "other"}]) != "2" {
		t.Fatalf("%v", s.m.state)
	}
}
