package workflow

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"
)

// world is a simulated service: programs, a store, and the schedulers' work in
// flight, under whatever order of events the test draws.
type world struct {
	*rapid.T
	m        *model
	guard    *guard
	programs []*program
	book     book
	ids      uint64
	limits   Limits
	inFlight []Event // answers on their way, each to the newest lease of a task
	reports  []Event // of asynchronous attempts, to be sent at any time
	past     []Event // that were sent already, or whose lease was lost
	outside  map[ID]bool
	revised  map[ID]bool // executions of which a step was replayed that they had gone past
	healing  bool
	runs     map[ResultKey]int // that completed, for all who share the result
	seen     map[string]int    // operations that succeeded
}

var schedulers = []ID{{15: 0xa}, {15: 0xb}}

func newWorld(t *rapid.T, seen map[string]int) *world {
	w := &world{
		T: t, m: newModel(), guard: newGuard(), limits: DefaultLimits(), outside: map[ID]bool{}, revised: map[ID]bool{}, runs: map[ResultKey]int{}, seen: seen,
	}
	w.limits.LostLease, w.limits.BadTurns, w.limits.Mailbox = 1_000, 3, 2
	for i := range 3 {
		w.programs = append(w.programs, drawProgram(t, i))
	}
	w.book = newBook(len(w.programs))
	w.book["program0"].Idempotent = rapid.Bool().Draw(t, "idempotent")
	return w
}

func (w *world) newID() (id ID) {
	w.ids++
	binary.BigEndian.PutUint64(id[:8], w.ids)
	return id
}

func (w *world) env() Env {
	terms := &Terms{Scheduler: schedulers[0], Room: rapid.IntRange(0, 6).Draw(w.T, "room"), Serves: func(string, *Function) bool { return true }}
	if terms.Room == 0 {
		terms = nil
	}
	return Env{NewID: w.newID, Random: func() float64 { return 0.5 }, Functions: w.book, Limits: w.limits, Terms: terms}
}

// commit decides events in one batch and saves the change, or throws it away as
// a store does on a conflict. It checks everything that must hold then.
func (w *world) commit(events ...Event) []Verdict {
	if rapid.IntRange(0, 19).Draw(w.T, "conflict") == 0 {
		Decide(w.m.load(NeedOf(events)), events, w.env())
		w.seen["conflict"]++
	}
	before := map[ID]*Task{}
	for id, t := range w.m.tasks {
		before[id] = t
	}
	change, verdicts := Decide(w.m.load(NeedOf(events)), events, w.env())
	swept, err := w.m.save(change)
	if err != nil {
		w.Fatalf("saving: %v", err)
	}
	for i, e := range events {
		w.learn(e, verdicts[i], before)
	}
	touched := NeedOf(events).Executions
	for _, e := range change.NewExecutions {
		touched = append(touched, e.ID)
	}
	if err := w.guard.check(w.m, touched...); err != nil {
		w.Fatalf("after %s: %v", describe(events), err)
	}
	for _, r := range change.Releases {
		w.seen[fmt.Sprintf("item released, parked %v", r.Parked)]++
	}
	for _, p := range change.Parks {
		w.seen[fmt.Sprintf("parked %v", p.Paused)]++
	}
	w.handed(change, swept)
	w.past = append(w.past, events...)
	return verdicts
}

func describe(events []Event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "\n\t%T%s", e, picture(e))
	}
	return b.String()
}

// learn keeps account of what an event was told to have done.
func (w *world) learn(e Event, v Verdict, before map[ID]*Task) {
	var why *ConflictError
	if errors.As(v.Err, &why) {
		w.seen["refused: a conflict"]++
		return
	}
	if v.Err != nil {
		w.seen[fmt.Sprintf("refused: %v", v.Err)]++
		return
	}
	if v.Replayed {
		w.seen["repetition"]++
		if _, send := e.(Send); send {
			w.seen["signal repeated"]++
		}
		return
	}
	w.seen[fmt.Sprintf("%T", e)]++
	switch e := e.(type) {
	case TurnAnswered:
		if w.m.tasks[e.Lease.Task].Turn == before[e.Lease.Task].Turn {
			w.seen["bad turn"]++
			return
		}
		w.ran(before[e.Lease.Task])
		w.guard.awaits[e.Lease.Task] = e.Await
		w.learnTurn(e)
	case Succeeded:
		w.ran(before[e.Lease.Task])
		for name, add := range e.Counters {
			w.guard.added[NameRef{e.Lease.Execution, name}] += add
		}
	case Beginning:
		w.decided(e, v)
	case Send:
		if v.Delivered {
			w.seen["signal delivered"]++
		}
	case Count:
		w.guard.added[NameRef{e.Execution, e.Name}] += e.Add
	case Cancel:
		w.seen[fmt.Sprintf("cancel by force %v", e.Force)]++
	case Replay:
		w.learnReopening(e.Execution)
		w.learnReplay(e)
	case Discard:
		w.guard.exhumed[e.Execution] = true
	case Restart:
		w.learnReopening(e.Execution)
		w.guard.exhumed[e.Execution] = true
		w.seen[fmt.Sprintf("restart from a step %v", e.FromStep != nil)]++
		root := w.m.tasks[w.m.executions[e.Execution].RootTask]
		delete(w.runs, root.OwnsResult) // it is made anew
		for _, step := range w.m.children(root.ID, root.Run) {
			w.seen["step kept by a restart"]++
			w.guard.sums[StepRef{root.ID, root.Run, step.Key}] = struct{}{}
		}
	}
}

