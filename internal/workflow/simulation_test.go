package workflow

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestRandomProgramsUnderRandomEvents runs programs made by chance under every
// kind of event in any order, checks the invariants after each transaction, and
// that everything ends as it must once the world heals.
func TestRandomProgramsUnderRandomEvents(t *testing.T) {
	seen := map[string]int{}
	for walks := 0; walks < 5 && !t.Failed() && (walks == 0 || len(unseen(seen)) > 0); walks++ {
		rapid.Check(t, func(rt *rapid.T) {
			w := newWorld(rt, seen)
			w.start()
			for range rapid.IntRange(20, 160).Draw(rt, "steps") {
				w.step()
			}
			w.heal()
			w.judge()
		})
	}
	for _, operation := range unseen(seen) {
		t.Errorf("never once: %s", operation)
	}
	t.Logf("what succeeded: %v", seen)
}

// unseen gives what every walk is to have seen, and this one has not.
func unseen(seen map[string]int) []string {
	return slices.DeleteFunc([]string{
		"workflow.Start", "workflow.Succeeded", "workflow.Failed", "workflow.Accepted", "workflow.Released", "workflow.TurnAnswered",
		"workflow.TurnFailed", "workflow.Elapsed", "workflow.Orphaned", "workflow.Beat", "workflow.Send", "workflow.Cancel",
		"workflow.Pause", "workflow.Count", "workflow.SetState", "workflow.Beginning", "workflow.Woken", "command call", "command map", "command sleep", "command wait_signal",
		"command local", "command cancel", "command dispatch", "command version", "command counter", "command state",
		"cancel by force true", "cancel by force false", "continue as new", "signal delivered", "hand-over", "conflict", "repetition",
		"bad turn", "called back", "parked true", "parked false", "item released, parked false", "cache hit", "withheld", "run for all", "result of another", "ownership passed on", "blocked", "timed out", "cancelled", "result as foretold", "refused: " + ErrLeaseLost.Error(),
		"refused: " + ErrAlreadyTerminal.Error(), "refused: " + ErrKeyReused.Error(), "signal repeated", "refused: " + ErrMailboxFull.Error(),
		"refused: " + ErrNoSuchStep.Error(),
		"workflow.Replay", "workflow.Discard", "workflow.Restart", "restart from a step true", "restart from a step false",
		"step kept by a restart", "reopened when failed", "reopened when timed_out", "reopened when completed", "reopened when cancelled",
		"refused: a conflict",
	}, func(operation string) bool { return seen[operation] > 0 })
}

func (w *world) start() {
	ev := Start{Execution: &Execution{
		ID: w.newID(), Namespace: "default", Function: rapid.SampledFrom([]string{"program0", "program1", "program2", "program2", "echo", "once"}).Draw(w.T, "function"),
		Input: json.RawMessage("7"), Tags: []string{},
	}}
	ev.Function = w.book[ev.Execution.Function]
	ev.Result = ev.Function.ResultKey(ev.Execution.Input, nil, OpStart, 0)
	if rapid.Bool().Draw(w.T, "bounded") {
		ev.Duration = 40 * time.Second
	}
	if rapid.Bool().Draw(w.T, "called back") {
		ev.Execution.CallbackURL = "https://user:secret@Receiver/path"
	}
	if rapid.IntRange(0, 3).Draw(w.T, "delayed") == 0 {
		ev.Delay = 5 * time.Second
	}
	w.outside[ev.Execution.ID] = true
	w.commit(ev)
}

// step does one thing of all that can happen.
func (w *world) step() {
	switch rapid.IntRange(0, 21).Draw(w.T, "step") {
	case 0:
		w.start()
	case 1:
		w.m.now = w.m.now.Add(time.Duration(rapid.IntRange(1, 30_000).Draw(w.T, "ms")) * time.Millisecond)
	case 2, 3, 4:
		w.claim(rapid.IntRange(1, 6).Draw(w.T, "most"))
	case 5:
		w.die()
	case 6:
		w.repeat(3)
	case 7:
		w.wakeSome()
	case 8, 9:
		w.commit(append(w.pick(&w.inFlight, 2), w.aboutDeadLetter(), w.aboutDeadLetter())...)
	case 10:
		w.commit(append(w.pick(&w.inFlight, 2), w.restart(w.worthRestarting()))...)
	default:
		batch := w.pick(&w.inFlight, rapid.IntRange(1, 5).Draw(w.T, "answers"))
		batch = append(batch, w.pick(&w.reports, rapid.IntRange(0, 1).Draw(w.T, "reports"))...)
		if rapid.IntRange(0, 3).Draw(w.T, "outside") == 0 {
			request := w.fromOutside()
			for batch = append(batch, request); ; batch = append(batch, request) {
				if Repeatable(request) || rapid.IntRange(0, 2).Draw(w.T, "once more") == 0 {
					break
				}
			}
		}
		if len(batch) > 1 {
			batch = rapid.Permutation(batch).Draw(w.T, "order")
		}
		w.commit(batch...)
	}
	for _, e := range w.m.executions {
		if e.State == ExecutionBlocked {
			w.seen["blocked"]++
		}
	}
}

