package workflow

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// startSharing starts a function by the result that it shares.
func (s *story) startSharing(function string, delay time.Duration) ID {
	s.Helper()
	input := json.RawMessage("7")
	return s.do(Start{
		Execution: &Execution{Function: function, Input: input}, Function: s.book[function], Delay: delay,
		Result: s.book[function].ResultKey(input, nil, OpStart, 0),
	}).Execution.ID
}

// turn is an answer whose commands have the results of their calls named.
func (s *story) turn(l Lease, await Await, commands ...Command) TurnAnswered {
	NameResults(commands, s.book)
	return s.answer(l, await, commands...)
}

// beginSharing is begin with a turn.
func (s *story) beginSharing(await Await, commands ...Command) ID {
	s.Helper()
	id := s.start("program0")
	s.do(s.turn(s.lease(id), await, commands...))
	return id
}

// decide claims a task that is due and lets its result decide.
func (s *story) decide(execution ID, keys ...string) (Lease, Verdict) {
	s.Helper()
	l := s.lease(execution, keys...)
	t := s.m.tasks[l.Task]
	input := t.Input
	if input == nil {
		input = s.m.executions[execution].Input
	}
	return l, s.do(Beginning{Lease: l, Result: t.KeyOf(s.book[t.Name], input)})
}

func (s *story) wake(execution ID, keys ...string) *Task {
	s.Helper()
	s.do(Woken{Execution: execution, Task: s.task(execution, keys...).ID})
	return s.task(execution, keys...)
}

func (s *story) wantHit(value string, execution ID, keys ...string) {
	s.Helper()
	t := s.wantTask(TaskCompleted, execution, keys...)
	if string(t.Result) != value || !t.CacheHit || s.guard.deliveries[t.ID] != 0 {
		s.Fatalf("task %v has %s, by another's run: %v", keys, t.Result, t.CacheHit)
	}
}

func TestCallersAtTheSameTimeShareOneRunAndItsResult(t *testing.T) {
	t.Parallel()
	for _, value := range []string{`0`, `""`, `null`, `false`, `[]`, `{}`, `{"id": 1}`} {
		t.Run(value, func(t *testing.T) {
			s := tell(t)
			first, second := s.startSharing("once", 0), s.startSharing("once", 0)
			step := s.beginSharing(key("a"), Command{Key: "a", Op: OpCall, Name: "once", Input: json.RawMessage("7.0")})
			s.wantState(second, ExecutionRunning)
			s.wantTask(TaskWaiting, second)
			s.wantTask(TaskWaiting, step, "a")
			s.wake(second) // for nothing
			s.wantTask(TaskWaiting, second)
			s.do(Succeeded{Lease: s.lease(first), Value: json.RawMessage(value)})
			if e := s.wantState(first, ExecutionCompleted); s.task(first).CacheHit || string(e.Result) != value {
				t.Fatalf("the first has %s", e.Result)
			}
			s.wake(second)
			s.wantHit(value, second)
			if e := s.wantState(second, ExecutionCompleted); string(e.Result) != value {
				t.Fatalf("the second has %s", e.Result)
			}
			s.wake(step, "a")
			s.wantHit(value, step, "a")
			s.wantTask(TaskPending, step) // its next turn
			s.wantHitAtOnce(value)
		})
	}
}

// wantHitAtOnce makes every kind of call of a function that has a result by now.
func (s *story) wantHitAtOnce(value string) {
	s.Helper()
	s.wantHit(value, s.startSharing("once", 0))
	options := &CallOptions{MaxInFlight: 1}
	id := s.beginSharing(all("c", "m", "d"),
		Command{Key: "c", Op: OpCall, Name: "once", Input: json.RawMessage("7")},
		Command{Key: "m", Op: OpMap, Name: "once", Options: options, Inputs: []json.RawMessage{[]byte("7"), []byte("7"), []byte("7")}},
		Command{Key: "d", Op: OpDispatch, Name: "once", Input: json.RawMessage("7")},
	)
	s.wantHit(value, id, "c")
	if m := s.wantTask(TaskCompleted, id, "m"); string(m.Result) != fmt.Sprintf("[%[1]s,%[1]s,%[1]s]", value) {
		s.Fatalf("the map has %s", m.Result)
	}
	var child struct {
		ID ID `json:"execution_id"`
	}
	if err := json.Unmarshal(s.task(id, "d").Result, &child); err != nil {
		s.Fatal(err)
	}
	s.wantHit(value, child.ID)
	s.wantState(child.ID, ExecutionCompleted)
	s.wantTask(TaskPending, id) // all of it has settled
}

