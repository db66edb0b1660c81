package scheduler

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/stent-dev/stent/internal/delivery"
	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/protocol"
	"github.com/stent-dev/stent/internal/telemetry"
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
			t.options.Log.WarnContext(ctx, "journals could not be loaded", "tasks", len(ids), telemetry.LogError, err)
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
			t.ledger.abort([]workflow.Lease{j.entry.lease}) // swept away, or somebody else's by now
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
	body, err := json.Marshal(protocol.Turn(protocol.Journal(*turn), t.engine.Now()))
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
	began := t.sending(&j)
	result := t.client.Turn(j.entry.ctx, t.request(j, f, w, body))
	t.answered(&j, began, result.Outcome, result.StatusCode, result.Error)
	if result.DisableWorker {
		t.disable(j.entry.ctx, w)
	}
	switch result.Outcome {
	case delivery.Throttled:
		return workflow.Released{Lease: lease, After: result.RetryAfter}
	case delivery.Unreachable:
		return workflow.Released{Lease: lease}
	case delivery.Completed:
		event := workflow.TurnAnswered{
			Lease: lease, Run: turn.Task.Run, CancelSeen: turn.Task.CancelRequested, Unshared: !j.shares(),
			WasBlocked: turn.Execution.State == workflow.ExecutionBlocked,
		}
		if err := protocol.ReadAnswer(&event, result.Answer); err != nil {
			return workflow.TurnFailed{
				Lease: lease, StatusCode: result.StatusCode, Error: workflow.Error{Type: workflow.ErrorInvalidTurn, Message: err.Error()},
			}
		}
		return event
	case delivery.Failed, delivery.Accepted:
	}
	return workflow.TurnFailed{Lease: lease, Error: protocol.FromError(result.Error), StatusCode: result.StatusCode}
}
