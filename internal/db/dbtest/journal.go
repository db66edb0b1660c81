package dbtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

var journal = map[string]func(*fixture){
	"EmptyChangeStoresNothing":                 emptyChangeStoresNothing,
	"RefusedDecisionStoresNothing":             refusedDecisionStoresNothing,
	"CommitLoadsWhatIsNeededAndNothingElse":    commitLoadsWhatIsNeeded,
	"TasksAreLoadedOnceAndWithoutPayloads":     tasksAreLoadedOnce,
	"ExecutionRoundTripsInEveryField":          executionRoundTrips,
	"TaskRoundTripsInEveryField":               taskRoundTrips,
	"UpdateChangesEveryChangingField":          updateChangesEveryField,
	"TimesRoundTripInMicroseconds":             timesRoundTrip,
	"PayloadBytesComeBackExactly":              payloadBytesComeBack,
	"StaleTokenIsRefused":                      staleTokenIsRefused,
	"UnsetPayloadsStay":                        unsetPayloadsStay,
	"InputsAreReplaced":                        inputsAreReplaced,
	"StepKeyIsUnique":                          stepKeyIsUnique,
	"IdempotencyKeyIsUnique":                   idempotencyKeyIsUnique,
	"CommitsOfAnExecutionTakeTurns":            commitsTakeTurns,
	"LocksInAnyOrderDoNotDeadlock":             locksDoNotDeadlock,
	"AbandonedCommitStoresNothingAndFreesLock": abandonedCommit,
	"AttemptsAreRecorded":                      attemptsAreRecorded,
	"TurnsAreComplete":                         turnsAreComplete,
}

func emptyChangeStoresNothing(f *fixture) {
	e, root := f.start("f")
	_, err := f.tryCommit(workflow.Need{Executions: []workflow.ID{e.ID}, Tasks: []workflow.ID{root.ID}},
		func(*workflow.Loaded, *workflow.Change) {})
	f.ok(err)
	_, err = f.store.Commit(f.ctx, workflow.Need{}, func(*workflow.Loaded) (*workflow.Change, error) { return nil, nil })
	f.ok(err)
	f.equal("state", f.execution(e.ID).State, workflow.ExecutionPending)
}

func refusedDecisionStoresNothing(f *fixture) {
	e, _ := f.start("f")
	refusal := errors.New("no")
	_, err := f.store.Commit(f.ctx, workflow.Need{Executions: []workflow.ID{e.ID}}, func(l *workflow.Loaded) (*workflow.Change, error) {
		l.Executions[0].State = workflow.ExecutionFailed
		return &workflow.Change{Now: l.Now, Executions: l.Executions}, refusal
	})
	f.is(err, refusal)
	f.equal("state", f.execution(e.ID).State, workflow.ExecutionPending)
}

