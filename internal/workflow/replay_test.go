package workflow

import (
	"encoding/json"
	"errors"
	"testing"
	"time"
)

// fail lets the task at a path fail for good.
func (s *story) fail(execution ID, keys ...string) ID {
	s.Helper()
	l := s.lease(execution, keys...)
	s.do(Failed{Lease: l, Error: Error{Type: "broken", Message: "it fails"}})
	return l.Task
}

// giveUp ends the turn of an orchestrator that is due with a failure.
func (s *story) giveUp(execution ID, keys ...string) ID {
	s.Helper()
	l := s.lease(execution, keys...)
	s.do(s.end(l, Outcome{Failed: &Error{Type: "given up"}}))
	return l.Task
}

// replay replays a dead letter with its retries reset.
func (s *story) replay(execution, task ID) Verdict {
	s.Helper()
	before := s.m.executions[execution].State
	v := s.do(Replay{Execution: execution, Task: task, ResetRetries: true})
	if before.Terminal() && s.m.executions[execution].CompletedAt != nil {
		s.Fatal("the execution has still ended")
	}
	return v
}

// opens lets the guard know of what events opened that had ended.
func (s *story) opens(events []Event, verdicts []Verdict) {
	s.Helper()
	for i, e := range events {
		w, ok := e.(whole)
		if discard, is := e.(Discard); is {
			s.guard.exhumed[discard.Execution] = true
		}
		if !ok || verdicts[i].Err != nil {
			continue
		}
		s.guard.exhumed[w.tree()] = true
		if err := s.guard.reopened(s.m, w.tree()); err != nil {
			s.Fatal(err)
		}
	}
}

func (s *story) wantDead(want ...ID) {
	s.Helper()
	for _, id := range want {
		if _, dead := s.m.dead[id]; !dead {
			s.Errorf("task %q has no dead letter", s.m.tasks[id].Key)
		}
	}
	if len(s.m.dead) != len(want) {
		s.Fatalf("%d dead letters, want %d", len(s.m.dead), len(want))
	}
}

func TestTaskThatFailsForGoodIsInTheDeadLetters(t *testing.T) {
	s := tell(t)
	id := s.begin(key("a"), call("a", "poor"), mapping("m", "echo", 2, &CallOptions{Collect: true}))
	s.do(failure(s.lease(id, "a"), "first"))
	s.wantDead()
	s.pass(time.Minute)
	l := s.lease(id, "a")
	s.do(failure(l, "second"))
	item := s.fail(id, "m", "1")
	root := s.giveUp(id)
	s.wantDead(l.Task, item, root)
	letter := s.m.dead[l.Task]
	if letter.Function != "poor" || letter.Queue != DefaultQueue || letter.Kind != KindActivity || letter.Error.Type != "second" ||
		letter.Attempts != 2 || !letter.FailedAt.Equal(s.m.now) || letter.Execution != id {
		t.Fatalf("the dead letter is %+v", letter)
	}
	if letter := s.m.dead[root]; letter.Kind != KindOrchestrator || letter.Attempts != 2 || letter.Error.Type != "given up" {
		t.Fatalf("the orchestrator's is %+v", letter)
	}
}

func TestWhatFailsInACancelledExecutionIsNoDeadLetter(t *testing.T) {
	s := tell(t)
	id := s.begin(key("a"), call("a", "echo"))
	s.do(Cancel{Execution: id})
	s.do(s.answer(s.lease(id), key("undo"), call("undo", "echo")))
	s.fail(id, "undo")
	s.wantDead()
}

