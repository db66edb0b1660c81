package protocol

import (
	"encoding/json"
	"time"

	"github.com/stent-dev/stent/internal/wire"
	"github.com/stent-dev/stent/internal/workflow"
)

// Journal is what one turn of an orchestrator is made of.
type Journal struct {
	Execution *workflow.Execution
	Task      *workflow.Task
	Steps     []*workflow.Task // the task's children of its current run, in the order in which they were made
	State     []workflow.StateEntry
	Counters  []workflow.Counter
}

// Turn makes the turn that is handed out at a time.
func Turn(j Journal, now time.Time) *wire.Turn {
	x, task := j.Execution, j.Task
	m := &wire.Turn{
		Protocol: 1, Type: "turn",
		Execution: wire.TurnExecution{
			ID: x.ID.String(), Function: task.Name, Tags: x.Tags, Run: task.Run, Seed: x.Seed,
		},
		Task: wire.TurnTask{ID: task.ID.String(), Attempt: task.Attempt},
		Turn: wire.TurnInfo{
			Number: task.Turn + 1, Now: now.UTC().Truncate(time.Microsecond),
			ContinueAsNewSuggested: len(j.Steps) >= wire.SuggestContinueAsNew,
		},
		Input: task.Input, CancelRequested: task.CancelRequested,
		CustomState: make(map[string]json.RawMessage, len(j.State)), Counters: make(map[string]int64, len(j.Counters)),
		History: make([]wire.Step, len(j.Steps)),
	}
	if task.Version != nil {
		m.Execution.Version = *task.Version
	}
	if !task.Root() {
		m.Execution.Seed += "/" + task.ID.String() // each orchestrator of an execution has randomness of its own
	}
	if m.Execution.Tags == nil {
		m.Execution.Tags = []string{}
	}
	if m.Input == nil {
		m.Input = x.Input
	}
	for _, s := range j.State {
		m.CustomState[s.Key] = s.Value
	}
	for _, c := range j.Counters {
		m.Counters[c.Name] = c.Value
	}
	for i, step := range j.Steps {
		m.History[i] = history(step)
	}
	return m
}

func history(step *workflow.Task) wire.Step {
	s := wire.Step{Key: step.Key, Op: string(step.Op), Name: step.Name, Status: string(step.State)}
	if step.State.Settled() {
		s.Seq, s.Value, s.Error = &step.Seq, step.Result, ToError(step.Error)
		if step.State == workflow.TaskCompleted && s.Value == nil {
			s.Value = json.RawMessage("null")
		}
	}
	return s
}
