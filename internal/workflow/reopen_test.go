package workflow

import (
	"encoding/json"
	"errors"
	"testing"
	"time"
)

// What an execution that is opened again has to do with shared results, callbacks,
// slots and pauses.

// shareProgram makes program1 idempotent.
func shareProgram(t *testing.T) *story {
	s := tell(t)
	s.book["program1"].Idempotent = true
	return s
}

func (s *story) result(execution ID) *Result {
	s.Helper()
	return s.m.results[s.book["program1"].ResultKey(s.m.executions[execution].Input, nil, OpStart, 0)]
}

func TestReplayedOrchestratorRunsForItsSharedResultAgain(t *testing.T) {
	s := shareProgram(t)
	id := s.startSharing("program1", 0)
	s.do(s.answer(s.lease(id), key("a"), call("a", "echo")))
	s.do(done(s.lease(id, "a")))
	root := s.giveUp(id)
	s.replay(id, root)
	waiting := s.startSharing("program1", 0)
	s.wantTask(TaskWaiting, waiting)
	s.do(s.end(s.lease(id), Outcome{Completed: json.RawMessage("5")}))
	s.wake(waiting)
	s.wantHit("5", waiting)
}

func TestReplayedOrchestratorTakesTheResultThatAnotherMadeSince(t *testing.T) {
	s := shareProgram(t)
	id := s.startSharing("program1", 0)
	s.do(s.answer(s.lease(id), key("b"), call("a", "echo"), call("b", "echo")))
	s.do(done(s.lease(id, "b")))
	root := s.giveUp(id)
	other := s.startSharing("program1", 0)
	s.replay(id, root)
	if r := s.wantTask(TaskWaiting, id); r.AwaitsResult.IsZero() || r.Run != 1 {
		t.Fatalf("it does not wait for the other's result: %+v", r)
	}
	s.do(s.end(s.lease(other), Outcome{Completed: json.RawMessage("5")}))
	s.wake(id)
	s.wantHit("5", id)
	s.wantState(id, ExecutionCompleted)
}

func TestReplayedOrchestratorBeginsANewRunWhenTheOtherFailsToo(t *testing.T) {
	s := shareProgram(t)
	id := s.startSharing("program1", 0)
	s.do(s.answer(s.lease(id), key("b"), call("a", "echo"), call("b", "echo")))
	s.do(done(s.lease(id, "b")))
	root := s.giveUp(id)
	other := s.startSharing("program1", 0)
	s.replay(id, root)
	s.giveUp(other)
	s.wake(id)
	s.do(s.answer(s.lease(id), key("b"), call("a", "echo"), call("b", "echo")))
	if s.keys(id) != "a b" || s.wantTask(TaskPending, id, "b").ParentRun != 1 {
		t.Fatalf("the new run has %s", s.keys(id))
	}
	s.do(done(s.lease(id, "b")))
	s.do(s.end(s.lease(id), Outcome{Completed: json.RawMessage("5")}))
	if r := s.result(id); r.State != ResultCompleted || r.Execution != id {
		t.Fatalf("the result is %+v", r)
	}
}

func TestReplayIsRefusedWhenAnotherHasMadeTheResultOfWhoCalledTheTask(t *testing.T) {
	s := shareProgram(t)
	id := s.startSharing("program1", 0)
	s.do(s.answer(s.lease(id), key("a"), call("a", "echo")))
	failed := s.fail(id, "a")
	s.giveUp(id)
	other := s.startSharing("program1", 0)
	var why *ConflictError
	if v := s.try(Replay{Execution: id, Task: failed}); !errors.As(v[0].Err, &why) {
		t.Fatalf("got %v", v[0].Err)
	}
	s.giveUp(other)
	s.replay(id, failed)
	s.wantTask(TaskPending, id, "a")
}