func commitLoadsWhatIsNeeded(f *fixture) {
	e, root := f.start("f", waiting, func(e *workflow.Execution, _ *workflow.Task) { e.IdempotencyKey = "key" })
	other, otherRoot := f.start("f", waiting, func(e *workflow.Execution, _ *workflow.Task) { e.IdempotencyKey = "other" })
	sub := newChild(root, "sub", isOrchestrator)
	m := newChild(sub, "map", isMap)
	items := newItems(m, 2)
	done := newChild(root, "done", inState(workflow.TaskCompleted))
	wait := newChild(sub, "wait", func(t *workflow.Task) {
		t.Op, t.Kind, t.State, t.Queue, t.Name, t.WaitingFor = workflow.OpWaitSignal, workflow.KindSignal, workflow.TaskWaiting, "", "go", "go"
	})
	f.add(append(items, sub, m, done, wait, newChild(otherRoot, "done"))...)
	id := func(t *workflow.Task) workflow.ID { return t.ID }
	for _, test := range []struct {
		name string
		need workflow.Need
		want map[workflow.ID]bool
	}{
		{"nothing", workflow.Need{}, set()},
		{"a task with two generations above", workflow.Need{Tasks: []workflow.ID{items[0].ID}}, set(id(items[0]), id(m), id(sub))},
		{"a root", workflow.Need{Tasks: []workflow.ID{root.ID}}, set(root.ID)},
		{"one that does not exist", workflow.Need{Tasks: []workflow.ID{newID()}}, set()},
		{"steps by key", workflow.Need{Steps: []workflow.StepRef{
			{Parent: root.ID, Key: "done"}, {Parent: root.ID, Key: "none"}, {Parent: root.ID, Run: 1, Key: "sub"},
		}}, set(done.ID)},
		{"waits with their parents", workflow.Need{Waiters: []workflow.NameRef{{Execution: e.ID, Name: "go"}, {Execution: e.ID, Name: "stop"}}},
			set(wait.ID, sub.ID)},
		{"waits of others", workflow.Need{Waiters: []workflow.NameRef{{Execution: other.ID, Name: "go"}}}, set()},
		{"open ones but items", workflow.Need{Open: []workflow.ID{e.ID}}, set(root.ID, sub.ID, m.ID, wait.ID)},
	} {
		l := f.load(test.need)
		f.equal(test.name, idsOf(l.Tasks), test.want)
		f.equal(test.name+": how many", len(l.Tasks), len(test.want))
		f.equal(test.name+": executions", len(l.Executions), 0)
	}
	l := f.load(workflow.Need{Executions: []workflow.ID{e.ID, newID()}, Keys: []string{"other", "none"}})
	found := map[workflow.ID]bool{}
	for _, loaded := range l.Executions {
		found[loaded.ID] = true
	}
	f.equal("executions by id and by key", found, set(e.ID, other.ID))
	f.equal("how many", len(l.Executions), 2)
	if d := time.Since(l.Now); d > time.Hour || d < -time.Hour {
		f.Fatalf("the time of the transaction is %s", l.Now)
	}
}

func tasksAreLoadedOnce(f *fixture) {
	e, root := f.start("f", waiting)
	step := newChild(root, "step", func(t *workflow.Task) {
		t.State, t.WaitingFor, t.Result = workflow.TaskWaiting, "go", json.RawMessage(`1`)
		t.Error, t.Detail = &workflow.Error{Type: "x"}, json.RawMessage(`2`)
		t.Options = &workflow.CallOptions{Timeout: time.Second}
	})
	f.add(step)
	l := f.load(workflow.Need{
		Executions: []workflow.ID{e.ID}, Tasks: []workflow.ID{root.ID, step.ID}, Open: []workflow.ID{e.ID},
		Steps:   []workflow.StepRef{{Parent: root.ID, Key: "step"}, {Parent: root.ID, Key: "step"}},
		Waiters: []workflow.NameRef{{Execution: e.ID, Name: "go"}},
	})
	f.equal("tasks", idsOf(l.Tasks), set(root.ID, step.ID))
	f.equal("how many", len(l.Tasks), 2)
	for _, t := range l.Tasks {
		if t.Input != nil || t.Result != nil || t.Error != nil || t.Detail != nil {
			f.Fatalf("payloads of task %s were loaded", t.Key)
		}
		if t.ID == step.ID {
			f.equal("options", t.Options, step.Options)
		}
	}
}

// at is a time with microseconds.
func at(n int) *time.Time {
	t := time.Date(2031, 2, 3, 4, 5, n, 678901000, time.UTC)
	return &t
}