func TestCallersInOneBatchShareOneRun(t *testing.T) {
	s := tell(t)
	s.terms = &Terms{Scheduler: schedulers[0], Room: 9, Serves: func(string, *Function) bool { return true }}
	start := Start{Execution: &Execution{Function: "once"}, Function: s.book["once"], Result: s.book["once"].ResultKey(nil, nil, OpStart, 0)}
	v := s.try(start, start)
	first, second := v[0].Execution.ID, v[1].Execution.ID
	s.wantTask(TaskRunning, first)
	s.wantTask(TaskWaiting, second)
	s.try(done(leaseOf(s.task(first))), Woken{Execution: second, Task: s.task(second).ID})
	s.wantHit(`"done"`, second)
}

func TestOfThoseThatWaitOneRunsWhenTheOwnerFails(t *testing.T) {
	s := tell(t)
	first, second, third := s.startSharing("once", 0), s.startSharing("once", 0), s.startSharing("once", 0)
	s.do(Failed{Lease: s.lease(first), Error: Error{Type: "no", Message: "never"}})
	s.wantState(first, ExecutionFailed)
	if len(s.change.Freed) != 1 {
		t.Fatalf("%d results were freed", len(s.change.Freed))
	}
	s.try(Woken{Execution: third, Task: s.task(third).ID}, Woken{Execution: second, Task: s.task(second).ID})
	s.wantTask(TaskWaiting, second)
	s.do(failure(s.lease(third), "once more")) // it has retries of its own
	s.wantTask(TaskPending, third)
	s.pass(time.Minute)
	s.do(done(s.lease(third)))
	s.wake(second)
	s.wantHit(`"done"`, second)
}

func TestResultOfAnOwnerThatWasSweptAwayBelongsToNobody(t *testing.T) {
	s := tell(t)
	owner := s.beginSharing(key("m"), mapping("m", "once", 2, nil))
	waiting := s.beginSharing(key("m"), mapping("m", "once", 2, nil))
	s.wantTask(TaskWaiting, waiting, "m", "1")
	l := s.lease(owner, "m", "1")
	s.do(Cancel{Execution: owner, Force: true})
	s.refused(ErrLeaseLost, Succeeded{Lease: l, Value: null})
	s.wake(waiting, "m", "1")
	s.do(done(s.lease(waiting, "m", "1")))
	s.wantTask(TaskCompleted, waiting, "m", "1")
	s.wantHit(`"done"`, s.startSharingInput("once", "1"))
}

func (s *story) startSharingInput(function, input string) ID {
	s.Helper()
	return s.do(Start{
		Execution: &Execution{Function: function, Input: json.RawMessage(input)}, Function: s.book[function],
		Result: s.book[function].ResultKey(json.RawMessage(input), nil, OpStart, 0),
	}).Execution.ID
}

func TestWaitForAResultCanBeCancelled(t *testing.T) {
	s := tell(t)
	s.startSharing("once", 0)
	second := s.startSharing("once", 0)
	s.do(Cancel{Execution: second})
	s.wantState(second, ExecutionCancelled)
	step := s.beginSharing(key("a"), Command{Key: "a", Op: OpCall, Name: "once", Input: json.RawMessage("7")})
	s.wantTask(TaskWaiting, step, "a")
	s.do(Cancel{Execution: step})
	s.wantTask(TaskCancelled, step, "a")
	s.do(Woken{Execution: step, Task: s.task(step, "a").ID})
}

func TestExpiredResultIsComputedAgain(t *testing.T) {
	s := tell(t)
	first := s.startSharing("cached", 0)
	late := s.startSharing("cached", 0)
	s.do(done(s.lease(first)))
	s.pass(10*time.Second - 1)
	s.wantHit(`"done"`, s.startSharing("cached", 0))
	s.pass(1)
	again := s.startSharing("cached", 0)
	s.wantTask(TaskPending, again)
	s.do(Succeeded{Lease: s.lease(again), Value: json.RawMessage("2")})
	s.pass(time.Hour)
	s.wake(late) // it was there when the result was computed
	s.wantHit("2", late)
}

func TestIdempotentFunctionKeepsItsResultsForGood(t *testing.T) {
	s := tell(t)
	ttl := time.Duration(0)
	s.book["cached"].CacheTTL = &ttl
	for _, function := range []string{"once", "cached"} {
		s.do(done(s.lease(s.startSharing(function, 0))))
		s.pass(1000 * 24 * time.Hour)
		s.wantHit(`"done"`, s.startSharing(function, 0))
	}
}