func TestReplayReopensWhatFailedBecauseOfTheTask(t *testing.T) {
	s := tell(t)
	id := s.begin(all("sub", "b"), call("sub", "program1"), call("b", "echo"))
	s.do(done(s.lease(id, "b")))
	s.do(s.answer(s.lease(id, "sub"), key("m"), mapping("m", "echo", 3, &CallOptions{MaxInFlight: 2})))
	failed := s.fail(id, "sub", "m", "1")
	s.giveUp(id, "sub")
	s.giveUp(id)
	s.wantState(id, ExecutionFailed)

	s.replay(id, failed)
	s.wantDead()
	if e := s.wantState(id, ExecutionRunning); e.Error != nil || e.Result != nil {
		t.Fatalf("the execution is %+v", e)
	}
	item := s.wantTask(TaskPending, id, "sub", "m", "1")
	if item.Failures != 0 || item.Error != nil || item.Seq != 0 || item.Token < 2 {
		t.Fatalf("the item is %+v", item)
	}
	for _, orchestrator := range [][]string{nil, {"sub"}} {
		if o := s.wantTask(TaskPending, id, orchestrator...); o.DueAt == nil || o.Error != nil {
			t.Fatalf("the orchestrator %v is %+v", orchestrator, o)
		}
	}
	s.wantTask(TaskWaiting, id, "sub", "m")
	s.wantTask(TaskPending, id, "sub", "m", "0")
	if last := s.wantTask(TaskPending, id, "sub", "m", "2"); last.DueAt != nil {
		t.Fatal("three items are in flight, the map has at most two")
	}

	s.do(s.answer(s.lease(id), all("sub", "b"), call("sub", "program1"), call("b", "echo")))
	s.do(s.answer(s.lease(id, "sub"), key("m"), mapping("m", "echo", 3, &CallOptions{MaxInFlight: 2})))
	for _, i := range []string{"1", "0", "2"} {
		s.do(done(s.lease(id, "sub", "m", i)))
	}
	s.do(s.end(s.lease(id, "sub"), Outcome{Completed: json.RawMessage("1")}))
	s.do(s.end(s.lease(id), Outcome{Completed: json.RawMessage("2")}))
	s.wantState(id, ExecutionCompleted)
	if b := s.task(id, "b"); b.Seq != 1 || b.Token != 1 {
		t.Fatalf("the step that had completed is %+v", b)
	}
}

func TestReplayOfALoneActivityRunsItAgain(t *testing.T) {
	s := tell(t)
	id := s.start("poor")
	s.fail(id)
	s.do(Replay{Execution: id, Task: s.task(id).ID, Queue: "other"})
	s.wantState(id, ExecutionRunning)
	if root := s.wantTask(TaskPending, id); root.Queue != "other" || root.Failures != 1 {
		t.Fatalf("the task is %+v", root)
	}
	s.do(failure(s.lease(id), "again"))
	s.wantState(id, ExecutionFailed) // of its two attempts, one was left
	s.wantDead(s.task(id).ID)
}

func TestReplayGivesAWaitingOrchestratorATurnAndMakesOneUnderWayStale(t *testing.T) {
	s := tell(t)
	id := s.begin(all("a", "b", "c"), call("a", "echo"), call("b", "echo"), call("c", "echo"))
	a := s.fail(id, "a")
	s.do(done(s.lease(id, "b")))
	s.replay(id, a)
	if b := s.task(id, "b"); b.Seq != 1 {
		t.Fatalf("b settled as number %d, nothing before it any more", b.Seq)
	}
	s.do(s.answer(s.lease(id), all("a", "b", "c")))
	a = s.fail(id, "a")
	s.do(done(s.lease(id, "c"))) // decides the wait
	stale := s.lease(id)
	s.replay(id, a)
	s.refused(ErrLeaseLost, s.answer(stale, key("d"), call("d", "echo")))
	s.do(s.answer(s.lease(id), all("a", "b", "c")))
	s.do(done(s.lease(id, "a")))
	s.wantTask(TaskPending, id)
}

