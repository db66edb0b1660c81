package workflow

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"
)

// bench prepares what a store would have loaded, anew for each round.
type bench struct {
	ids  uint64
	book book
}

func (b *bench) newID() (id ID) {
	b.ids++
	binary.BigEndian.PutUint64(id[:8], b.ids)
	return id
}

func (b *bench) env() Env {
	return Env{
		NewID: b.newID, Random: func() float64 { return 0.5 }, Functions: b.book, Limits: DefaultLimits(),
		Terms: &Terms{Scheduler: schedulers[0], Room: 100_000, Serves: func(string, *Function) bool { return true }},
	}
}

var benchTime = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// running adds an execution whose orchestrator is in that state.
func (b *bench) running(l *Loaded, state TaskState) *Task {
	e := &Execution{ID: b.newID(), Function: "program0", State: ExecutionRunning}
	root := &Task{
		ID: b.newID(), Execution: e.ID, Op: OpStart, Key: "root", Name: "program0", Kind: KindOrchestrator, State: state,
		Token: 1, StartedAt: &benchTime,
	}
	e.RootTask = root.ID
	l.Executions, l.Tasks = append(l.Executions, e), append(l.Tasks, root)
	return root
}

// wide adds n held activities to an orchestrator that waits for all of them.
func (b *bench) wide(l *Loaded, root *Task, n int) []Event {
	events := make([]Event, n)
	root.Await, root.Open, root.Turn = []AwaitNode{{Mode: AwaitAll, Parent: -1, Open: n}}, n, 1
	for i := range events {
		t := &Task{
			ID: b.newID(), Execution: root.Execution, Parent: root.ID, Key: strconv.Itoa(i), Op: OpCall, Name: "echo", Kind: KindActivity,
			State: TaskRunning, Holder: schedulers[0], Token: 1, Attempt: 1, StartedAt: &benchTime, AwaitedBy: []int{1, 0},
		}
		l.Tasks = append(l.Tasks, t)
		events[i] = Succeeded{Lease: leaseOf(t), Value: json.RawMessage(`{"ok":true}`)}
	}
	return events
}

// decide measures rounds of one Decide, with what prepare gives, and reports the time an event takes.
func decide(b *testing.B, prepare func(w *bench) (*Loaded, []Event)) {
	b.ReportAllocs()
	w := &bench{book: newBook(1)}
	events := 0
	for b.Loop() {
		b.StopTimer()
		loaded, batch := prepare(w)
		loaded.Now = benchTime
		events += len(batch)
		b.StartTimer()
		_, verdicts := Decide(loaded, batch, w.env())
		if verdicts[0].Err != nil {
			b.Fatal(verdicts[0].Err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(events), "ns/event")
}

const batchSize = 256

func BenchmarkTurnAnsweredWithOneCall(b *testing.B) {
	decide(b, func(w *bench) (*Loaded, []Event) {
		l, events := &Loaded{}, make([]Event, batchSize)
		for i := range events {
			root := w.running(l, TaskRunning)
			root.Holder = schedulers[0]
			events[i] = TurnAnswered{Lease: leaseOf(root), Commands: []Command{call("a", "echo")}, Await: &Await{Key: "a"}}
		}
		return l, events
	})
}

func BenchmarkActivityCompleted(b *testing.B) {
	decide(b, func(w *bench) (*Loaded, []Event) {
		l, events := &Loaded{}, make([]Event, 0, batchSize)
		for range batchSize {
			events = append(events, w.wide(l, w.running(l, TaskWaiting), 1)...)
		}
		return l, events
	})
}

func BenchmarkTurnOfAThousandCalls(b *testing.B) {
	decide(b, func(w *bench) (*Loaded, []Event) {
		l := &Loaded{}
		root := w.running(l, TaskRunning)
		root.Holder = schedulers[0]
		ev := TurnAnswered{Lease: leaseOf(root), Await: &Await{Mode: AwaitAll}}
		for i := range 1_000 {
			ev.Commands = append(ev.Commands, call(strconv.Itoa(i), "echo"))
			ev.Await.Of = append(ev.Await.Of, key(strconv.Itoa(i)))
		}
		return l, []Event{ev}
	})
}

// BenchmarkWideAll shows that the completions of an await of n steps cost the same, whatever n.
func BenchmarkWideAll(b *testing.B) {
	for _, n := range []int{100, 1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			decide(b, func(w *bench) (*Loaded, []Event) {
				l := &Loaded{}
				return l, w.wide(l, w.running(l, TaskWaiting), n)
			})
		})
	}
}
