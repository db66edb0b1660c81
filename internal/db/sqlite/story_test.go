package sqlite_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

// story drives a store through the decision core, as the service does.
type story struct {
	*testing.T
	store     db.Store
	scheduler workflow.ID
}

func newStory(t *testing.T) *story {
	t.Helper()
	s := &story{T: t, store: openStore(t)}
	var err error
	if s.scheduler, err = join(t.Context(), s.store); err != nil {
		t.Fatal(err)
	}
	return s
}

// registry knows the orchestrators "main" and "sub"; all else is an activity.
type registry struct{}

func (registry) Lookup(name string, _ *string) *workflow.Function {
	f := &workflow.Function{Name: name, Kind: workflow.KindActivity, Queue: workflow.DefaultQueue, Retry: workflow.DefaultRetryPolicy()}
	if name == "main" || name == "sub" {
		f.Kind = workflow.KindOrchestrator
	}
	return f
}

// happen commits events, none of which may be refused.
func (s *story) happen(events ...workflow.Event) ([]workflow.Verdict, db.Saved) {
	s.Helper()
	var verdicts []workflow.Verdict
	saved, err := s.store.Commit(s.Context(), workflow.NeedOf(events), func(l *workflow.Loaded) (*workflow.Change, error) {
		var change *workflow.Change
		change, verdicts = workflow.Decide(l, events, workflow.Env{
			NewID: newID, Random: func() float64 { return 0.5 }, Functions: registry{}, Limits: workflow.DefaultLimits(),
		})
		return change, nil
	})
	if err != nil {
		s.Fatal(err)
	}
	for i, v := range verdicts {
		if v.Err != nil {
			s.Fatalf("%T was refused: %v", events[i], v.Err)
		}
	}
	return verdicts, saved
}

func (s *story) start(function string) *workflow.Execution {
	s.Helper()
	f := registry{}.Lookup(function, nil)
	verdicts, _ := s.happen(workflow.Start{
		Execution: &workflow.Execution{Function: function, Input: json.RawMessage(`{"in":true}`)}, Function: f,
	})
	return verdicts[0].Execution
}

