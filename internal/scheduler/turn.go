package scheduler

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/stent-dev/stent/internal/delivery"
	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/wire"
	"github.com/stent-dev/stent/internal/workflow"
)

// loader gathers the turns whose journal is to be loaded, so that those which
// come while one load is under way share the next.
type loader struct {
	mu    sync.Mutex
	jobs  []job
	alone []job // that were not loaded together with others
	ready chan struct{}
}

func (l *loader) add(j job) {
	l.mu.Lock()
	l.jobs = append(l.jobs, j)
	l.mu.Unlock()
	select {
	case l.ready <- struct{}{}:
	default:
	}
}

// take gives what came since, or else one of those that are to be loaded alone.
func (l *loader) take() []job {
	l.mu.Lock()
	defer l.mu.Unlock()
	if jobs := l.jobs; len(jobs) > 0 {
		l.jobs = nil
		return jobs
	}
	if len(l.alone) == 0 {
		return nil
	}
	first := l.alone[:1:1]
	l.alone = l.alone[1:]
	return first
}

// putOff keeps jobs that could not be loaded together, or not yet. They are loaded
// one by one, so that one that cannot be loaded holds up no other.
func (l *loader) putOff(jobs []job) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.alone = append(l.alone, jobs...)
}

// loadPause is how long a load that failed waits for its next try.
const loadPause = 200 * time.Millisecond

// loading loads journals and delivers the turns made of them until ctx ends.
func (t *tenure) loading(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.loader.ready:
		}
		for jobs := t.loader.take(); len(jobs) > 0 && ctx.Err() == nil; jobs = t.loader.take() {
			if t.load(ctx, jobs) {
				continue
			}
			t.loader.putOff(jobs)
			select {
			case <-ctx.Done():
			case <-time.After(loadPause):
			}
		}
	}
}

// load delivers the turns of jobs; ok is false when they could not be loaded.
func (t *tenure) load(ctx context.Context, jobs []job) (ok bool) {
	ids := make([]workflow.ID, len(jobs))
	for i, j := range jobs {
		ids[i] = j.task.ID
	}
	turns, err := t.engine.Turns(ctx, ids)
	if err != nil {
		if ctx.Err() == nil {
			t.options.Log.WarnContext(ctx, "journals could not be loaded", "tasks", len(ids), "error", err)
		}
		return false
	}
	byTask := make(map[workflow.ID]*engine.Turn, len(turns))
	for i := range turns {
		byTask[turns[i].Task.ID] = &turns[i]
	}
	for _, j := range jobs {
		turn := byTask[j.task.ID]
		if turn == nil || turn.Task.Token != j.entry.lease.Token {
			t.ledger.abort([]workflow.ID{j.task.ID}) // swept away, or somebody else's by now
		}
		t.carryOut(j, func() workflow.Event { return t.turn(j, turn) })
	}
	return true
}

// turn delivers one turn and gives what became of it.
func (t *tenure) turn(j job, turn *engine.Turn) workflow.Event {
	lease := j.entry.lease
	f, w, ok := t.target(j)
	if !ok || t.ledger.isAborted(j.entry) {
		return workflow.Released{Lease: lease}
	}
	body, err := json.Marshal(t.message(turn))
	if err != nil {
		return workflow.TurnFailed{Lease: lease, Error: workflow.Error{Type: workflow.ErrorInvalidTurn, Message: "writing the turn: " + err.Error()}}
	}
	if len(body) > t.options.MaxTurnBytes {
		return workflow.TurnFailed{Lease: lease, Blocked: true, Error: workflow.Error{
			Type: workflow.ErrorHistoryLimit,
			Message: fmt.Sprintf("a turn with the history of this run takes %d bytes, and may take %d: restart the execution with code that "+
				"continues as new earlier or passes references to large values, or raise STENT_MAX_TURN_BYTES", len(body), t.options.MaxTurnBytes),
		}}
	}
	result := t.client.Turn(j.ctx, t.request(j, f, w, body))
	if result.DisableWorker {
		t.disable(j.ctx, w)
	}
	switch result.Outcome {
	case delivery.Throttled:
		return workflow.Released{Lease: lease, After: result.RetryAfter}
	case delivery.Unreachable:
		return workflow.Released{Lease: lease}
	case delivery.Completed:
		event := workflow.TurnAnswered{
			Lease: lease, Run: turn.Task.Run, CancelSeen: turn.Task.CancelRequested, Unshared: !j.shares(),
		}
		if err := readAnswer(&event, result.Answer); err != nil {
			return workflow.TurnFailed{
				Lease: lease, StatusCode: result.StatusCode, Error: workflow.Error{Type: workflow.ErrorInvalidTurn, Message: err.Error()},
			}
		}
		return event
	case delivery.Failed, delivery.Accepted:
	}
	return workflow.TurnFailed{Lease: lease, Error: fromWire(result.Error), StatusCode: result.StatusCode}
}