// wakeSome wakes tasks that wait for a result, in time or for nothing.
func (w *world) wakeSome() {
	var waiting []*Task
	for _, id := range w.m.made {
		if t := w.m.tasks[id]; !t.AwaitsResult.IsZero() {
			waiting = append(waiting, t)
		}
	}
	w.wake(waiting[:min(len(waiting), rapid.IntRange(0, 4).Draw(w.T, "woken"))])
}

// die loses leases: their answers come too late, or just in time.
func (w *world) die() {
	lost := w.pick(&w.inFlight, 3)
	w.past = append(w.past, lost...)
	var orphaned []Event
	for _, e := range lost {
		orphaned = append(orphaned, Orphaned{Lease: leaseIn(e)})
	}
	w.commit(orphaned...)
}

func (w *world) allExecutions() (ids []ID) {
	for _, id := range w.m.made {
		if t := w.m.tasks[id]; t.Root() {
			ids = append(ids, t.Execution)
		}
	}
	return ids
}

func (w *world) anyExecution() ID { return rapid.SampledFrom(w.allExecutions()).Draw(w.T, "execution") }

// worthRestarting draws an execution that ended in a way drawn before, or one that
// has come to its second statement, as there are few of either.
func (w *world) worthRestarting() ID {
	of := map[string][]ID{}
	var ways []string
	for _, id := range w.allExecutions() {
		e := w.m.executions[id]
		way := string(e.State)
		root := w.m.tasks[e.RootTask]
		for _, step := range w.m.children(root.ID, root.Run) {
			if strings.HasPrefix(step.Key, "1/0+") {
				way = "second statement"
			}
		}
		if of[way] == nil {
			ways = append(ways, way)
		}
		of[way] = append(of[way], id)
	}
	return rapid.SampledFrom(of[rapid.SampledFrom(ways).Draw(w.T, "way")]).Draw(w.T, "worth restarting")
}

// fromOutside draws a request about any execution.
func (w *world) fromOutside() Event {
	ids, id := w.allExecutions(), w.anyExecution()
	name := rapid.SampledFrom([]string{"a", "b"}).Draw(w.T, "name")
	switch rapid.IntRange(0, 27).Draw(w.T, "request") {
	case 0:
		return Cancel{Execution: id}
	case 1:
		return Cancel{Execution: id, Force: true}
	case 2, 3:
		return Pause{Execution: id, Paused: true}
	case 4, 5, 6:
		return Pause{Execution: id}
	case 7, 8:
		return Count{Execution: id, Name: name, Add: 5}
	case 9:
		return SetState{Execution: id, Key: name, Value: json.RawMessage("1")}
	case 10, 11, 12: // to the same execution, so that keys meet
		return Send{Execution: ids[0], Name: name, Payload: json.RawMessage(`"signal"`), IdempotencyKey: "key", RequestHash: []byte(name)}
	case 13, 14:
		return w.aboutDeadLetter()
	case 15, 16:
		return w.restart(id)
	default:
		return Send{Execution: id, Name: name, Payload: json.RawMessage(`"signal"`)}
	}
}