// learnReplay notes replays of steps that their orchestrator had gone past, with
// others of the statement cancelled: what it comes to now is not foretold.
func (w *world) learnReplay(e Replay) {
	for t := w.m.tasks[e.Task]; !t.Root(); t = w.m.tasks[t.Parent] {
		statement, _, _ := strings.Cut(t.Key, "/")
		for _, step := range w.m.children(t.Parent, t.ParentRun) {
			if step.Key == statement+"/cancel" {
				w.revised[e.Execution] = true
			}
		}
	}
}

func (w *world) learnReopening(execution ID) {
	if w.guard.terminal[execution] != nil {
		w.seen[fmt.Sprintf("reopened when %s", w.guard.terminal[execution].State)]++
	}
	if err := w.guard.reopened(w.m, execution); err != nil {
		w.Fatal(err)
	}
}

func (w *world) learnTurn(e TurnAnswered) {
	for _, c := range e.Commands {
		w.seen["command "+string(c.Op)]++
		ref := StepRef{e.Lease.Task, e.Run, c.Key}
		if _, known := w.guard.sums[ref]; c.Op == OpCounter && !known {
			w.guard.sums[ref] = struct{}{}
			w.guard.added[NameRef{e.Lease.Execution, c.Name}] += c.Add
		}
	}
	if e.Outcome != nil && e.Outcome.ContinueAsNew != nil {
		w.seen["continue as new"]++
	}
}

// ran keeps account of the runs that completed with a shared result.
func (w *world) ran(was *Task) {
	t := w.m.tasks[was.ID]
	if was.OwnsResult.IsZero() || t.State != TaskCompleted {
		return
	}
	w.seen["run for all"]++
	w.runs[was.OwnsResult]++
	if f := w.book[t.Name]; f.Idempotent && w.runs[was.OwnsResult] > 1 {
		w.Fatalf("%s ran to its end %d times for one key", t.Name, w.runs[was.OwnsResult])
	}
}

// decided delivers a task that was to be decided first, if it is the one to run.
func (w *world) decided(e Beginning, v Verdict) {
	t := w.m.tasks[e.Lease.Task]
	switch {
	case v.Withheld:
		w.seen["withheld"]++
	case t.State == TaskRunning && t.Token == e.Lease.Token && w.guard.deliveries[t.ID] < t.Token:
		w.deliver(t)
	}
}

// wake tells tasks that what they wait for may be there.
func (w *world) wake(tasks []*Task) {
	var woken []Event
	for _, t := range tasks {
		woken = append(woken, Woken{Execution: t.Execution, Task: t.ID})
	}
	for _, v := range w.commit(woken...) {
		switch {
		case v.Err != nil || v.Replayed:
		case v.Task.CacheHit:
			w.seen["result of another"]++
		case !v.Task.OwnsResult.IsZero():
			w.seen["ownership passed on"]++
		}
	}
}

// handed takes over what a commit leased.
func (w *world) handed(c *Change, swept map[ID]bool) {
	for _, h := range c.Handed {
		if swept[h.Task.ID] {
			continue
		}
		t := w.m.tasks[h.Task.ID]
		if t.Holder != c.Lessee || t.State != TaskRunning || t.Token != h.Task.Token {
			w.Fatalf("task %q was handed over and is %s under token %d", t.Key, t.State, t.Token)
		}
		w.seen["hand-over"]++
		w.deliver(t)
	}
}