func executionRoundTrips(f *fixture) {
	want := workflow.Execution{
		Namespace: db.DefaultNamespace, ID: newID(), Function: "fünc", Version: "v2", Input: json.RawMessage(`[1, 2]`),
		Tags: []string{`a"b`, "c,d", "{}", "é"}, Priority: -3, Queue: "q", Seed: "s", RootTask: newID(), CallbackURL: "http://x/y",
		TraceParent: "00-1", IdempotencyKey: "key", RequestHash: []byte{0, 1, 255}, DispatchedBy: newID(), CreatedAt: *at(1),
		DeadlineAt: at(2), State: workflow.ExecutionBlocked, Result: json.RawMessage(`null`),
		Error:   &workflow.Error{Type: "t", Message: "m", Details: json.RawMessage(`{"a":1}`)},
		Retries: 4, StartedAt: at(3), CompletedAt: at(4), CancelRequested: true, Paused: true, SignalSeq: 1 << 40, Buffered: 7, ContextSeq: 1 << 41,
	}
	f.commit(workflow.Need{}, func(_ *workflow.Loaded, c *workflow.Change) {
		e := want
		c.NewExecutions = []*workflow.Execution{&e}
	})
	f.equal("stored", f.execution(want.ID), &want)

	f.commit(workflow.Need{Executions: []workflow.ID{want.ID}}, func(l *workflow.Loaded, c *workflow.Change) {
		e := l.Executions[0]
		f.equal("loaded error", e.Error, want.Error)
		e.State, e.Result, e.Error, e.Retries, e.StartedAt, e.CompletedAt = workflow.ExecutionCompleted, json.RawMessage(`2`), nil, 5, at(5), at(6)
		e.CancelRequested, e.Paused, e.SignalSeq, e.Buffered, e.ContextSeq = false, false, 9, 8, 7
		c.Executions = []*workflow.Execution{e}
	})
	want.State, want.Result, want.Error, want.Retries, want.StartedAt, want.CompletedAt = workflow.ExecutionCompleted, json.RawMessage(`2`), nil, 5, at(5), at(6)
	want.CancelRequested, want.Paused, want.SignalSeq, want.Buffered, want.ContextSeq = false, false, 9, 8, 7
	f.equal("updated", f.execution(want.ID), &want)
}

func wholeTask(execution workflow.ID) workflow.Task {
	version, priority := "", 0
	return workflow.Task{
		Namespace: db.DefaultNamespace, ID: newID(), Execution: execution, Parent: newID(), ParentRun: 2, ParentTurn: 3, Key: "k#0", Op: workflow.OpCall,
		Name: "n", Version: &version, Queue: "q", Priority: 9, Input: json.RawMessage(` {"a" : 1}`),
		Options: &workflow.CallOptions{Timeout: time.Minute, Priority: &priority, Tags: []string{"x"}, MaxInFlight: 3, Collect: true},
		Item:    3, CreatedAt: *at(0), Kind: workflow.KindOrchestrator, State: workflow.TaskWaiting, DueAt: at(1), ScheduledFor: at(2),
		Holder: newID(), Token: 1 << 33, Attempt: 4, Failures: 5, LostLeases: 6, StartedAt: at(3), CompletedAt: at(4), Seq: 7,
		Result: json.RawMessage(`"r"`), Error: &workflow.Error{Type: "e", Message: "m"}, Detail: json.RawMessage(`{"p":50}`),
		WaitingFor: "sig", AwaitedBy: []int{1, 0, 2}, Run: 8, Turn: 9, Settled: 10, Open: 11, Next: 12, Items: 13,
		Await:           []workflow.AwaitNode{{Mode: workflow.AwaitAny, Parent: -1, Open: 2}, {Mode: workflow.AwaitAll, Open: 1, Done: true}},
		CancelRequested: true, OwnsResult: resultKey(1), AwaitsResult: resultKey(2), CacheHit: true,
	}
}

func taskRoundTrips(f *fixture) {
	e, _ := f.start("f")
	want := wholeTask(e.ID)
	stored := want
	f.add(&stored)
	f.equal("stored", f.task(want.ID), &want)

	bare := workflow.Task{
		Namespace: db.DefaultNamespace, ID: newID(), Execution: e.ID, Key: "bare", Op: workflow.OpLocal, CreatedAt: *at(0),
		Kind: workflow.KindLocal, State: workflow.TaskPending,
	}
	stored = bare
	f.add(&stored)
	f.equal("stored with nothing set", f.task(bare.ID), &bare)
}

