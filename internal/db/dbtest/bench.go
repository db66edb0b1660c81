package dbtest

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

// Benchmark measures the hot path of a store: commits of batches of turns and of
// completions, each of executions of their own, and claims. It reports events a
// second beside the time of one batch.
func Benchmark(b *testing.B, open Open) {
	for _, size := range []int{1, 64, 256} {
		b.Run(fmt.Sprintf("Turns/batch=%d", size), func(b *testing.B) { benchmarkTurns(b, open, size) })
		b.Run(fmt.Sprintf("Completions/batch=%d", size), func(b *testing.B) { benchmarkCompletions(b, open, size) })
	}
	for _, size := range []int{1, 100} {
		b.Run(fmt.Sprintf("Claim/limit=%d", size), func(b *testing.B) { benchmarkClaim(b, open, size) })
	}
}

// herd is a number of executions whose orchestrators are all at the same point.
type herd struct {
	*fixture
	scheduler workflow.ID
	ids       []workflow.ID
	roots     []*workflow.Task
	steps     []*workflow.Task // the step in flight of each, if any
	turns     int
}

func newHerd(b *testing.B, open Open, size int) *herd {
	b.Helper()
	h := &herd{fixture: newFixture(b, open), steps: make([]*workflow.Task, size)}
	h.scheduler = h.join()
	h.commit(workflow.Need{}, func(l *workflow.Loaded, c *workflow.Change) {
		for range size {
			e, root := newExecution("f", l.Now)
			e.State = workflow.ExecutionRunning
			heldBy(h.scheduler, 1)(root)
			root.Kind, root.DueAt = workflow.KindOrchestrator, nil
			h.ids, h.roots = append(h.ids, e.ID), append(h.roots, root)
			c.NewExecutions, c.NewTasks = append(c.NewExecutions, e), append(c.NewTasks, root)
			c.Holds = append(c.Holds, workflow.Hold{Scheduler: h.scheduler, Execution: e.ID})
		}
		c.Lessee = h.scheduler
	})
	return h
}

// update takes a task over as it was loaded, and saves it as changed.
func update(c *workflow.Change, t *workflow.Task, change func(t *workflow.Task)) *workflow.Task {
	was := t.Token
	change(t)
	c.Tasks = append(c.Tasks, workflow.TaskUpdate{Task: t, WasToken: was})
	return t
}

// turn stores what one turn of each orchestrator commanded: it waits for a step,
// which is leased to the scheduler at once.
func (h *herd) turn() {
	h.turns++
	key := fmt.Sprintf("step#%d", h.turns)
	need := workflow.Need{Executions: h.ids}
	for _, root := range h.roots {
		need.Tasks = append(need.Tasks, root.ID)
		need.Steps = append(need.Steps, workflow.StepRef{Parent: root.ID, Key: key})
	}
	h.commit(need, func(l *workflow.Loaded, c *workflow.Change) {
		c.Lessee = h.scheduler
		for i, t := range l.Tasks {
			h.roots[i] = update(c, t, func(t *workflow.Task) {
				t.State, t.Holder, t.Turn, t.Open = workflow.TaskWaiting, workflow.ID{}, h.turns, 1
				t.Await = []workflow.AwaitNode{{Mode: workflow.AwaitAll, Parent: -1, Open: 1}}
			})
			h.steps[i] = newChild(t, key, heldBy(h.scheduler, 1), func(step *workflow.Task) {
				step.CreatedAt, step.AwaitedBy = l.Now, []int{h.turns, 0}
				step.Input = json.RawMessage(`{"order": "ORD-0001", "amount": 12.5}`)
			})
			c.NewTasks = append(c.NewTasks, h.steps[i])
		}
	})
}

// complete stores the result of each step, which makes the next turn of its
// orchestrator due and leases it at once.
func (h *herd) complete() {
	need := workflow.Need{Executions: h.ids}
	for _, step := range h.steps {
		need.Tasks = append(need.Tasks, step.ID)
	}
	h.commit(need, func(l *workflow.Loaded, c *workflow.Change) {
		c.Lessee = h.scheduler
		for _, t := range l.Tasks {
			if t.Parent.IsZero() {
				update(c, t, func(t *workflow.Task) {
					t.State, t.Holder, t.Await, t.Open = workflow.TaskRunning, h.scheduler, nil, 0
					t.Token++
					t.Settled++
				})
				continue
			}
			update(c, t, func(t *workflow.Task) {
				t.State, t.Holder, t.CompletedAt, t.Seq = workflow.TaskCompleted, workflow.ID{}, &l.Now, int64(h.turns)
				t.Result = json.RawMessage(`{"id": "ch_0001", "status": "paid"}`)
			})
		}
	})
}

func benchmarkTurns(b *testing.B, open Open, size int) {
	h := newHerd(b, open, size)
	for b.Loop() {
		h.turn()
		b.StopTimer()
		h.complete()
		b.StartTimer()
	}
	report(b, size)
}

func benchmarkCompletions(b *testing.B, open Open, size int) {
	h := newHerd(b, open, size)
	for b.Loop() {
		b.StopTimer()
		h.turn()
		b.StartTimer()
		h.complete()
	}
	report(b, size)
}

func benchmarkClaim(b *testing.B, open Open, limit int) {
	f := newFixture(b, open)
	scheduler := f.join()
	const stock = 1000
	left := 0
	for b.Loop() {
		if left < limit {
			b.StopTimer()
			f.commit(workflow.Need{}, func(l *workflow.Loaded, c *workflow.Change) {
				for range stock {
					e, root := newExecution("f", l.Now)
					c.NewExecutions, c.NewTasks = append(c.NewExecutions, e), append(c.NewTasks, root)
				}
			})
			left += stock
			b.StartTimer()
		}
		claimed := f.claim(scheduler, db.Quota{
			Lane: db.Lane{Queue: workflow.DefaultQueue, Function: "f"}, Limit: limit, Kind: workflow.KindActivity,
		})
		if len(claimed) != limit {
			b.Fatalf("claimed %d tasks, want %d", len(claimed), limit)
		}
		left -= limit
	}
	report(b, limit)
}

func report(b *testing.B, size int) {
	b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "events/s")
}
