package scheduler

import (
	"context"
	"time"

	"github.com/stent-dev/stent/internal/delivery"
	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/protocol"
	"github.com/stent-dev/stent/internal/telemetry"
	"github.com/stent-dev/stent/internal/workflow"
)

// job is a leased task on its way.
type job struct {
	task      *workflow.Task
	execution *workflow.Execution
	turn      *engine.Turn // of an orchestrator; nil: it is to be loaded
	elapsed   bool         // nothing is to be delivered: its time is up
	claimed   bool         // its input is there
	owner     bool         // of a shared result, as was decided since it was claimed

	entry   *entry
	metrics *telemetry.Task
}

// shares tells whether the task runs for a shared result.
func (j *job) shares() bool { return j.owner || !j.task.OwnsResult.IsZero() }

// begin starts what is to be done with a leased task.
func (t *tenure) begin(j job) {
	ctx, cancel := context.WithCancel(t.work)
	lease := workflow.Lease{Execution: j.task.Execution, Task: j.task.ID, Token: j.task.Token}
	j.entry = &entry{lease: lease, ctx: ctx, cancel: cancel, function: j.task.Name, attempt: j.task.Attempt}
	j.metrics = MetricsOf(t.options.Metrics, j.task)
	if j.claimed {
		j.metrics.Claimed.Inc()
	} else {
		j.metrics.HandedOver.Inc()
	}
	t.ledger.add(j.entry)
	if j.elapsed {
		t.carryOut(j, func() workflow.Event { return workflow.Elapsed{Lease: lease} })
		return
	}
	if key, undecided := t.engine.Undecided(j.task); undecided && j.claimed {
		t.decide(j, workflow.Beginning{Lease: lease, Result: key})
		return
	}
	t.deliver(j)
}

// decide delivers a task that shares a result if it is the one to run for it. What
// is handed over was decided when it was made.
func (t *tenure) decide(j job, event workflow.Beginning) {
	t.wg.Add(1)
	go func() {
		defer t.wg.Done()
		verdict, err := t.submit(t.work, j.entry, event)
		if err == nil && !verdict.Withheld {
			j.owner = true
			t.deliver(j)
			return
		}
		t.end(j)
	}()
}

// deliver starts the delivery of a task.
func (t *tenure) deliver(j job) {
	switch {
	case j.turn != nil:
		t.carryOut(j, func() workflow.Event { return t.turn(j, j.turn) })
	case j.task.Kind == workflow.KindOrchestrator:
		t.loader.add(j)
	case j.task.Op == workflow.OpCallback:
		t.carryOut(j, func() workflow.Event { return t.callback(j) })
	default:
		t.carryOut(j, func() workflow.Event { return t.activity(j) })
	}
}

// carryOut runs one delivery and commits what became of it. The lease stays in the
// ledger until that is stored, and while it cannot be stored for want of a
// database: its tenure goes on beating for it.
func (t *tenure) carryOut(j job, deliver func() workflow.Event) {
	t.wg.Add(1)
	go func() {
		defer t.wg.Done()
		event := deliver()
		refused := "cut off"
		if !t.ledger.isAborted(j.entry) && t.work.Err() == nil {
			_, err := t.submit(t.work, j.entry, event) // it was logged
			refused = why(err)
		}
		j.entry.span.End(refused)
		t.end(j)
	}()
}

// end strikes off a job that is done.
func (t *tenure) end(j job) {
	j.entry.cancel()
	if t.ledger.remove(j.entry) {
		t.awake()
	}
}

// target is where a task goes; ok is false when it cannot be delivered now, or has
// to be decided first because its function shares results since it was leased.
func (t *tenure) target(j job) (f *workflow.Function, w *workflow.Worker, ok bool) {
	f, w = t.engine.Lookup(j.task.Name, j.task.Version)
	if f == nil || !j.owner && j.task.Undecided(f) {
		return nil, nil, false
	}
	return f, w, t.breaker.Acquire(t.client.Origin(f.URL), time.Now())
}

func (t *tenure) request(j job, f *workflow.Function, w *workflow.Worker, body []byte) delivery.Request {
	timeout, _ := workflow.Timeouts(j.task, f)
	r := delivery.Request{
		URL: f.URL, Function: f.Name, ExecutionID: j.task.Execution.String(), TaskID: j.task.ID.String(), Attempt: j.task.Attempt,
		Token: t.engine.Token(j.entry.lease), Deadline: time.Now().Add(timeout), Timeout: min(timeout, workflow.MaxTimeout),
		Body: body, TraceParent: j.entry.span.TraceParent(j.execution.TraceParent),
	}
	if w != nil {
		r.Secret = w.Secret
	}
	return r
}

// activity delivers one attempt and gives what became of it.
func (t *tenure) activity(j job) workflow.Event {
	lease := j.entry.lease
	f, w, ok := t.target(j)
	if !ok {
		return workflow.Released{Lease: lease}
	}
	body := []byte(j.task.Input)
	if body == nil {
		body = []byte(j.execution.Input)
	}
	if body == nil {
		body = []byte("null")
	}
	began := t.sending(&j)
	result := t.client.Activity(j.entry.ctx, t.request(j, f, w, body))
	t.answered(&j, began, result.Outcome, result.StatusCode, result.Error)
	if result.DisableWorker {
		t.disable(j.entry.ctx, w)
	}
	switch result.Outcome {
	case delivery.Completed:
		return workflow.Succeeded{Lease: lease, Value: result.Value, ContextUpdate: result.Context, Unshared: !j.shares()}
	case delivery.Accepted:
		return workflow.Accepted{Lease: lease}
	case delivery.Throttled:
		return workflow.Released{Lease: lease, After: result.RetryAfter}
	case delivery.Unreachable:
		return workflow.Released{Lease: lease}
	case delivery.Failed:
	}
	return workflow.Failed{
		Lease: lease, Error: protocol.FromError(result.Error), Retryable: result.Retryable, StatusCode: result.StatusCode, RetryAfter: result.RetryAfter,
	}
}

// disable records that a worker says it is gone for good.
func (t *tenure) disable(ctx context.Context, w *workflow.Worker) {
	if w == nil {
		return
	}
	err := t.engine.WorkerHealth(ctx, w.ID, workflow.WorkerDisabled, "the worker answered 410 Gone; register it again to enable it")
	if err != nil {
		t.options.Log.WarnContext(ctx, "a worker that is gone could not be disabled", telemetry.LogWorker, w.ID, telemetry.LogError, err)
	}
}