func updateChangesEveryField(f *fixture) {
	e, _ := f.start("f")
	made := wholeTask(e.ID)
	f.add(&made)
	want := made
	want.Kind, want.State, want.DueAt, want.ScheduledFor, want.Holder, want.Token = workflow.KindActivity, workflow.TaskFailed, nil, at(9), workflow.ID{}, 1<<33+1
	want.Attempt, want.Failures, want.LostLeases, want.StartedAt, want.CompletedAt, want.Seq = 14, 15, 16, at(13), nil, 17
	want.Result, want.Error, want.Detail = json.RawMessage(`[]`), &workflow.Error{Type: "e2"}, json.RawMessage(`0`)
	want.WaitingFor, want.AwaitedBy, want.Await = "", nil, nil
	want.Run, want.Turn, want.Settled, want.Open, want.Next, want.Items, want.CancelRequested = 18, 19, 20, 21, 22, 23, false
	want.OwnsResult, want.AwaitsResult, want.CacheHit = resultKey(3), workflow.ResultKey{}, false
	f.commit(workflow.Need{Executions: []workflow.ID{e.ID}, Tasks: []workflow.ID{want.ID}}, func(l *workflow.Loaded, c *workflow.Change) {
		t := want
		t.Input = nil // as it is loaded
		c.Tasks = []workflow.TaskUpdate{{Task: &t, WasToken: l.Tasks[0].Token, SetDetail: true}}
	})
	f.equal("updated", f.task(want.ID), &want)
}

func timesRoundTrip(f *fixture) {
	e, root := f.start("f", func(e *workflow.Execution, _ *workflow.Task) {
		e.CreatedAt = time.Date(2026, 1, 2, 3, 4, 5, 123456000, time.FixedZone("x", 3600))
	})
	stored := f.execution(e.ID)
	if !stored.CreatedAt.Equal(e.CreatedAt) || stored.CreatedAt.Location() != time.UTC {
		f.Fatalf("%s came back as %s", e.CreatedAt, stored.CreatedAt)
	}
	task := f.task(root.ID)
	if now := *root.DueAt; !task.DueAt.Equal(now) || now.Nanosecond()%1000 != 0 {
		f.Fatalf("the transaction's time %s came back as %s", now, task.DueAt)
	}
}

func payloadBytesComeBack(f *fixture) {
	for _, payload := range []string{
		`{"b": 1, "a" :2, "a":3}`, "\t[ 1.50e+1 , \"\\u0041\\/é\\u0000\" ]\n", `null`, `""`, `"` + strings.Repeat("x", 1<<20) + `"`,
	} {
		raw := json.RawMessage(payload)
		e, root := f.start("f", func(e *workflow.Execution, t *workflow.Task) {
			e.Input, e.Result = raw, raw
			t.Input, t.Result, t.Detail = raw, raw, raw
		})
		stored, task := f.execution(e.ID), f.task(root.ID)
		for _, got := range []json.RawMessage{stored.Input, stored.Result, task.Input, task.Result, task.Detail} {
			if !bytes.Equal(got, raw) {
				f.Fatalf("%.80q came back as %.80q", payload, got)
			}
		}
	}
}

func staleTokenIsRefused(f *fixture) {
	e, root := f.start("f", waiting)
	a, b := newChild(root, "a"), newChild(root, "b")
	f.add(a, b)
	need := workflow.Need{Executions: []workflow.ID{e.ID}, Tasks: []workflow.ID{a.ID, b.ID}}
	_, err := f.tryCommit(need, func(_ *workflow.Loaded, c *workflow.Change) {
		fresh, stale := *a, *b
		fresh.State, stale.State = workflow.TaskCompleted, workflow.TaskCompleted
		c.Tasks = []workflow.TaskUpdate{{Task: &fresh, WasToken: a.Token}, {Task: &stale, WasToken: b.Token + 1}}
		c.Counters = []workflow.Counter{{Execution: e.ID, Name: "n", Value: 1}}
	})
	f.is(err, db.ErrConflict)
	f.equal("fresh", f.task(a.ID).State, workflow.TaskPending)
	f.equal("stale", f.task(b.ID).State, workflow.TaskPending)
	f.equal("counters", len(f.overview(e.ID).Counters), 0)
}

func unsetPayloadsStay(f *fixture) {
	e, root := f.start("f", waiting)
	step := newChild(root, "a", func(t *workflow.Task) {
		t.State, t.Result, t.Detail = workflow.TaskCompleted, json.RawMessage(`1`), json.RawMessage(`2`)
	})
	f.add(step)
	need := workflow.Need{Executions: []workflow.ID{e.ID}, Tasks: []workflow.ID{step.ID}}
	f.commit(need, func(l *workflow.Loaded, c *workflow.Change) {
		for _, t := range l.Tasks {
			if t.ID == step.ID {
				t.AwaitedBy = []int{1, 0}
				c.Tasks = []workflow.TaskUpdate{{Task: t, WasToken: t.Token}}
			}
		}
	})
	got := f.task(step.ID)
	f.equal("awaited by", got.AwaitedBy, []int{1, 0})
	f.equal("result", string(got.Result), "1")
	f.equal("detail", string(got.Detail), "2")
	f.equal("input", string(got.Input), "1")
}