func TestReplayBringsTimersAndWaitsBackToTheirOldEnds(t *testing.T) {
	s := tell(t)
	timeout := time.Hour
	late := call("late", "echo")
	late.Options = &CallOptions{Delay: time.Hour}
	id := s.begin(all("sub", "rest"), call("sub", "program1"), wait("rest", "rest"))
	s.do(s.answer(s.lease(id, "sub"), combine(AwaitAny, "a", "nap", "first", "second", "late"), call("a", "echo"), late,
		Command{Key: "nap", Op: OpSleep, Duration: time.Hour}, wait("first", "go"),
		Command{Key: "second", Op: OpWaitSignal, Name: "go", Timeout: &timeout}))
	end := s.m.now.Add(time.Hour)
	a := s.fail(id, "sub", "a")
	s.giveUp(id, "sub")
	s.do(send(id, "go", `"early"`)) // nobody waits for it now
	s.pass(time.Minute)
	s.replay(id, a)
	if first := s.wantTask(TaskCompleted, id, "sub", "first"); string(first.Result) != `"early"` {
		t.Fatalf("the oldest wait has %s", first.Result)
	}
	for _, step := range []string{"nap", "second", "late"} {
		if task := s.task(id, "sub", step); task.DueAt == nil || !task.DueAt.Equal(end) {
			t.Fatalf("%s is %s, due %v, want %v", step, task.State, task.DueAt, end)
		}
	}
	if v := s.do(send(id, "go", `"late"`)); !v.Delivered {
		t.Fatal("the second wait does not wait again")
	}
	s.wantTask(TaskWaiting, id, "rest")
}

func TestReplayOfAnOrchestratorDeliversItsTurnAgain(t *testing.T) {
	s := tell(t)
	id := s.begin(key("a"), call("a", "echo"), call("b", "echo"))
	s.do(done(s.lease(id, "a")))
	root := s.giveUp(id)
	s.wantTask(TaskCancelled, id, "b")
	s.replay(id, root)
	s.wantTask(TaskPending, id, "b")
	if a := s.wantTask(TaskCompleted, id, "a"); a.Seq != 1 {
		t.Fatalf("the history has a as %+v", a)
	}
	s.do(s.end(s.lease(id), Outcome{Completed: json.RawMessage("1")}))
	s.wantState(id, ExecutionCompleted)
}

func TestOfTwoReplaysOneDoesIt(t *testing.T) {
	s := tell(t)
	id := s.start("echo")
	task := s.fail(id)
	again := Replay{Execution: id, Task: task}
	v := s.try(again, again)
	if v[0].Err != nil || !errors.Is(v[1].Err, ErrNotFound) {
		t.Fatalf("got %v and %v", v[0].Err, v[1].Err)
	}
	s.refused(ErrNotFound, again)
	s.refused(ErrNotFound, Replay{Execution: ID{1}, Task: task})
}

func TestReplayIsRefusedWhenNobodyWaitsForTheTask(t *testing.T) {
	s := tell(t)
	conflict := func(id, task ID) {
		t.Helper()
		var why *ConflictError
		if v := s.try(Replay{Execution: id, Task: task}); !errors.As(v[0].Err, &why) {
			t.Fatalf("got %v", v[0].Err)
		}
	}
	completed := s.begin(all("a", "sub"), call("a", "echo"), call("sub", "program1"))
	a := s.fail(completed, "a")
	s.do(s.answer(s.lease(completed, "sub"), key("b"), call("b", "echo")))
	b := s.fail(completed, "sub", "b")
	s.do(s.end(s.lease(completed, "sub"), Outcome{Completed: json.RawMessage("1")}))
	conflict(completed, b)
	s.do(s.end(s.lease(completed), Outcome{Completed: json.RawMessage("1")}))
	conflict(completed, a)

	next := s.begin(key("a"), call("a", "echo"))
	a = s.fail(next, "a")
	s.do(s.end(s.lease(next), Outcome{ContinueAsNew: json.RawMessage("8")}))
	conflict(next, a)

	cancelled := s.begin(all("a", "b"), call("a", "echo"), call("b", "echo"))
	a = s.fail(cancelled, "a")
	s.do(Cancel{Execution: cancelled})
	conflict(cancelled, a)
	s.do(Cancel{Execution: cancelled, Force: true})
	conflict(cancelled, a)
}