func TestSweptOrchestratorsTakeTheirSharedResultsUpAgainWithAReplay(t *testing.T) {
	s := shareProgram(t)
	sub := call("sub", "program1")
	sub.Input = json.RawMessage("7")
	id := s.beginSharing(key("bad"), sub, call("bad", "echo"))
	s.do(s.answer(s.lease(id, "sub"), key("a"), call("a", "echo")))
	bad := s.fail(id, "bad")
	s.giveUp(id)
	s.wantTask(TaskCancelled, id, "sub", "a")
	s.replay(id, bad)
	waiting := s.startSharing("program1", 0)
	s.wantTask(TaskWaiting, waiting)
	s.do(done(s.lease(id, "sub", "a")))

	s.do(s.answer(s.lease(id), key("bad")))
	bad = s.fail(id, "bad")
	s.giveUp(id)
	s.wake(waiting)
	s.do(s.end(s.lease(waiting), Outcome{Completed: json.RawMessage("5")}))
	s.replay(id, bad)
	s.wantHit("5", id, "sub")
}

func TestReplayedActivityTakesTheResultThatAnotherMadeSince(t *testing.T) {
	s := tell(t)
	id := s.startSharing("poor", 0)
	task := s.fail(id)
	other := s.startSharing("poor", 0)
	s.do(done(s.lease(other)))
	s.do(Replay{Execution: id, Task: task})
	s.wantHit(`"done"`, id)
	s.wantState(id, ExecutionCompleted)
}

func TestRestartOfWhoMadeASharedResultMakesItAnew(t *testing.T) {
	s := tell(t)
	id := s.startSharing("once", 0)
	s.do(done(s.lease(id)))
	s.do(Restart{Execution: id})
	waiting := s.startSharing("once", 0)
	s.wantTask(TaskWaiting, waiting)
	s.do(Succeeded{Lease: s.lease(id), Value: json.RawMessage(`"anew"`)})
	s.wake(waiting)
	s.wantHit(`"anew"`, waiting)

	s.do(Restart{Execution: waiting}) // which has made nothing
	s.decide(waiting)
	s.wantHit(`"anew"`, waiting)
}

func TestRestartWhileAnotherRunsForTheResultWaitsForIt(t *testing.T) {
	s := shareProgram(t)
	first, second := s.startSharing("program1", 0), s.startSharing("program1", 0)
	s.do(Restart{Execution: second})
	s.wantTask(TaskWaiting, second)
	s.do(Restart{Execution: first}) // which goes on to run for both
	s.do(s.end(s.lease(first), Outcome{Completed: json.RawMessage("5")}))
	s.wake(second)
	s.wantHit("5", second)
}

func TestEachEndIsCalledBackButNoneThatIsTakenBack(t *testing.T) {
	s := tell(t)
	id := s.do(Start{
		Execution: &Execution{Function: "poor", CallbackURL: "https://receiver/path"}, Function: s.book["poor"],
	}).Execution.ID
	callbacks := func(want ...TaskState) (last *Task) {
		t.Helper()
		var got []TaskState
		for _, made := range s.m.made {
			if task := s.m.tasks[made]; task.Op == OpCallback {
				got, last = append(got, task.State), task
			}
		}
		if picture(got) != picture(want) {
			t.Fatalf("the callbacks are %v, want %v", got, want)
		}
		return last
	}
	task := s.fail(id)
	stale := callbacks(TaskPending)
	s.m.claim(stale, schedulers[1], nil)
	late := leaseOf(stale)
	s.replay(id, task)
	callbacks(TaskCancelled)
	s.refused(ErrLeaseLost, done(late))
	s.fail(id)
	told := callbacks(TaskCancelled, TaskPending)
	s.m.claim(told, schedulers[1], nil)
	s.do(done(leaseOf(told)))
	s.do(Restart{Execution: id})
	callbacks(TaskCancelled, TaskCompleted)
	s.do(done(s.lease(id)))
	last := callbacks(TaskCancelled, TaskCompleted, TaskPending)
	s.m.claim(last, schedulers[1], nil)
	s.do(Failed{Lease: leaseOf(last), Error: Error{Type: "gone"}})
	s.wantDead()
}

