package engine

import (
	"bytes"
	"testing"

	"github.com/stent-dev/stent/internal/workflow"
)

func TestJournalsKeepToTheirBudgetAndForgetTheLeastRecentlyUsed(t *testing.T) {
	t.Parallel()
	js := newJournals(10 << 10)
	handed := make([]workflow.Handed, 100)
	for i := range handed {
		x := &workflow.Execution{ID: NewID(), Input: bytes.Repeat([]byte("1"), 1<<10)}
		task := &workflow.Task{ID: NewID(), Execution: x.ID, Token: 1}
		js.remember(&Turn{Execution: x, Task: task})
		next := *task
		next.Token = 2
		handed[i] = workflow.Handed{Task: &next, Execution: x}
		if i == 50 && js.recall(handed[45]) == nil {
			t.Fatal("a recent journal was forgotten")
		}
		if i == 54 && (js.recall(handed[46]) != nil || js.byTask[handed[45].Task.ID] == nil) {
			t.Error("what was used last was forgotten first")
		}
		if js.size > js.budget {
			t.Fatalf("%d bytes are remembered, the budget is %d", js.size, js.budget)
		}
	}
	if js.recall(handed[0]) != nil {
		t.Error("the oldest of a hundred is still remembered")
	}
	c := &workflow.Change{}
	for _, h := range handed {
		h.Execution.State = workflow.ExecutionCompleted
		c.Executions = append(c.Executions, h.Execution)
	}
	js.stored(c)
	if js.size != 0 || len(js.byTask) != 0 || len(js.executions) != 0 || js.recent.Len() != 0 {
		t.Errorf("%d bytes of %d journals are remembered of executions that have ended", js.size, len(js.byTask))
	}
}

func TestAJournalGrowsByWhatIsStored(t *testing.T) {
	t.Parallel()
	js := newJournals(1 << 20)
	x := &workflow.Execution{ID: NewID()}
	task := &workflow.Task{ID: NewID(), Execution: x.ID, Token: 1}
	js.remember(&Turn{Execution: x, Task: task})
	before := js.size
	step := &workflow.Task{Parent: task.ID, Key: "a", State: workflow.TaskPending}
	js.stored(&workflow.Change{NewTasks: []*workflow.Task{step}})
	done := *step
	done.State, done.Seq, done.Result = workflow.TaskCompleted, 1, make([]byte, 1000)
	for range 2 { // the second time changes nothing
		js.stored(&workflow.Change{Tasks: []workflow.TaskUpdate{{Task: &done}}})
	}
	if grown := js.size - before; grown < 1000 || grown > 2000 {
		t.Errorf("a step with a result of 1,000 bytes takes %d", grown)
	}
	next := *task
	next.Token, next.Settled = 2, 1
	turn := js.recall(workflow.Handed{Task: &next, Execution: x})
	if turn == nil || len(turn.Steps) != 1 || len(turn.Steps[0].Result) != 1000 {
		t.Fatalf("recalled %+v, want the step with its result", turn)
	}
	next.Token, next.Settled = 3, 2
	if js.recall(workflow.Handed{Task: &next, Execution: x}) != nil {
		t.Error("recalled a journal that lacks a step")
	}
}
