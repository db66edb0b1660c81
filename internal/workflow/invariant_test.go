package workflow

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
)

// guard checks the invariants that hold after every transaction. It remembers what may never change again.
type guard struct {
	settled    map[ID]*Task
	terminal   map[ID]*Execution
	tokens     map[ID]int64
	deliveries map[ID]int64         // the newest token under which a task was delivered
	awaits     map[ID]*Await        // what each orchestrator was told to wait for
	added      map[NameRef]int64    // what was added to counters, by steps and from outside
	sums       map[StepRef]struct{} // counter steps that are in added
	exhumed    map[ID]bool          // executions whose dead letters the last transaction took away
	ends       map[ID]int           // of executions, that were seen
	reopenings map[ID]int           // of executions that may have ended before
}

func newGuard() *guard {
	return &guard{
		settled: map[ID]*Task{}, terminal: map[ID]*Execution{}, tokens: map[ID]int64{}, deliveries: map[ID]int64{},
		awaits: map[ID]*Await{}, added: map[NameRef]int64{}, sums: map[StepRef]struct{}{}, exhumed: map[ID]bool{}, ends: map[ID]int{}, reopenings: map[ID]int{},
	}
}

func picture(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// check gives the first invariant that does not hold; with executions named, of those only.
func (g *guard) check(m *model, only ...ID) error {
	skips := func(id ID) bool { return len(only) > 0 && !slices.Contains(only, id) }
	for _, id := range m.made {
		if skips(m.tasks[id].Execution) {
			continue
		}
		if err := g.task(m, m.tasks[id]); err != nil {
			return fmt.Errorf("task %s (%s %q, %s): %w", id, m.tasks[id].Op, m.tasks[id].Key, m.tasks[id].State, err)
		}
	}
	for id, e := range m.executions {
		if skips(id) {
			continue
		}
		if err := g.execution(m, e); err != nil {
			return fmt.Errorf("execution %s (%s): %w", id, e.State, err)
		}
	}
	for ref, want := range g.added {
		if got := m.counters[ref]; got != want {
			return fmt.Errorf("counter %s is %d, its steps add up to %d", ref.Name, got, want)
		}
	}
	for id := range m.dead {
		if t := m.tasks[id]; t.State != TaskFailed || !t.Kind.Delivered() || t.Op == OpCallback {
			return fmt.Errorf("the %s task %q has a dead letter", t.State, t.Key)
		}
	}
	clear(g.exhumed)
	return nil
}

// reopened lets go of what a replay or a restart may change: the execution's end,
// tasks that failed or were swept, and the places of those that settled after them.
func (g *guard) reopened(m *model, execution ID) error {
	delete(g.terminal, execution)
	for _, t := range m.tasks {
		if t.Execution == execution && t.ParentRun < 0 {
			delete(g.sums, StepRef{t.Parent, m.tasks[t.Parent].Run, t.Key}) // whoever commands it again adds again
		}
	}
	g.reopenings[execution]++
	for id, was := range g.settled {
		if was.Execution != execution {
			continue
		}
		now := m.tasks[id]
		switch {
		case now.State == was.State && reflect.DeepEqual(now.CompletedAt, was.CompletedAt) && now.Token == was.Token:
			was.Seq, was.ParentRun, was.ParentTurn = now.Seq, now.ParentRun, now.ParentTurn
		case was.State != TaskFailed && was.State != TaskCancelled && !was.Root():
			return fmt.Errorf("task %q had settled as %s, as number %d, and is %s", was.Key, was.State, was.Seq, now.State)
		default:
			delete(g.settled, id)
		}
	}
	return nil
}

// buried checks that a task which has just failed is in the dead letters.
func (g *guard) buried(m *model, t *Task) error {
	if _, dead := m.dead[t.ID]; dead || t.State != TaskFailed || !t.Kind.Delivered() || t.Op == OpCallback {
		return nil
	}
	if m.executions[t.Execution].CancelRequested || g.exhumed[t.Execution] {
		return nil
	}
	return fmt.Errorf("it failed and is not in the dead letters")
}

func (g *guard) execution(m *model, e *Execution) error {
	if e.State.Terminal() {
		if was := g.terminal[e.ID]; was != nil && !reflect.DeepEqual(was, e) {
			return fmt.Errorf("it was terminal and changed:\n%s\n%s", picture(was), picture(e))
		}
		if g.terminal[e.ID] == nil {
			g.ends[e.ID]++
		}
		g.terminal[e.ID] = copyExecution(e)
	} else if g.terminal[e.ID] != nil {
		return fmt.Errorf("it was terminal and is open again")
	}
	if (e.CompletedAt != nil) != e.State.Terminal() {
		return fmt.Errorf("completed at %v", e.CompletedAt)
	}
	if err := g.callbacks(m, e); err != nil {
		return err
	}
	return g.mailbox(m, e)
}

// callbacks checks that each end has a callback, and that one of an end that was
// taken back is not delivered any more.
func (g *guard) callbacks(m *model, e *Execution) error {
	callbacks, open := 0, 0
	for _, id := range m.made {
		if t := m.tasks[id]; t.Execution == e.ID && t.Op == OpCallback {
			callbacks++
			if !t.State.Settled() {
				open++
			}
		}
	}
	least, most := g.ends[e.ID], g.reopenings[e.ID] // an end and a reopening may be in one transaction
	if e.State.Terminal() {
		most++
	}
	if e.CallbackURL == "" {
		least, most = 0, 0
	}
	if callbacks < least || callbacks > most || open > 1 || open > 0 && !e.State.Terminal() {
		return fmt.Errorf("it has ended %d times, and has %d callbacks to %q, %d of them open", least, callbacks, e.CallbackURL, open)
	}
	return nil
}

func (g *guard) mailbox(m *model, e *Execution) error {
	buffered, untaken, takers, keys := 0, map[string]bool{}, map[ID]bool{}, map[string]bool{}
	for i, s := range m.signals[e.ID] {
		if s.Seq != int64(i)+1 {
			return fmt.Errorf("signal %d has seq %d", i+1, s.Seq)
		}
		if keys[s.IdempotencyKey] {
			return fmt.Errorf("two signals have the key %q", s.IdempotencyKey)
		}
		keys[s.IdempotencyKey] = s.IdempotencyKey != ""
		if s.TakenBy.IsZero() {
			buffered++
			untaken[s.Name] = true
			continue
		}
		taker := m.tasks[s.TakenBy]
		if untaken[s.Name] || takers[s.TakenBy] {
			return fmt.Errorf("signal %d was taken out of order, or by a wait that had one", s.Seq)
		}
		takers[s.TakenBy] = true
		if taker.Name != s.Name || taker.State != TaskCompleted || string(taker.Result) != string(s.Payload) {
			return fmt.Errorf("signal %d was taken by %s %q %s with %s", s.Seq, taker.State, taker.Key, taker.Name, taker.Result)
		}
	}
	if e.Buffered != buffered || e.SignalSeq != int64(len(m.signals[e.ID])) {
		return fmt.Errorf("buffered %d of %d signals, counted %d of %d", e.Buffered, e.SignalSeq, buffered, len(m.signals[e.ID]))
	}
	for _, id := range m.made {
		if t := m.tasks[id]; t.Execution == e.ID && t.WaitingFor != "" && untaken[t.WaitingFor] {
			return fmt.Errorf("a signal %s lies there while %q waits for it", t.WaitingFor, t.Key)
		}
	}
	return nil
}

func (g *guard) task(m *model, t *Task) error {
	if t.Token < g.tokens[t.ID] {
		return fmt.Errorf("its token fell from %d to %d", g.tokens[t.ID], t.Token)
	}
	g.tokens[t.ID] = t.Token
	if err := g.holding(m, t); err != nil {
		return err
	}
	if t.State.Settled() {
		if was := g.settled[t.ID]; was == nil {
			g.settled[t.ID] = copyTask(t)
			if err := g.buried(m, t); err != nil {
				return err
			}
		} else if !reflect.DeepEqual(was, t) {
			return fmt.Errorf("it was settled and changed:\n%s\n%s", picture(was), picture(t))
		}
	} else {
		if g.settled[t.ID] != nil {
			return fmt.Errorf("it was settled and is open again")
		}
		if m.executions[t.Execution].State.Terminal() && t.Op != OpCallback {
			return fmt.Errorf("it is open in a terminal execution")
		}
		if p := m.tasks[t.Parent]; p != nil && (p.State.Settled() || p.Kind == KindOrchestrator && p.Run != t.ParentRun) {
			return fmt.Errorf("it is open below a parent, or a run, that has ended")
		}
	}
	if t.Kind == KindOrchestrator || t.Kind == KindMap {
		if err := g.family(m, t); err != nil {
			return err
		}
	}
	if t.Kind == KindOrchestrator && t.State == TaskWaiting && t.AwaitsResult.IsZero() {
		return g.await(m, t)
	}
	return nil
}

// holding checks that a task is due, held or waiting as its state says.
func (g *guard) holding(m *model, t *Task) error {
	held, due := !t.Holder.IsZero(), t.DueAt != nil
	released := t.Op != OpItem || t.Item < m.tasks[t.Parent].Next
	parked := m.executions[t.Execution].Paused && t.Op != OpCallback
	ok := true
	switch {
	case t.State.Settled():
		ok = !held && !due && t.Await == nil && t.WaitingFor == "" && t.CompletedAt != nil && t.AwaitsResult.IsZero()
	case held && due, !t.AwaitsResult.IsZero() && t.State != TaskWaiting, !t.AwaitsResult.IsZero() && !t.OwnsResult.IsZero():
		ok = false
	case t.State == TaskRunning:
		ok = t.Kind.Delivered() && (held || due && t.Kind == KindActivity)
	case t.State == TaskPending:
		ok = t.Kind.Delivered() && !held && due == (released && !parked) && (t.ScheduledFor != nil) == released
	case !t.AwaitsResult.IsZero():
		ok = t.Kind.Delivered() && !held && !due && len(m.children(t.ID, t.Run)) == 0
	case t.State == TaskWaiting && t.Kind == KindTimer:
		ok = due || held
	case t.State == TaskWaiting && t.Kind == KindSignal:
		ok = t.WaitingFor == t.Name
	case t.State == TaskWaiting:
		ok = !due && !held && (t.Kind == KindMap || t.Kind == KindOrchestrator && len(t.Await) > 0)
	}
	if !ok {
		return fmt.Errorf("held %v, due %v, %d await nodes, waiting for %q", held, t.DueAt, len(t.Await), t.WaitingFor)
	}
	return nil
}

// family recounts the children of an orchestrator's runs or of a map.
func (g *guard) family(m *model, t *Task) error {
	for run := 0; run <= t.Run; run++ {
		var seqs []int64
		open, settled, keys := 0, int64(0), map[string]bool{}
		for _, child := range m.children(t.ID, run) {
			if keys[child.Key] {
				return fmt.Errorf("two steps %q in run %d", child.Key, run)
			}
			keys[child.Key] = true
			if child.Seq > 0 {
				seqs = append(seqs, child.Seq)
			}
			if child.State.Settled() {
				settled++
			} else {
				open++
			}
		}
		slices.Sort(seqs)
		for i, seq := range seqs { // of an earlier run, a restart may have kept some
			if run == t.Run && seq != int64(i)+1 || i > 0 && seq == seqs[i-1] {
				return fmt.Errorf("run %d settled in the order %v", run, seqs)
			}
		}
		if !t.State.Settled() && run == t.Run && (t.Open != open || t.Settled != settled || len(seqs) != int(settled)) {
			return fmt.Errorf("it has %d open and %d settled, counted %d and %d", t.Open, t.Settled, open, settled)
		}
	}
	return nil
}

// await compares the stored nodes with an evaluation of the whole await.
func (g *guard) await(m *model, t *Task) error {
	told := g.awaits[t.ID]
	if told == nil {
		return fmt.Errorf("it waits and was never told for what")
	}
	steps := map[string]*Task{}
	for _, child := range m.children(t.ID, t.Run) {
		steps[child.Key] = child
	}
	if at, _ := evaluate(*told, steps); at != never {
		return fmt.Errorf("what it waits for was decided by settlement %d", at)
	}
	if told.Key != "" {
		told = &Await{Mode: AwaitAll, Of: []Await{*told}}
	}
	next := 0
	return compareNodes(*told, steps, t.Await, &next)
}

func compareNodes(a Await, steps map[string]*Task, nodes []AwaitNode, next *int) error {
	n := nodes[*next]
	*next++
	at, _ := evaluate(a, steps)
	if n.Done != (at != never) {
		return fmt.Errorf("await node %d (%s): done is %v, evaluated to %d", *next-1, n.Mode, n.Done, at)
	}
	open := 0
	for _, member := range a.Of {
		if decided, _ := evaluate(member, steps); decided == never {
			open++
		}
	}
	if !n.Done && n.Open != open {
		return fmt.Errorf("await node %d (%s): %d open, counted %d", *next-1, n.Mode, n.Open, open)
	}
	for _, member := range a.Of {
		if member.Key == "" {
			if err := compareNodes(member, steps, nodes, next); err != nil {
				return err
			}
		}
	}
	return nil
}

// never is the settlement that decides what is not decided.
const never = int64(1) << 62

// evaluate tells by which settlement an await was decided and whether that was a
// success, by looking at the whole of it.
func evaluate(a Await, steps map[string]*Task) (at int64, success bool) {
	if a.Key != "" {
		if s := steps[a.Key]; s != nil && s.State.Settled() {
			return s.Seq, s.State == TaskCompleted
		}
		return never, false
	}
	first, firstSuccess, firstFailure, last, won := never, never, never, int64(0), false
	for _, member := range a.Of {
		decided, ok := evaluate(member, steps)
		if decided < first {
			first, won = decided, ok
		}
		if last = max(last, decided); decided == never {
			continue
		}
		if ok {
			firstSuccess = min(firstSuccess, decided)
		} else {
			firstFailure = min(firstFailure, decided)
		}
	}
	switch a.Mode {
	case AwaitAny:
		return first, won
	case AwaitAll:
		return last, true
	case AwaitAllOrFailure:
		if firstFailure != never {
			return firstFailure, false
		}
		return last, true
	default:
		if firstSuccess != never {
			return firstSuccess, true
		}
		return last, false
	}
}
