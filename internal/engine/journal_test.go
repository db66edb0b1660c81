package engine_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/wake"
	"github.com/stent-dev/stent/internal/workflow"
)

// improviser is a lessee that answers every turn with whatever comes to its mind,
// and compares each journal that the engine remembered with the one that is stored.
type improviser struct {
	t                *testing.T
	ctx              context.Context
	engine           *engine.Engine
	store            db.Store
	work             sync.WaitGroup
	recalled, loaded atomic.Int64
}

func (*improviser) Reserve(n int) int                      { return n }
func (*improviser) Unreserve(int)                          {}
func (*improviser) Serves(string, *workflow.Function) bool { return true }
func (*improviser) Abort([]workflow.Lease)                 {}
func (*improviser) DueIn(time.Duration)                    {}
func (*improviser) Expired()                               {}
func (*improviser) Reconcile()                             {}

func (i *improviser) Take(tasks []workflow.Handed) {
	for _, h := range tasks {
		var turn *engine.Turn
		if h.Task.Kind == workflow.KindOrchestrator {
			turn = i.engine.Recall(h)
		}
		i.work.Go(func() { i.carryOut(h.Task, h.Execution.ContextSeq, turn) })
	}
}

// claim takes what was not handed over.
func (i *improviser) claim() {
	for i.ctx.Err() == nil {
		lanes, err := i.engine.Lanes(i.ctx)
		var quotas []engine.Quota
		for _, l := range lanes {
			kind := workflow.KindActivity
			if l.Function == "tune" {
				kind = workflow.KindOrchestrator
			}
			quotas = append(quotas, engine.Quota{Lane: l, Limit: 100, Kind: kind})
		}
		if err == nil && len(quotas) > 0 {
			_, err = i.engine.Claim(i.ctx, quotas, func(claimed []engine.Claimed) {
				for _, c := range claimed {
					if c.Elapsed {
						i.work.Go(func() { i.submit(c.Task.Execution, workflow.Elapsed{Lease: leaseOf(c.Task)}) })
						continue
					}
					i.work.Go(func() { i.carryOut(c.Task, -1, nil) })
				}
			})
		}
		if err != nil && i.ctx.Err() == nil {
			i.t.Error(err)
		}
		select {
		case <-i.ctx.Done():
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func leaseOf(t *workflow.Task) workflow.Lease {
	return workflow.Lease{Execution: t.Execution, Task: t.ID, Token: t.Token}
}

func (i *improviser) submit(execution workflow.ID, event workflow.Event) {
	_, _ = i.engine.Submit(i.ctx, execution, event) // refused when it was cancelled meanwhile
}

func (i *improviser) carryOut(t *workflow.Task, contextSeq int64, turn *engine.Turn) {
	if t.Kind != workflow.KindOrchestrator {
		if rand.IntN(4) == 0 {
			failure := workflow.Error{Type: "bad_luck", Message: "it failed", Details: json.RawMessage(`{"a":1}`)}
			i.submit(t.Execution, workflow.Failed{Lease: leaseOf(t), Error: failure})
			return
		}
		done := workflow.Succeeded{Lease: leaseOf(t), Value: json.RawMessage(fmt.Sprint(rand.IntN(1000)))}
		if rand.IntN(2) == 0 {
			done.Counters = map[string]int64{"done": 1}
			done.State = map[string]json.RawMessage{"last": done.Value}
		}
		i.submit(t.Execution, done)
		return
	}
	if turn == nil {
		i.loaded.Add(1)
		turns, err := i.engine.Turns(i.ctx, []workflow.ID{t.ID})
		if err != nil || len(turns) != 1 {
			return // the test is over
		}
		turn = &turns[0]
	} else {
		i.compare(turn, contextSeq)
	}
	i.submit(t.Execution, i.improvise(turn))
}

// compare tells how a remembered turn differs from the stored one, unless that has changed since.
func (i *improviser) compare(turn *engine.Turn, contextSeq int64) {
	turns, err := i.store.Turns(i.ctx, []workflow.ID{turn.Task.ID})
	if err != nil || len(turns) != 1 {
		return
	}
	stored := turns[0]
	if t := stored.Task; t.Token != turn.Task.Token || t.Settled != turn.Task.Settled || t.Open != turn.Task.Open || stored.Execution.ContextSeq != contextSeq {
		return
	}
	i.recalled.Add(1)
	if got, want := describe(turn), describe(&stored); !reflect.DeepEqual(got, want) {
		i.t.Errorf("remembered %v\nstored     %v", got, want)
	}
}

// describe is what an orchestrator sees of a turn.
func describe(turn *engine.Turn) []string {
	out := []string{fmt.Sprintf("run %d, input %s", turn.Task.Run, cmp.Or(string(turn.Task.Input), string(turn.Execution.Input)))}
	for _, s := range turn.Steps {
		if s.State.Settled() {
			out = append(out, fmt.Sprintf("%s %s %s %s %d %s %+v", s.Key, s.Op, s.Name, s.State, s.Seq, s.Result, s.Error))
			continue
		}
		out = append(out, fmt.Sprintf("%s %s %s is open", s.Key, s.Op, s.Name))
	}
	context := make([]string, 0, len(turn.State)+len(turn.Counters))
	for _, s := range turn.State {
		context = append(context, fmt.Sprintf("state %s=%s", s.Key, s.Value))
	}
	for _, c := range turn.Counters {
		context = append(context, fmt.Sprintf("counter %s=%d", c.Name, c.Value))
	}
	slices.Sort(context)
	return append(out, context...)
}

// improvise answers a turn.
func (i *improviser) improvise(turn *engine.Turn) workflow.TurnAnswered {
	answer := workflow.TurnAnswered{Lease: leaseOf(turn.Task), Run: turn.Task.Run, CancelSeen: turn.Task.CancelRequested}
	if turn.Task.Turn >= 6 {
		answer.Outcome = &workflow.Outcome{Completed: json.RawMessage("true")}
		if turn.Task.Run == 0 && turn.Task.Root() && turn.Task.Turn < 9 {
			answer.Outcome = &workflow.Outcome{ContinueAsNew: json.RawMessage(`"again"`)}
		}
		return answer
	}
	await := &workflow.Await{Mode: workflow.AwaitAll}
	if rand.IntN(2) == 0 {
		await.Mode = workflow.AwaitAny
	}
	soon := time.Duration(rand.IntN(20)) * time.Millisecond
	for n := range 1 + rand.IntN(5) {
		c := workflow.Command{Key: fmt.Sprintf("%d.%d", turn.Task.Turn, n), Name: "work"}
		switch rand.IntN(9) {
		case 0, 1, 2:
			c.Op, c.Input = workflow.OpCall, json.RawMessage("1")
			if rand.IntN(4) == 0 && turn.Task.Root() {
				c.Name = "tune"
			}
		case 3:
			c.Op, c.Inputs = workflow.OpMap, []json.RawMessage{[]byte("1"), []byte("2")}
		case 4:
			c.Op, c.Duration = workflow.OpSleep, soon
		case 5:
			c.Op, c.Timeout = workflow.OpWaitSignal, &soon
		case 6:
			c.Op, c.Add = workflow.OpCounter, 1
		case 7:
			c.Op, c.Value = workflow.OpState, json.RawMessage(fmt.Sprint(rand.IntN(100)))
		case 8:
			c.Op, c.Error = workflow.OpLocal, &workflow.Error{Type: "local", Message: "it failed"}
		}
		answer.Commands = append(answer.Commands, c)
		await.Of = append(await.Of, workflow.Await{Key: c.Key})
	}
	if n := len(turn.Steps); n > 0 && rand.IntN(3) == 0 {
		answer.Commands = append(answer.Commands, workflow.Command{
			Key: fmt.Sprintf("%d.cancel", turn.Task.Turn), Op: workflow.OpCancel, Targets: []string{turn.Steps[rand.IntN(n)].Key},
		})
	}
	answer.Await = await
	return answer
}

// Another process, which the engine cannot see, sends signals, counts and sets state meanwhile.
func TestWhatIsRememberedOfAJournalIsWhatIsStored(t *testing.T) {
	t.Parallel()
	e, store := setup(t, wake.NewLocal(), nil)
	f, err := workflow.FunctionSpec{Name: "tune", Kind: "orchestrator", URL: "http://127.0.0.1:1"}.Function()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.PutFunction(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	stranger, err := engine.New(t.Context(), store, wake.NewLocal(), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = stranger.Run(ctx) })
	i := &improviser{t: t, ctx: ctx, engine: e, store: store}
	scheduler := engine.Scheduler{ID: engine.NewID(), State: engine.SchedulerReady, Capacity: 1, Lease: time.Minute}
	if err := e.Join(ctx, scheduler); err != nil {
		t.Fatal(err)
	}
	e.Attach(scheduler.ID, i)
	running.Go(i.claim)

	var executions sync.WaitGroup
	for range 40 {
		executions.Go(func() {
			started, err := e.Start(ctx, engine.StartRequest{Function: "tune", Input: json.RawMessage(`"first"`)})
			if err != nil {
				t.Error(err)
				return
			}
			id := started.Execution.ID
			for {
				view, err := e.Wait(ctx, id, 10*time.Millisecond)
				if err != nil {
					t.Error(err)
					return
				}
				if view.Execution.State.Terminal() {
					return
				}
				switch rand.IntN(4) {
				case 0:
					_, err = stranger.Count(ctx, id, "seen", 1)
				case 1:
					err = stranger.SetState(ctx, id, "seen", json.RawMessage("true"))
				case 2:
					_, err = stranger.Signal(ctx, id, "work", json.RawMessage(`"come"`), "")
				}
				_ = err // it may have ended meanwhile
			}
		})
	}
	executions.Wait()
	stop()
	running.Wait()
	i.work.Wait()
	e.Attach(scheduler.ID, nil)
	t.Logf("%d turns were remembered, %d were loaded", i.recalled.Load(), i.loaded.Load())
	if i.recalled.Load() < 50 || i.loaded.Load() < 50 {
		t.Errorf("%d turns were remembered and %d were loaded, want many of both", i.recalled.Load(), i.loaded.Load())
	}
}