func TestReplayInAPausedExecutionIsParked(t *testing.T) {
	s := tell(t)
	id := s.begin(all("a", "b"), call("a", "echo"), call("b", "echo"))
	a := s.fail(id, "a")
	s.do(Pause{Execution: id, Paused: true})
	s.terms = &Terms{Scheduler: schedulers[0], Room: 5, Serves: func(string, *Function) bool { return true }}
	s.replay(id, a)
	if len(s.change.Handed) > 0 {
		t.Fatal("something was handed over")
	}
	for _, path := range [][]string{nil, {"a"}} {
		if parked := s.wantTask(TaskPending, id, path...); parked.DueAt != nil || parked.ScheduledFor == nil {
			t.Fatalf("%v is %+v", path, parked)
		}
	}
	s.terms = nil
	s.do(Pause{Execution: id})
	s.lease(id, "a")
	s.lease(id)
}

func TestSlotsOfWhatARestartSweepsAreFree(t *testing.T) {
	s := tell(t)
	id := s.begin(key("a"), call("a", "echo"))
	l := s.lease(id, "a")
	s.m.tasks[l.Task].Slot = true
	s.do(Restart{Execution: id})
	if s.m.tasks[l.Task].Slot || len(s.change.FreedQueues) != 1 {
		t.Fatalf("the slot is kept; freed were %v", s.change.FreedQueues)
	}
}

func TestWhatIsOpenedAgainHasANewTokenSoThatNoJournalIsTakenForIts(t *testing.T) {
	s := tell(t)
	id := s.begin(all("sub", "go"), call("sub", "program1"), wait("go", "go"))
	s.do(s.answer(s.lease(id, "sub"), key("m"), mapping("m", "echo", 2, nil)))
	item := s.fail(id, "sub", "m", "0")
	s.giveUp(id, "sub")
	tokens := map[string]int64{}
	for _, path := range [][]string{nil, {"sub"}, {"sub", "m"}, {"sub", "m", "0"}, {"sub", "m", "1"}} {
		tokens[picture(path)] = s.task(id, path...).Token
	}
	s.pass(time.Second)
	s.replay(id, item)
	for _, path := range [][]string{nil, {"sub"}, {"sub", "m"}, {"sub", "m", "0"}} {
		if now := s.task(id, path...).Token; now <= tokens[picture(path)] {
			t.Errorf("the token of %v was %d and is %d", path, tokens[picture(path)], now)
		}
	}
}

func TestReplayForgetsTheTurnByWhichTheOrchestratorFailed(t *testing.T) {
	s := tell(t)
	id := s.begin(all("a", "b"), call("a", "echo"), call("b", "echo"), Command{Key: "nap", Op: OpSleep, Duration: time.Hour})
	s.do(done(s.lease(id, "b")))
	a := s.fail(id, "a")
	giveUp := func() {
		t.Helper()
		last := s.end(s.lease(id), Outcome{Failed: &Error{Type: "given up"}})
		last.Commands = []Command{
			{Key: "stop", Op: OpCancel, Targets: []string{"nap"}}, {Key: "phase", Op: OpState, Name: "phase", Value: json.RawMessage(`"failed"`)},
			{Key: "n", Op: OpCounter, Name: "n", Add: 1}, call("never", "echo"),
		}
		s.do(last)
	}
	giveUp()
	for range 2 {
		s.replay(id, a)
		if got := s.keys(id); got != "a b nap" {
			t.Fatalf("the history has %s", got)
		}
		nap := s.wantTask(TaskWaiting, id, "nap")
		if nap.Seq != 0 || nap.DueAt == nil || nap.Error != nil || s.task(id, "b").Seq != 1 {
			t.Fatalf("the nap is %+v, and b settled as number %d", nap, s.task(id, "b").Seq)
		}
		s.do(s.answer(s.lease(id), all("a", "b")))
		s.fail(id, "a")
		giveUp()
	}
	root := s.task(id).ID
	s.replay(id, root)
	if got := s.keys(id); got != "a b nap" || s.wantTask(TaskFailed, id, "a").Seq != 2 {
		t.Fatalf("the history of the orchestrator's own replay has %s", got)
	}
	if got := s.m.counters[NameRef{id, "n"}]; got != 3 {
		t.Fatalf("what was counted is %d, want 3", got)
	}
}
