package workflow

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"testing"
	"time"
)

// story is one execution after another, told step by step; the invariants are
// checked after each.
type story struct {
	*testing.T
	m      *model
	guard  *guard
	book   book
	limits Limits
	terms  *Terms
	ids    uint64
	change *Change // the last one saved
}

func tell(t *testing.T) *story {
	t.Helper()
	t.Parallel()
	return newStory(t)
}

func newStory(t *testing.T) *story {
	return &story{T: t, m: newModel(), guard: newGuard(), book: newBook(2), limits: DefaultLimits()}
}

func (s *story) newID() (id ID) {
	s.ids++
	binary.BigEndian.PutUint64(id[:8], s.ids)
	return id
}

// try decides and saves events as one batch.
func (s *story) try(events ...Event) []Verdict {
	s.Helper()
	env := Env{NewID: s.newID, Random: func() float64 { return 0.5 }, Functions: s.book, Limits: s.limits, Terms: s.terms}
	change, verdicts := Decide(s.m.load(NeedOf(events)), events, env)
	if _, err := s.m.save(change); err != nil {
		s.Fatalf("saving: %v", err)
	}
	s.change = change
	for i, e := range events {
		if turn, ok := e.(TurnAnswered); ok && verdicts[i].Err == nil && !verdicts[i].Replayed && turn.Outcome == nil {
			if s.m.tasks[turn.Lease.Task].State == TaskWaiting {
				s.guard.awaits[turn.Lease.Task] = turn.Await
			}
		}
	}
	s.opens(events, verdicts)
	if err := s.guard.check(s.m); err != nil {
		s.Fatal(err)
	}
	return verdicts
}

// do is try, of one event that must not be refused.
func (s *story) do(e Event) Verdict {
	s.Helper()
	v := s.try(e)[0]
	if v.Err != nil {
		s.Fatalf("%T was refused: %v", e, v.Err)
	}
	return v
}

// refused is try, of one event that must be refused with an error.
func (s *story) refused(want error, e Event) Verdict {
	s.Helper()
	v := s.try(e)[0]
	if !errors.Is(v.Err, want) || !s.change.Empty() && len(s.change.NewTasks)+len(s.change.Tasks) > 0 {
		s.Fatalf("%T got %v, want %v", e, v.Err, want)
	}
	return v
}

func (s *story) start(function string) ID {
	s.Helper()
	return s.do(Start{Execution: &Execution{Function: function, Input: json.RawMessage("7")}, Function: s.book[function]}).Execution.ID
}

func (s *story) pass(d time.Duration) { s.m.now = s.m.now.Add(d) }

// lease claims the task at a path of step keys, which must be due by now.
func (s *story) lease(execution ID, keys ...string) Lease {
	s.Helper()
	t := s.task(execution, keys...)
	if t.DueAt == nil || t.DueAt.After(s.m.now) {
		s.Fatalf("task %v is %s, due %v, now %v", keys, t.State, t.DueAt, s.m.now)
	}
	s.m.claim(t, schedulers[1], s.book[t.Name])
	return leaseOf(t)
}

func (s *story) task(execution ID, keys ...string) *Task {
	s.Helper()
	t := s.m.named(execution, keys...)
	if t == nil {
		s.Fatalf("there is no task %v", keys)
	}
	return t
}

// answer is a root turn's answer under a lease: commands and what to wait for.
func (s *story) answer(l Lease, await Await, commands ...Command) TurnAnswered {
	t := s.m.tasks[l.Task]
	return TurnAnswered{Lease: l, Run: t.Run, CancelSeen: t.CancelRequested, Commands: commands, Await: &await}
}

func (s *story) end(l Lease, o Outcome) TurnAnswered {
	t := s.m.tasks[l.Task]
	return TurnAnswered{Lease: l, Run: t.Run, CancelSeen: t.CancelRequested, Outcome: &o}
}

// begin starts program0 and stores its first turn.
func (s *story) begin(await Await, commands ...Command) ID {
	s.Helper()
	id := s.start("program0")
	s.do(s.answer(s.lease(id), await, commands...))
	return id
}

func (s *story) wantState(execution ID, want ExecutionState) *Execution {
	s.Helper()
	e := s.m.executions[execution]
	if e.State != want {
		s.Fatalf("the execution is %s (%v), want %s", e.State, e.Error, want)
	}
	return e
}

func (s *story) wantTask(want TaskState, execution ID, keys ...string) *Task {
	s.Helper()
	t := s.task(execution, keys...)
	if t.State != want {
		s.Fatalf("task %v is %s (%v), want %s", keys, t.State, t.Error, want)
	}
	return t
}

func key(k string) Await { return Await{Key: k} }

func all(keys ...string) Await { return combine(AwaitAll, keys...) }

func combine(mode AwaitMode, keys ...string) Await {
	a := Await{Mode: mode}
	for _, k := range keys {
		a.Of = append(a.Of, key(k))
	}
	return a
}

func call(k, name string) Command {
	return Command{Key: k, Op: OpCall, Name: name, Input: json.RawMessage("1")}
}

func wait(k, signal string) Command { return Command{Key: k, Op: OpWaitSignal, Name: signal} }

func done(l Lease) Succeeded { return Succeeded{Lease: l, Value: json.RawMessage(`"done"`)} }

func failure(l Lease, kind string) Failed {
	return Failed{Lease: l, Retryable: true, Error: Error{Type: kind, Message: "it fails"}}
}