// message makes the turn's JSON of what was loaded.
func (t *tenure) message(turn *engine.Turn) *wire.Turn {
	x, task := turn.Execution, turn.Task
	m := &wire.Turn{
		Protocol: 1, Type: "turn",
		Execution: wire.TurnExecution{
			ID: x.ID.String(), Function: task.Name, Tags: x.Tags, Run: task.Run, Seed: x.Seed,
		},
		Task: wire.TurnTask{ID: task.ID.String(), Attempt: task.Attempt},
		Turn: wire.TurnInfo{
			Number: task.Turn + 1, Now: t.engine.Now(),
			ContinueAsNewSuggested: len(turn.Steps) >= wire.SuggestContinueAsNew,
		},
		Input: task.Input, CancelRequested: task.CancelRequested,
		CustomState: make(map[string]json.RawMessage, len(turn.State)), Counters: make(map[string]int64, len(turn.Counters)),
		History: make([]wire.Step, len(turn.Steps)),
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
	for _, s := range turn.State {
		m.CustomState[s.Key] = s.Value
	}
	for _, c := range turn.Counters {
		m.Counters[c.Name] = c.Value
	}
	for i, step := range turn.Steps {
		m.History[i] = history(step)
	}
	return m
}

func history(step *workflow.Task) wire.Step {
	s := wire.Step{Key: step.Key, Op: string(step.Op), Name: step.Name, Status: string(step.State)}
	if step.State.Settled() {
		s.Seq, s.Value, s.Error = &step.Seq, step.Result, toWire(step.Error)
		if step.State == workflow.TaskCompleted && s.Value == nil {
			s.Value = json.RawMessage("null")
		}
	}
	return s
}

// readAnswer makes the event of what the orchestrator answered. The error says what is wrong, and where.
func readAnswer(event *workflow.TurnAnswered, a *wire.Answer) error {
	if len(a.Commands) > maxCommands {
		return fieldError("/commands", fmt.Sprintf("a turn has at most %d commands; use map for a wide fan-out", maxCommands))
	}
	event.Commands = make([]workflow.Command, len(a.Commands))
	for i := range a.Commands {
		if err := readCommand(&event.Commands[i], &a.Commands[i], "/commands/"+strconv.Itoa(i)); err != nil {
			return err
		}
	}
	if a.Await != nil {
		await, err := readAwait(*a.Await)
		if err != nil {
			return err
		}
		event.Await = &await
	}
	if o := a.Outcome; o != nil {
		set := 0
		event.Outcome = &workflow.Outcome{Completed: o.Completed}
		if o.Completed != nil {
			set++
		}
		if err := checkValue("/outcome/completed", o.Completed); err != nil {
			return err
		}
		if o.Failed != nil {
			failure := fromWire(&o.Failed.Error)
			event.Outcome.Failed = &failure
			set++
		}
		if o.ContinueAsNew != nil {
			if err := checkValue("/outcome/continue_as_new/input", o.ContinueAsNew.Input); err != nil {
				return err
			}
			event.Outcome.ContinueAsNew = o.ContinueAsNew.Input
			if event.Outcome.ContinueAsNew == nil {
				event.Outcome.ContinueAsNew = json.RawMessage("null")
			}
			set++
		}
		if set != 1 {
			return workflow.FieldErrors{{Pointer: "/outcome", Detail: "set exactly one of completed, failed and continue_as_new"}}
		}
	}
	return nil
}

func readAwait(a wire.Await) (workflow.Await, error) {
	if a.Key != "" {
		return workflow.Await{Key: a.Key}, checkText("/await", a.Key)
	}
	mode, members := workflow.AwaitAny, a.Any
	switch {
	case a.All != nil:
		mode, members = workflow.AwaitAll, a.All
	case a.AllOrFailure != nil:
		mode, members = workflow.AwaitAllOrFailure, a.AllOrFailure
	case a.FirstSuccess != nil:
		mode, members = workflow.AwaitFirstSuccess, a.FirstSuccess
	}
	of := make([]workflow.Await, len(members))
	for i := range members {
		var err error
		if of[i], err = readAwait(members[i]); err != nil {
			return workflow.Await{}, err
		}
	}
	return workflow.Await{Mode: mode, Of: of}, nil
}