func inputsAreReplaced(f *fixture) {
	e, root := f.start("f", waiting)
	f.commit(workflow.Need{Executions: []workflow.ID{e.ID}}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.Inputs = []workflow.TaskInput{{Execution: e.ID, Task: root.ID, Input: json.RawMessage(`{"run": 1}`)}}
	})
	f.equal("task's", string(f.task(root.ID).Input), `{"run": 1}`)
	f.equal("execution's", string(f.execution(e.ID).Input), string(e.Input))
}

func stepKeyIsUnique(f *fixture) {
	_, root := f.start("f", waiting)
	f.add(newChild(root, "a"), newChild(root, "a", func(t *workflow.Task) { t.ParentRun = 1 }), newChild(root, "b"))
	_, err := f.tryCommit(workflow.Need{}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.NewTasks = []*workflow.Task{newChild(root, "c"), newChild(root, "a")}
	})
	f.is(err, db.ErrConflict)
	f.equal("steps", len(f.load(workflow.Need{Steps: []workflow.StepRef{{Parent: root.ID, Key: "c"}}}).Tasks), 0)
}

func idempotencyKeyIsUnique(f *fixture) {
	const callers = 4
	var errs [callers]error
	var done sync.WaitGroup
	for i := range callers {
		done.Go(func() {
			_, errs[i] = f.tryCommit(workflow.Need{Keys: []string{"key"}}, func(l *workflow.Loaded, c *workflow.Change) {
				if len(l.Executions) > 0 {
					return
				}
				e, root := newExecution("f", l.Now)
				e.IdempotencyKey = "key"
				c.NewExecutions, c.NewTasks = []*workflow.Execution{e}, []*workflow.Task{root}
			})
		})
	}
	done.Wait()
	for _, err := range errs {
		if err != nil {
			f.is(err, db.ErrConflict)
		}
	}
	list, err := f.store.Executions(f.ctx, db.ExecutionFilter{Page: db.Page{Limit: 10}})
	f.ok(err)
	f.equal("executions", len(list), 1)
	f.equal("found by its key", f.load(workflow.Need{Keys: []string{"key"}}).Executions[0].ID, list[0].ID)
}

func commitsTakeTurns(f *fixture) {
	e, _ := f.start("f")
	const callers, each = 8, 10
	var done sync.WaitGroup
	for range callers {
		done.Go(func() {
			for range each {
				_, err := f.tryCommit(workflow.Need{
					Executions: []workflow.ID{e.ID}, Counters: []workflow.NameRef{{Execution: e.ID, Name: "n"}},
				}, func(l *workflow.Loaded, c *workflow.Change) {
					next := workflow.Counter{Execution: e.ID, Name: "n", Value: 1}
					if len(l.Counters) > 0 {
						next.Value = l.Counters[0].Value + 1
					}
					c.Counters = []workflow.Counter{next}
				})
				if err != nil {
					f.Errorf("committing: %v", err)
				}
			}
		})
	}
	done.Wait()
	f.equal("counted", f.overview(e.ID).Counters, []workflow.Counter{{Execution: e.ID, Name: "n", Value: callers * each}})
}

func locksDoNotDeadlock(f *fixture) {
	a, _ := f.start("f")
	b, _ := f.start("f")
	var done sync.WaitGroup
	for i := range 8 {
		ids := []workflow.ID{a.ID, b.ID}
		if i%2 == 0 {
			ids = []workflow.ID{b.ID, a.ID}
		}
		done.Go(func() {
			for range 10 {
				_, err := f.tryCommit(workflow.Need{Executions: ids}, func(l *workflow.Loaded, c *workflow.Change) {
					for _, e := range l.Executions {
						e.Retries++
					}
					c.Executions = l.Executions
				})
				if err != nil {
					f.Errorf("committing: %v", err)
				}
			}
		})
	}
	done.Wait()
	f.equal("a", f.execution(a.ID).Retries, 80)
	f.equal("b", f.execution(b.ID).Retries, 80)
}