func TestCallThatIsDueLaterKeepsNobodyWaiting(t *testing.T) {
	s := tell(t)
	delayed, owner := s.startSharing("once", time.Hour), s.startSharing("once", 0)
	s.wantTask(TaskPending, owner)
	s.wantState(delayed, ExecutionPending)
	s.pass(time.Hour)
	old, v := s.decide(delayed)
	if !v.Withheld {
		t.Fatal("it runs beside the owner")
	}
	s.wantTask(TaskWaiting, delayed)
	s.refused(ErrLeaseLost, done(old))
	s.do(done(s.lease(owner)))
	s.wake(delayed)
	s.wantHit(`"done"`, delayed)
	another := s.startSharing("once", time.Second)
	s.pass(time.Second)
	if _, v := s.decide(another); !v.Withheld {
		t.Fatal("it runs though its result is there")
	}
	s.wantHit(`"done"`, another)
}

func TestTaskThatIsToRunIsDeliveredOnceDecided(t *testing.T) {
	s := tell(t)
	id := s.start("once") // before it was registered as idempotent
	l, v := s.decide(id)
	if v.Withheld {
		t.Fatal("the only caller does not run")
	}
	if v := s.do(Beginning{Lease: l, Result: s.task(id).OwnsResult}); v.Withheld {
		t.Fatal("it does not run when the answer to the decision was lost")
	}
	s.wantTask(TaskWaiting, s.startSharing("once", 0))
	s.do(done(l))
	s.wantHit(`"done"`, s.startSharing("once", 0))
}

func TestItemsBeyondThoseInFlightOwnNothing(t *testing.T) {
	s := tell(t)
	id := s.beginSharing(key("m"), mapping("m", "once", 2, &CallOptions{MaxInFlight: 1}))
	other := s.startSharingInput("once", "1")
	s.wantTask(TaskPending, other)
	s.do(done(s.lease(id, "m", "0")))
	if _, v := s.decide(id, "m", "1"); !v.Withheld {
		t.Fatal("it runs beside the owner")
	}
	s.do(done(s.lease(other)))
	s.wake(id, "m", "1")
	if m := s.wantTask(TaskCompleted, id, "m"); string(m.Result) != `["done","done"]` {
		t.Fatalf("the result is %s", m.Result)
	}
}

func TestPausedExecutionOwnsNothingNew(t *testing.T) {
	s := tell(t)
	first, paused, third := s.startSharing("once", 0), s.startSharing("once", 0), s.startSharing("once", 0)
	s.do(Pause{Execution: paused, Paused: true})
	s.do(Failed{Lease: s.lease(first), Error: Error{Type: "no"}})
	s.wake(paused)
	s.wantTask(TaskWaiting, paused)
	s.wake(third)
	s.wantTask(TaskPending, third)
}

func TestSubWorkflowsShareAResultToo(t *testing.T) {
	s := tell(t)
	s.book["program1"].Idempotent = true
	first := s.beginSharing(key("s"), call("s", "program1"))
	second := s.beginSharing(key("s"), call("s", "program1"))
	s.wantTask(TaskWaiting, second, "s")
	s.do(s.turn(s.lease(first, "s"), key("a"), call("a", "echo")))
	s.do(done(s.lease(first, "s", "a")))
	s.do(s.end(s.lease(first, "s"), Outcome{Completed: json.RawMessage("false")}))
	s.wake(second, "s")
	s.wantHit("false", second, "s")
	s.wantTask(TaskPending, second)
}

func TestRunThatCallsItselfWithItsOwnKeyFails(t *testing.T) {
	s := tell(t)
	s.book["program0"].Idempotent = true
	id := s.startSharing("program0", 0)
	self := func(k string) Command {
		return Command{Key: k, Op: OpCall, Name: "program0", Input: json.RawMessage("7")}
	}
	s.do(s.turn(s.lease(id), key("a"), self("a")))
	if a := s.wantTask(TaskFailed, id, "a"); a.Error.Type != ErrorDeadlock {
		t.Fatalf("it failed with %v", a.Error)
	}
}

func TestCacheHitsOfAMapMakeRoomForTheItemsBehindThem(t *testing.T) {
	s := tell(t)
	for _, input := range []string{"0", "1"} {
		s.do(Succeeded{Lease: s.lease(s.startSharingInput("once", input)), Value: json.RawMessage(input)})
	}
	id := s.beginSharing(key("m"), mapping("m", "once", 4, &CallOptions{MaxInFlight: 1}))
	s.do(done(s.lease(id, "m", "2")))
	s.decide(id, "m", "3")
	s.do(done(leaseOf(s.task(id, "m", "3"))))
	if m := s.wantTask(TaskCompleted, id, "m"); string(m.Result) != `[0,1,"done","done"]` {
		t.Fatalf("the result is %s", m.Result)
	}
}