// deliver puts the answer to a delivery in flight, computed from what is stored now.
func (w *world) deliver(t *Task) {
	if w.guard.deliveries[t.ID] >= t.Token || w.m.executions[t.Execution].State.Terminal() != (t.Op == OpCallback) {
		w.Fatalf("task %q was delivered under token %d after %d", t.Key, t.Token, w.guard.deliveries[t.ID])
	}
	w.guard.deliveries[t.ID] = t.Token
	lease := leaseOf(t)
	if t.Undecided(w.book[t.Name]) || t.CacheHit {
		w.Fatalf("%s is delivered without regard to the result that it shares", t.Name)
	}
	if !w.healing {
		switch rapid.SampledFrom([]string{"", "", "", "", "", "released", "broken", "broken"}).Draw(w.T, "answer") {
		case "released":
			w.inFlight = append(w.inFlight, Released{Lease: lease, After: time.Second})
			return
		case "broken":
			w.inFlight = append(w.inFlight, w.broken(t))
			return
		}
	}
	if t.Kind == KindOrchestrator {
		ev := w.program(t.Name).answer(w.programs, w.m.turn(t))
		if rapid.Bool().Draw(w.T, "named") { // or the function did not share results yet
			NameResults(ev.Commands, w.book)
		}
		w.inFlight = append(w.inFlight, ev)
		return
	}
	input := w.inputOf(t)
	answer := perform(t, input, w.healing)
	w.inFlight = append(w.inFlight, answer)
	if _, ok := answer.(Accepted); ok {
		w.reports = append(w.reports, Succeeded{Lease: lease, Value: input, ContextUpdate: ContextUpdate{Counters: map[string]int64{"b": 3}}}, Beat{Lease: lease, Details: json.RawMessage("1")})
	}
}

func (w *world) inputOf(t *Task) json.RawMessage {
	if t.Input == nil {
		return w.m.executions[t.Execution].Input
	}
	return t.Input
}

func (w *world) program(name string) *program { return w.programs[name[len(name)-1]-'0'] }

// broken is an answer that a worker should not give.
func (w *world) broken(t *Task) Event {
	failure := Error{Type: t.Name, Message: "it fails"}
	if t.Kind == KindActivity {
		return Failed{Lease: leaseOf(t), Error: failure, Retryable: true}
	}
	ev := w.program(t.Name).answer(w.programs, w.m.turn(t))
	switch how := rapid.SampledFrom([]string{"failed", "mismatch", "unheard of"}).Draw(w.T, "broken"); {
	case how == "failed" || len(ev.Commands) == 0:
		return TurnFailed{Lease: ev.Lease, Error: failure}
	case how == "mismatch":
		c := &ev.Commands[rapid.IntRange(0, len(ev.Commands)-1).Draw(w.T, "which")]
		if w.m.turn(t).steps[c.Key] != nil {
			c.Name += "!"
			return ev
		}
	}
	ev.Outcome, ev.Await = nil, &Await{Key: "unheard of"}
	return ev
}

// claim leases tasks that are due to one of the schedulers.
func (w *world) claim(most int) int {
	due := w.m.due()
	due = due[:min(most, len(due))]
	var touched []ID
	for _, t := range due {
		touched = append(touched, t.Execution)
		f := w.book[t.Name]
		switch elapsed := w.m.claim(t, schedulers[1], f); {
		case elapsed:
			w.inFlight = append(w.inFlight, Elapsed{Lease: leaseOf(t)})
		case t.Undecided(f):
			w.inFlight = append(w.inFlight, Beginning{Lease: leaseOf(t), Result: t.KeyOf(f, w.inputOf(t))})
		default:
			w.deliver(t)
		}
	}
	if err := w.guard.check(w.m, touched...); len(due) > 0 && err != nil {
		w.Fatalf("after a claim: %v", err)
	}
	return len(due)
}

// pick takes at most n of a list of events, drawn by chance.
func (w *world) pick(from *[]Event, n int) (picked []Event) {
	for range min(n, len(*from)) {
		i := rapid.IntRange(0, len(*from)-1).Draw(w.T, "pick")
		picked = append(picked, (*from)[i])
		*from = slices.Delete(*from, i, i+1)
	}
	return picked
}

// leaseIn gives the lease that an event is about.
func leaseIn(e Event) Lease {
	switch e := e.(type) {
	case Succeeded:
		return e.Lease
	case Failed:
		return e.Lease
	case Accepted:
		return e.Lease
	case Released:
		return e.Lease
	case TurnAnswered:
		return e.Lease
	case TurnFailed:
		return e.Lease
	case Elapsed:
		return e.Lease
	case Beat:
		return e.Lease
	case Beginning:
		return e.Lease
	}
	return Lease{}
}

// stale tells whether an event's lease was followed by a newer one or has ended.
func (w *world) stale(e Event) bool {
	l := leaseIn(e)
	t := w.m.tasks[l.Task]
	return t != nil && t.Token > l.Token
}

// repeat sends events again that were sent before, or were too late.
func (w *world) repeat(n int) {
	var again []Event
	for range min(n, len(w.past)) {
		e := w.past[rapid.IntRange(0, len(w.past)-1).Draw(w.T, "again")]
		if start, ok := e.(Start); ok {
			start.Again = true
			e = start
		}
		if Repeatable(e) {
			again = append(again, e)
		}
	}
	stale := make([]bool, len(again))
	for i, e := range again {
		stale[i] = w.stale(e)
	}
	for i, v := range w.commit(again...) {
		if _, beat := again[i].(Beat); stale[i] && !beat && !errors.Is(v.Err, ErrLeaseLost) {
			w.Fatalf("a stale answer was not refused but got %v: %s", v.Err, describe(again[i:i+1]))
		}
	}
}