func abandonedCommit(f *fixture) {
	e, _ := f.start("f")
	ctx, cancel := context.WithCancel(f.ctx)
	need := workflow.Need{Executions: []workflow.ID{e.ID}}
	_, err := f.store.Commit(ctx, need, func(l *workflow.Loaded) (*workflow.Change, error) {
		cancel()
		return nil, ctx.Err()
	})
	f.is(err, context.Canceled)
	f.commit(need, func(l *workflow.Loaded, c *workflow.Change) {
		l.Executions[0].Retries = 1
		c.Executions = l.Executions
	})
	f.equal("retries", f.execution(e.ID).Retries, 1)
}

func attemptsAreRecorded(f *fixture) {
	e, root := f.start("f")
	want := []workflow.FailedAttempt{
		{Execution: e.ID, Task: root.ID, Number: 1, StartedAt: *at(1), EndedAt: *at(2), StatusCode: 500,
			Error: workflow.Error{Type: "t", Message: "m", Details: json.RawMessage(`[1]`)}},
		{Execution: e.ID, Task: root.ID, Number: 2, StartedAt: *at(3), EndedAt: *at(4), Error: workflow.Error{Type: "u", Message: ""}},
	}
	f.commit(workflow.Need{Executions: []workflow.ID{e.ID}}, func(_ *workflow.Loaded, c *workflow.Change) { c.Attempts = want })
	_, got, err := f.store.Task(f.ctx, root.ID)
	f.ok(err)
	f.equal("attempts", got, want)
}

func turnsAreComplete(f *fixture) {
	e, root := f.start("f", waiting, func(_ *workflow.Execution, t *workflow.Task) { t.Run = 1 })
	other, otherRoot := f.start("g", waiting)
	sub := newChild(root, "sub", isOrchestrator)
	done := newChild(root, "done", func(t *workflow.Task) {
		t.State, t.Seq, t.Result, t.Detail = workflow.TaskCompleted, 1, json.RawMessage(`"r"`), json.RawMessage(`1`)
	})
	failed := newChild(root, "failed", func(t *workflow.Task) { t.State, t.Seq, t.Error = workflow.TaskFailed, 2, &workflow.Error{Type: "x"} })
	earlier := newChild(root, "earlier", func(t *workflow.Task) { t.ParentRun = 0 })
	f.add(done, failed, sub, earlier, newChild(sub, "below"), newChild(otherRoot, "else"))
	f.commit(workflow.Need{}, func(_ *workflow.Loaded, c *workflow.Change) {
		c.Counters = []workflow.Counter{{Execution: e.ID, Name: "n", Value: 2}}
		c.State = []workflow.StateEntry{{Execution: e.ID, Key: "k", Value: json.RawMessage(`{"v": 1}`)}}
	})
	turns, err := f.store.Turns(f.ctx, []workflow.ID{root.ID, otherRoot.ID, newID()})
	f.ok(err)
	f.equal("turns", len(turns), 2)
	for _, turn := range turns {
		if turn.Task.ID == otherRoot.ID {
			f.equal("other's execution", turn.Execution.ID, other.ID)
			f.equal("other's steps", len(turn.Steps), 1)
			f.equal("other's state", len(turn.State)+len(turn.Counters), 0)
			continue
		}
		f.equal("execution", turn.Execution.ID, e.ID)
		f.equal("input of the run", string(turn.Task.Input), string(e.Input))
		f.equal("counters", turn.Counters, []workflow.Counter{{Execution: e.ID, Name: "n", Value: 2}})
		f.equal("state", turn.State, []workflow.StateEntry{{Execution: e.ID, Key: "k", Value: json.RawMessage(`{"v": 1}`)}})
		f.equal("steps", []string{turn.Steps[0].Key, turn.Steps[1].Key, turn.Steps[2].Key}, []string{"sub", "done", "failed"})
		f.equal("how many", len(turn.Steps), 3)
		f.equal("a result", string(turn.Steps[1].Result), `"r"`)
		f.equal("an error", turn.Steps[2].Error, failed.Error)
		f.equal("no input", len(turn.Steps[1].Input), 0)
	}
}