// claimAll leases all that is due, by the name of each task.
func (s *story) claimAll() map[string][]db.Claimed {
	s.Helper()
	lanes, err := s.store.Lanes(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	quotas := make([]db.Quota, len(lanes))
	for i, lane := range lanes {
		quotas[i] = db.Quota{Lane: lane, Limit: 100}
		if lane.Queue != "" {
			quotas[i].Kind = registry{}.Lookup(lane.Function, nil).Kind
		}
	}
	claimed, _, err := s.store.Claim(s.Context(), s.scheduler, quotas)
	if err != nil {
		s.Fatal(err)
	}
	byName := map[string][]db.Claimed{}
	for _, c := range claimed {
		byName[c.Task.Name] = append(byName[c.Task.Name], c)
	}
	return byName
}

func leaseOf(c db.Claimed) workflow.Lease {
	return workflow.Lease{Execution: c.Execution.ID, Task: c.Task.ID, Token: c.Task.Token}
}

// turn answers the turn of an orchestrator that is due.
func (s *story) turn(name string, await *workflow.Await, outcome *workflow.Outcome, commands ...workflow.Command) db.Saved {
	s.Helper()
	claimed := s.claimAll()[name]
	if len(claimed) != 1 {
		s.Fatalf("claimed %d turns of %s, want 1", len(claimed), name)
	}
	_, saved := s.happen(workflow.TurnAnswered{
		Lease: leaseOf(claimed[0]), Run: claimed[0].Task.Run, Commands: commands, Await: await, Outcome: outcome,
	})
	return saved
}

func (s *story) load(root workflow.ID) db.Turn {
	s.Helper()
	turns, err := s.store.Turns(s.Context(), []workflow.ID{root, newID()})
	if err != nil || len(turns) != 1 {
		s.Fatalf("loaded %d turns, %v; want 1", len(turns), err)
	}
	return turns[0]
}

func TestAMapReleasesItemsAndGathersTheirResultsInOrder(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	e := s.start("main")
	inputs := make([]json.RawMessage, 12)
	for i := range inputs {
		inputs[i] = fmt.Appendf(nil, "%d", i)
	}
	s.turn("main", &workflow.Await{Key: "m"}, nil,
		workflow.Command{Key: "m", Op: workflow.OpMap, Name: "double", Inputs: inputs, Options: &workflow.CallOptions{MaxInFlight: 5}})
	for done := 0; done < len(inputs); {
		items := s.claimAll()["double"]
		if len(items) == 0 || len(items) > 5 {
			t.Fatalf("%d items are in flight with a limit of 5, after %d of them", len(items), done)
		}
		for _, item := range items {
			s.happen(workflow.Succeeded{Lease: leaseOf(item), Value: fmt.Appendf(nil, "%s0", item.Task.Input)})
			done++
		}
	}
	turn := s.load(e.RootTask)
	if len(turn.Steps) != 1 || string(turn.Steps[0].Result) != "[00,10,20,30,40,50,60,70,80,90,100,110]" {
		t.Errorf("the steps are %+v", turn.Steps)
	}
	s.turn("main", nil, &workflow.Outcome{Completed: turn.Steps[0].Result})
	ended, err := s.store.Execution(t.Context(), e.ID)
	if err != nil || ended.State != workflow.ExecutionCompleted || string(ended.Result) != string(turn.Steps[0].Result) {
		t.Errorf("the execution is %+v, %v", ended, err)
	}
}

func TestAnOutcomeSweepsWhatIsBelowAndTellsWhoHeldIt(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	e := s.start("main")
	call := func(key, name string) workflow.Command {
		return workflow.Command{Key: key, Op: workflow.OpCall, Name: name}
	}
	s.turn("main", &workflow.Await{Mode: workflow.AwaitAny, Of: []workflow.Await{{Key: "sub"}, {Key: "first"}}}, nil,
		call("sub", "sub"), call("first", "first"),
		workflow.Command{Key: "nap", Op: workflow.OpSleep, Duration: time.Hour},
		workflow.Command{Key: "ok", Op: workflow.OpWaitSignal, Name: "ok"})
	claimed := s.claimAll()
	s.happen(workflow.TurnAnswered{
		Lease: leaseOf(claimed["sub"][0]), Commands: []workflow.Command{call("deep", "deep")}, Await: &workflow.Await{Key: "deep"},
	})
	deep := s.claimAll()["deep"][0]
	s.happen(workflow.Succeeded{Lease: leaseOf(claimed["first"][0]), Value: json.RawMessage(`1`)})

	saved := s.turn("main", nil, &workflow.Outcome{Completed: json.RawMessage(`"done"`)})
	if len(saved.Swept) != 1 || saved.Swept[0] != leaseOf(deep) {
		t.Errorf("swept %v, want the lease %v", saved.Swept, leaseOf(deep))
	}
	page, err := s.store.Tasks(t.Context(), db.TaskFilter{Limit: 100, Execution: e.ID})
	if err != nil || len(page.Tasks) != 6 {
		t.Fatalf("found %d tasks, %v; want 6", len(page.Tasks), err)
	}
	for _, task := range page.Tasks {
		want := workflow.TaskCancelled
		if task.Root() || task.Name == "first" {
			want = workflow.TaskCompleted
		}
		if task.State != want || task.DueAt != nil || !task.Holder.IsZero() || task.CompletedAt == nil || task.WaitingFor != "" {
			t.Errorf("task %s is %+v, want it %s", task.Key, task, want)
		}
	}
	if in, ok, err := s.store.NextDue(t.Context()); ok || err != nil {
		t.Errorf("something is due in %s, %v", in, err)
	}
}

func TestASignalIsTakenOnceAndContextIsKept(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	e := s.start("main")
	s.happen(
		workflow.Send{Execution: e.ID, Name: "go", Payload: json.RawMessage(`1`)},
		workflow.Send{Execution: e.ID, Name: "go", Payload: json.RawMessage(`2`)},
		workflow.Count{Execution: e.ID, Name: "seen", Add: 2}, workflow.SetState{Execution: e.ID, Key: "phase", Value: json.RawMessage(`"a"`)})
	wait := func(key string) workflow.Command {
		return workflow.Command{Key: key, Op: workflow.OpWaitSignal, Name: "go"}
	}
	s.turn("main", &workflow.Await{Key: "c"}, nil, wait("a"), wait("b"), wait("c"))
	s.happen(workflow.Send{Execution: e.ID, Name: "go", Payload: json.RawMessage(`3`)}, workflow.Count{Execution: e.ID, Name: "seen", Add: 5})

	turn := s.load(e.RootTask)
	for i, want := range []string{"1", "2", "3"} {
		if step := turn.Steps[i]; string(step.Result) != want || step.Seq != int64(i+1) {
			t.Errorf("wait %s took %s as number %d, want %s", step.Key, step.Result, step.Seq, want)
		}
	}
	if len(turn.Counters) != 1 || turn.Counters[0].Value != 7 || len(turn.State) != 1 || string(turn.State[0].Value) != `"a"` {
		t.Errorf("counters are %v, state is %v", turn.Counters, turn.State)
	}
	if string(turn.Task.Input) != `{"in":true}` {
		t.Errorf("the turn's input is %s", turn.Task.Input)
	}
	signals, err := s.store.Signals(t.Context(), e.ID, db.Page{Limit: 2})
	if err != nil || len(signals) != 2 || signals[0].Seq != 3 || signals[0].TakenBy != turn.Steps[2].ID {
		t.Errorf("signals are %+v, %v", signals, err)
	}
}

func TestFailedAttemptsAreKeptAndHastened(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.start("flaky")
	for attempt := 1; attempt <= 2; attempt++ {
		c := s.claimAll()["flaky"][0]
		if c.Task.Attempt != attempt || c.Elapsed || c.Execution.State != workflow.ExecutionRunning {
			t.Errorf("claimed %+v of %+v", c.Task, c.Execution)
		}
		s.happen(workflow.Failed{Lease: leaseOf(c), Retryable: true, StatusCode: 500, Error: workflow.Error{Type: "boom"}})
		if in, ok, err := s.store.NextDue(t.Context()); !ok || in <= 0 || err != nil {
			t.Errorf("the retry is due in %s, %t, %v", in, ok, err)
		}
		if err := s.store.Hasten(t.Context(), "flaky"); err != nil {
			t.Fatal(err)
		}
	}
	c := s.claimAll()["flaky"][0]
	task, attempts, err := s.store.Task(t.Context(), c.Task.ID)
	if err != nil || len(attempts) != 2 || attempts[1].Number != 2 || attempts[1].Error.Type != "boom" || attempts[1].StatusCode != http.StatusInternalServerError {
		t.Errorf("the attempts of %+v are %+v, %v", task, attempts, err)
	}
}

func TestContinueAsNewSweepsTheOldRunAndBeginsWithItsInput(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	e := s.start("main")
	call := func(name string) workflow.Command {
		return workflow.Command{Key: name, Op: workflow.OpCall, Name: name}
	}
	s.turn("main", &workflow.Await{Key: "tick"}, nil, call("sub"), call("tick"))
	claimed := s.claimAll()
	s.happen(workflow.TurnAnswered{
		Lease: leaseOf(claimed["sub"][0]), Commands: []workflow.Command{call("deep")}, Await: &workflow.Await{Key: "deep"},
	})
	deep := s.claimAll()["deep"][0]
	s.happen(workflow.Succeeded{Lease: leaseOf(claimed["tick"][0]), Value: json.RawMessage(`1`)})

	saved := s.turn("main", nil, &workflow.Outcome{ContinueAsNew: json.RawMessage(`"next"`)})
	if len(saved.Swept) != 1 || saved.Swept[0] != leaseOf(deep) {
		t.Errorf("swept %v, want the lease %v", saved.Swept, leaseOf(deep))
	}
	turn := s.load(e.RootTask)
	if turn.Task.Run != 1 || string(turn.Task.Input) != `"next"` || len(turn.Steps) != 0 || turn.Task.State != workflow.TaskPending {
		t.Errorf("the next run is %+v with the steps %v", turn.Task, turn.Steps)
	}
	overview, err := s.store.Overview(t.Context(), e.ID)
	if err != nil || len(overview.Progress) != 0 {
		t.Errorf("progress is %+v, %v", overview, err)
	}
	page, err := s.store.Tasks(t.Context(), db.TaskFilter{Execution: e.ID, States: []workflow.TaskState{workflow.TaskCancelled}, Limit: 10})
	if err != nil || len(page.Tasks) != 2 {
		t.Errorf("%+v, %v were swept, want sub and deep", page, err)
	}
	again := s.claimAll()["main"]
	if len(again) != 1 || string(again[0].Task.Input) != `"next"` {
		t.Errorf("claimed %+v of the next run", again)
	}
}