func TestDeadlineThatHasPassedNoLongerHoldsAfterAReplay(t *testing.T) {
	s := tell(t)
	start := func() ID {
		id := s.do(Start{
			Execution: &Execution{Function: "program0", Input: json.RawMessage("7")}, Function: s.book["program0"], Duration: time.Hour,
		}).Execution.ID
		s.do(s.answer(s.lease(id), all("a", "b"), call("a", "echo"), call("b", "echo")))
		return id
	}
	deadline := func(id ID) *Task {
		for _, made := range s.m.made {
			if task := s.m.tasks[made]; task.Execution == id && task.Op == OpDeadline {
				return task
			}
		}
		return nil
	}
	early, late := start(), start()
	a := s.fail(early, "a")
	s.giveUpNow(early)
	s.replay(early, a)
	if timer := deadline(early); timer.State != TaskWaiting || timer.DueAt == nil || s.m.executions[early].DeadlineAt == nil {
		t.Fatalf("the deadline to come is %+v", timer)
	}
	a = s.fail(late, "a")
	s.pass(time.Hour)
	timer := deadline(late)
	s.m.claim(timer, schedulers[1], nil)
	s.do(Elapsed{Lease: leaseOf(timer)})
	s.wantState(late, ExecutionTimedOut)
	s.replay(late, a)
	if e := s.wantState(late, ExecutionRunning); e.DeadlineAt != nil || deadline(late).State != TaskCancelled {
		t.Fatalf("the deadline that has passed is %v, %+v", e.DeadlineAt, deadline(late))
	}
	s.wantTask(TaskPending, late, "b")
}

// giveUpNow fails an orchestrator whose wait is not decided yet.
func (s *story) giveUpNow(execution ID) {
	s.Helper()
	s.do(done(s.lease(execution, "b")))
	s.giveUp(execution)
}

func TestDiscardedDeadLetterIsGone(t *testing.T) {
	s := tell(t)
	id := s.start("echo")
	task := s.fail(id)
	s.do(Discard{Execution: id, Task: task})
	s.wantDead()
	s.refused(ErrNotFound, Discard{Execution: id, Task: task})
	s.refused(ErrNotFound, Replay{Execution: id, Task: task})
	s.wantTask(TaskFailed, id)
}

func TestBatchSeesWhatAReplayInItOpened(t *testing.T) {
	s := tell(t)
	id := s.begin(all("sub", "ok"), call("sub", "program1"), wait("ok", "ok"))
	s.do(s.answer(s.lease(id, "sub"), combine(AwaitAny, "a", "b", "go"), call("a", "echo"), call("b", "echo"), wait("go", "go")))
	a, b := s.fail(id, "sub", "a"), s.fail(id, "sub", "b")
	sub := s.lease(id, "sub")
	v := s.try(
		s.end(sub, Outcome{Failed: &Error{Type: "given up"}}), send(id, "go", "1"),
		Replay{Execution: id, Task: a}, send(id, "go", "2"), Replay{Execution: id, Task: b})
	for i := range v {
		if v[i].Err != nil {
			t.Fatalf("event %d: %v", i, v[i].Err)
		}
	}
	if v[1].Delivered || string(s.wantTask(TaskCompleted, id, "sub", "go").Result) != "1" || s.m.executions[id].Buffered != 1 {
		t.Fatalf("the wait has not taken the first signal: %+v", v)
	}
	s.wantTask(TaskPending, id, "sub", "a")
	s.wantTask(TaskPending, id, "sub", "b")
	s.wantTask(TaskPending, id, "sub")
	s.wantDead()
}

func TestReplayedTurnIsHandedOverOnce(t *testing.T) {
	s := tell(t)
	id := s.begin(all("a", "b", "c"), call("a", "echo"), call("b", "echo"), call("c", "echo"))
	a, b := s.fail(id, "a"), s.fail(id, "b")
	s.terms = &Terms{Scheduler: schedulers[0], Room: 5, Serves: func(string, *Function) bool { return true }}
	s.try(Replay{Execution: id, Task: a}, Replay{Execution: id, Task: b})
	if len(s.change.Handed) != 1 {
		t.Fatalf("%d turns were handed over", len(s.change.Handed))
	}
}
