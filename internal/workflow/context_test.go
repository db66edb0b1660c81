package workflow

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
)

// counting completes an attempt that adds to a counter and sets a key of the state.
func counting(l Lease, add int64, state string) Succeeded {
	ev := done(l)
	ev.ContextUpdate = ContextUpdate{Counters: map[string]int64{"n": add}, State: map[string]json.RawMessage{"k": json.RawMessage(state)}}
	return ev
}

func TestCompletionIsCountedOnceHoweverOftenItIsReported(t *testing.T) {
	s := tell(t)
	id := s.begin(all("a", "b"), call("a", "echo"), call("b", "echo"))
	a, b := s.lease(id, "a"), s.lease(id, "b")
	s.do(Count{Execution: id, Name: "n", Add: 100})
	s.try(counting(a, 1, `"a"`), counting(a, 1, `"again"`), counting(b, 10, `"b"`), counting(b, 10, `"b"`))
	if v := s.do(counting(a, 1, `"late"`)); !v.Replayed || !s.change.Empty() {
		t.Fatalf("%+v changes %+v", v, s.change)
	}
	if n, k := s.m.counters[NameRef{id, "n"}], s.m.state[NameRef{id, "k"}]; n != 111 || string(k) != `"b"` {
		t.Fatalf("n is %d, k is %s", n, k)
	}
}

func TestStaleOrFailedAttemptCountsNothing(t *testing.T) {
	s := tell(t)
	id := s.begin(key("a"), call("a", "echo"))
	stale := s.lease(id, "a")
	s.do(Orphaned{Lease: stale})
	s.refused(ErrLeaseLost, counting(stale, 1, "1"))
	s.do(failure(s.lease(id, "a"), "no"))
	if len(s.m.counters)+len(s.m.state) > 0 || s.m.executions[id].ContextSeq != 0 {
		t.Fatalf("%v %v after %d writes", s.m.counters, s.m.state, s.m.executions[id].ContextSeq)
	}
}

func TestContextSequenceGrowsWithACompletionThatCounts(t *testing.T) {
	s := tell(t)
	id := s.begin(all("a", "b"), call("a", "echo"), call("b", "echo"))
	s.do(done(s.lease(id, "a")))
	if got := s.m.executions[id].ContextSeq; got != 0 {
		t.Fatalf("%d after a completion without anything", got)
	}
	s.do(counting(s.lease(id, "b"), 0, "null"))
	if got := s.m.executions[id].ContextSeq; got != 1 {
		t.Fatalf("%d after one with something", got)
	}
}

func TestCompletionThatEndsItsExecutionCounts(t *testing.T) {
	s := tell(t)
	id := s.start("echo")
	s.do(counting(s.lease(id), 7, "[]"))
	s.wantState(id, ExecutionCompleted)
	if s.m.counters[NameRef{id, "n"}] != 7 {
		t.Fatal(s.m.counters)
	}
}

func TestContextUpdateNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	many := ContextUpdate{Counters: map[string]int64{}}
	for i := range 1_001 {
		many.Counters[fmt.Sprint(i)] = 1
	}
	for want, u := range map[string]ContextUpdate{
		"":                 {Counters: map[string]int64{"a b": 1}, State: map[string]json.RawMessage{"é": nil}},
		"/counters":        many,
		"/state/":          {State: map[string]json.RawMessage{"": nil}},
		"/counters/~0~1\n": {Counters: map[string]int64{"~/\n": 1}},
	} {
		var faults FieldErrors
		if err := u.Check(); (err == nil) != (want == "") || err != nil && (!errors.As(err, &faults) || faults[0].Pointer != want) {
			t.Errorf("%q: %v", want, err)
		}
	}
}