// aboutDeadLetter draws a request about a dead letter, or about a task that has none.
func (w *world) aboutDeadLetter() Event {
	dead := map[ExecutionState][]ID{}
	var states []ExecutionState
	for _, id := range w.m.made {
		if _, ok := w.m.dead[id]; ok {
			state := w.m.executions[w.m.tasks[id].Execution].State
			if dead[state] == nil {
				states = append(states, state)
			}
			dead[state] = append(dead[state], id)
		}
	}
	tasks := w.m.made
	if len(states) > 0 && rapid.IntRange(0, 9).Draw(w.T, "any") > 0 {
		tasks = dead[rapid.SampledFrom(states).Draw(w.T, "of an execution that is")]
	}
	t := w.m.tasks[rapid.SampledFrom(tasks).Draw(w.T, "task")]
	if rapid.IntRange(0, 7).Draw(w.T, "discard") == 0 {
		return Discard{Execution: t.Execution, Task: t.ID}
	}
	return Replay{
		Execution: t.Execution, Task: t.ID, ResetRetries: rapid.Bool().Draw(w.T, "reset"),
		Queue: rapid.SampledFrom([]string{"", "other"}).Draw(w.T, "queue"),
	}
}

// restart draws a restart from the beginning, or from a statement: what a
// statement was decided by is then kept whole, so that its result stays foretold.
func (w *world) restart(id ID) Event {
	root := w.m.tasks[w.m.executions[id].RootTask]
	var keys []string
	for _, step := range w.m.children(root.ID, root.Run) {
		if strings.Contains(step.Key, "/0+") {
			keys = append(keys, step.Key)
		}
	}
	if len(keys) == 0 || rapid.IntRange(0, 3).Draw(w.T, "from the beginning") == 0 {
		return Restart{Execution: id}
	}
	key := rapid.SampledFrom(append(keys, "unheard of")).Draw(w.T, "from")
	return Restart{Execution: id, FromStep: &key}
}

// heal lets all that is due happen, and then time pass, until nothing moves any
// more but by a signal; then it sends that.
func (w *world) heal() {
	w.healing = true
	for id, e := range w.m.executions {
		if e.Paused && !e.State.Terminal() {
			w.commit(Pause{Execution: id})
		}
	}
	for range 10_000 {
		batch := append(w.pick(&w.inFlight, 8), w.pick(&w.reports, 8)...)
		switch {
		case len(batch) > 0:
			w.commit(batch...)
		case w.claim(100) > 0:
		case len(w.m.awaited()) > 0:
			w.wake(w.m.awaited())
		case w.nextDue() != nil:
			w.m.now = *w.nextDue()
		case !w.signal():
			return
		}
	}
	w.Fatalf("it never comes to rest")
}

func (w *world) nextDue() (next *time.Time) {
	for _, t := range w.m.tasks {
		if t.DueAt != nil && (next == nil || t.DueAt.Before(*next)) {
			next = t.DueAt
		}
	}
	return next
}

func (w *world) signal() bool {
	for _, id := range w.m.made {
		if t := w.m.tasks[id]; t.WaitingFor != "" {
			w.commit(Send{Execution: t.Execution, Name: t.WaitingFor, Payload: json.RawMessage(`"at last"`)})
			return true
		}
	}
	return false
}

// judge checks how every execution ended.
func (w *world) judge() {
	if err := w.guard.check(w.m); err != nil {
		w.Fatal(err)
	}
	for _, id := range w.m.made {
		if t := w.m.tasks[id]; t.Op == OpCallback && t.State != TaskCancelled {
			if t.State != TaskCompleted || t.Attempt < 2 || t.Name != "https://receiver" {
				w.Fatalf("callback to %s is %s after %d attempts", t.Name, t.State, t.Attempt)
			}
			w.seen["called back"]++
		}
	}
	for id, e := range w.m.executions {
		if !e.State.Terminal() {
			w.Fatalf("execution %s of %s came to rest as %s", id, e.Function, e.State)
		}
		for _, t := range w.m.tasks {
			if t.Execution == id && t.CacheHit {
				w.seen["cache hit"]++
			}
		}
		switch e.State {
		case ExecutionTimedOut:
			w.seen["timed out"]++
		case ExecutionCancelled:
			w.seen["cancelled"]++
		default:
			w.compare(e)
		}
	}
}

// compare holds a result against the direct interpretation of the program.
func (w *world) compare(e *Execution) {
	want, text := leaf{name: e.Function}.foretellCall(w.programs, string(e.Input))
	got, came := succeeds, string(e.Result)
	if e.State == ExecutionFailed {
		got, came = fails, "!"+e.Error.Type
	}
	if (got != want || came != text) && !w.revised[e.ID] {
		w.Fatalf("%s ended with %s, foretold was %s", e.Function, came, text)
	}
	w.seen["result as foretold"]++
}
