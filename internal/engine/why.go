package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

// Reason is what holds a task that an execution waits for.
type Reason string

// The reasons.
const (
	ReasonRetry             Reason = "retry"              // its next attempt, or turn, comes after a failed one
	ReasonScheduled         Reason = "scheduled"          // it is not due yet
	ReasonDue               Reason = "due"                // a scheduler with room will take it
	ReasonExecutionPaused   Reason = "execution_paused"   //
	ReasonQueuePaused       Reason = "queue_paused"       //
	ReasonNotRegistered     Reason = "not_registered"     // nobody serves its function, or that version of it
	ReasonWorkerUnreachable Reason = "worker_unreachable" //
	ReasonWorkerDisabled    Reason = "worker_disabled"    //
	ReasonNoScheduler       Reason = "no_scheduler"       // no scheduler that is alive serves its queue and tags
	ReasonMaxConcurrent     Reason = "max_concurrent"     // as many attempts of its function run as may
	ReasonRateLimit         Reason = "rate_limit"         // as many have started as may
	ReasonMaxInFlight       Reason = "max_in_flight"      // as many items of its map run as may
	ReasonRunning           Reason = "running"            // a scheduler has delivered it, and waits for the answer
	ReasonReport            Reason = "report"             // it answered that a report will follow
	ReasonTimer             Reason = "timer"              //
	ReasonSignal            Reason = "signal"             //
	ReasonResult            Reason = "result"             // another call runs for the result that it shares
)

// Hold is one task that an execution waits for, and what holds it.
type Hold struct {
	Task      *workflow.Task
	Path      string // the steps that it is in, and its own
	Reason    Reason
	Detail    string     // the reason in words
	Since     *time.Time // since when, if that is known
	Until     *time.Time // when it ends by itself, if it does
	Scheduler *Scheduler // that has it
}

// Why is what an execution waits for.
type Why struct {
	Execution *workflow.Execution
	Holds     []Hold // oldest first
	More      bool   // there are more than were looked at
}

// whyLimit is how many open tasks of an execution are looked at.
const whyLimit = 500

// Why tells what an execution waits for, and what exactly holds each of its open
// tasks that do not wait for others. Errors: workflow.ErrNotFound, ErrUnavailable.
func (e *Engine) Why(ctx context.Context, id workflow.ID) (*Why, error) {
	x, err := e.store.Execution(ctx, id)
	if err != nil {
		return nil, refusal(err)
	}
	why := &Why{Execution: x}
	if x.State.Terminal() {
		return why, nil
	}
	page, err := e.store.Tasks(ctx, TaskFilter{
		Limit: whyLimit, Execution: id,
		States: []workflow.TaskState{workflow.TaskPending, workflow.TaskRunning, workflow.TaskWaiting},
	})
	if err != nil {
		return nil, refusal(err)
	}
	open := page.Tasks
	why.More = page.Next != nil
	if err := e.functions.refresh(ctx); err != nil {
		return nil, refusal(err)
	}
	schedulers, err := e.store.Schedulers(ctx)
	if err != nil {
		return nil, refusal(err)
	}
	i := inquiry{Engine: e, execution: x, now: e.Now(), schedulers: schedulers, open: make(map[workflow.ID]*workflow.Task, len(open))}
	for _, t := range open {
		i.open[t.ID] = t
	}
	if i.meters, err = e.store.Meters(ctx, i.metersOf(open)); err != nil {
		return nil, refusal(err)
	}
	for _, t := range slices.Backward(open) {
		if h, ok := i.hold(t); ok {
			why.Holds = append(why.Holds, h)
		}
	}
	return why, nil
}

// inquiry is what is known to tell why tasks are held.
type inquiry struct {
	*Engine
	execution  *workflow.Execution
	now        time.Time
	schedulers []Scheduler
	meters     db.Meters
	open       map[workflow.ID]*workflow.Task // those that are looked at
}

func (i *inquiry) metersOf(tasks []*workflow.Task) []db.MeterRef {
	var refs []db.MeterRef
	for _, t := range tasks {
		if f, _ := i.Lookup(t.Name, t.Version); f != nil && f.Limited() && t.State == workflow.TaskPending && t.Kind.Delivered() {
			refs = append(refs, db.MeterRef{Function: t.Name, Key: t.ConcurrencyKey()})
		}
	}
	return db.SortMeters(refs)
}

// hold tells what holds an open task; ok is false when it waits for others, or
// nobody waits for it.
func (i *inquiry) hold(t *workflow.Task) (h Hold, ok bool) {
	h = Hold{Task: t, Path: i.path(t)}
	switch {
	case t.Op == workflow.OpDeadline:
		return h, false
	case t.State == workflow.TaskPending:
		i.pending(&h)
	case t.State == workflow.TaskRunning && t.Holder.IsZero():
		h.Reason, h.Since, h.Until = ReasonReport, t.StartedAt, t.DueAt
		h.Detail = "the handler answered that a report will follow, which has to come in time"
	case t.State == workflow.TaskRunning:
		i.running(&h)
	case t.Kind == workflow.KindTimer:
		h.Reason, h.Since, h.Until, h.Detail = ReasonTimer, &t.CreatedAt, t.DueAt, "it sleeps"
	case t.Kind == workflow.KindSignal:
		h.Reason, h.Since, h.Until = ReasonSignal, &t.CreatedAt, t.DueAt
		h.Detail = fmt.Sprintf("no signal %q has come since", t.Name)
	case !t.AwaitsResult.IsZero():
		h.Reason, h.Detail = ReasonResult, fmt.Sprintf("another call of %q with the same key runs, whose result it takes", t.Name)
	default:
		return h, false
	}
	return h, true
}

// path names an open task by the steps that it is in, which are open too: "order#0/pay#0",
// "pack#0[2]/print#0". The task of the execution itself has the name of its function.
func (i *inquiry) path(t *workflow.Task) string {
	if t.Root() {
		return t.Name
	}
	path := t.Key
	for parent := i.open[t.Parent]; parent != nil && !parent.Root(); t, parent = parent, i.open[parent.Parent] {
		if parent.Kind == workflow.KindMap {
			path = parent.Key + "[" + t.Key + "]" + strings.TrimPrefix(path, t.Key)
		} else {
			path = parent.Key + "/" + path
		}
	}
	return path
}

func (i *inquiry) running(h *Hold) {
	h.Reason, h.Since = ReasonRunning, h.Task.StartedAt
	if h.Task.Kind == workflow.KindOrchestrator {
		h.Since = h.Task.ScheduledFor
	}
	h.Detail = "a scheduler that is gone has it; others take it over"
	for n := range i.schedulers {
		if s := &i.schedulers[n]; s.ID == h.Task.Holder {
			until := s.SeenAt.Add(s.Lease)
			h.Scheduler, h.Until = s, &until
			h.Detail = fmt.Sprintf("the scheduler on %s has delivered it and waits for the answer", s.Host)
		}
	}
}

// pending tells why a task that may be delivered is not.
func (i *inquiry) pending(h *Hold) {
	t := h.Task
	h.Since = t.ScheduledFor
	if i.execution.Paused {
		h.Reason, h.Detail = ReasonExecutionPaused, "the execution is paused: resume it"
		return
	}
	if t.DueAt == nil {
		h.Reason, h.Since, h.Detail = ReasonMaxInFlight, nil, "as many items of its map are on their way as max_in_flight lets"
		return
	}
	if t.DueAt.After(i.now) {
		h.Reason, h.Since, h.Until, h.Detail = ReasonScheduled, nil, t.DueAt, "it is not due yet"
		if t.Failures > 0 && t.Error != nil {
			h.Reason = ReasonRetry
			h.Detail = fmt.Sprintf("it has failed %s with %s: %s", howOften(t.Failures), t.Error.Type, t.Error.Message)
		}
		return
	}
	f, w := i.Lookup(t.Name, t.Version)
	if f == nil {
		h.Reason, h.Detail = ReasonNotRegistered, fmt.Sprintf("function %q is not registered", t.Name)
		if t.Version != nil {
			h.Detail = fmt.Sprintf("function %q is not registered in version %q, which the execution began with", t.Name, *t.Version)
		}
		return
	}
	if i.QueuePaused(t.Queue) {
		h.Reason, h.Detail = ReasonQueuePaused, fmt.Sprintf("queue %q is paused: resume it", t.Queue)
		return
	}
	if w != nil && w.Health != workflow.WorkerHealthy {
		h.Reason, h.Since, h.Detail = ReasonWorkerUnreachable, w.UnreachableSince, fmt.Sprintf("worker %s cannot be reached: %s", workflow.ShownURL(w.URL), w.LastError)
		if w.Health == workflow.WorkerDisabled {
			h.Reason, h.Since, h.Detail = ReasonWorkerDisabled, nil, fmt.Sprintf("worker %s is disabled: %s", workflow.ShownURL(w.URL), w.LastError)
		}
		return
	}
	if !slices.ContainsFunc(i.schedulers, func(s Scheduler) bool { return i.serves(&s, t.Queue, f.Tags) }) {
		h.Reason, h.Detail = ReasonNoScheduler, fmt.Sprintf("no scheduler that is alive serves queue %q and the function's tags", t.Queue)
		return
	}
	h.Reason, h.Detail = ReasonDue, "a scheduler that has room will take it"
	i.limited(h, f)
}

// limited tells whether it is its function's limits that hold a task.
func (i *inquiry) limited(h *Hold, f *workflow.Function) {
	m := i.meters[db.MeterRef{Function: h.Task.Name, Key: h.Task.ConcurrencyKey()}]
	if m == nil {
		return
	}
	of := fmt.Sprintf("function %q", f.Name)
	if key := h.Task.ConcurrencyKey(); key != "" {
		of += fmt.Sprintf(" with the concurrency key %q", key)
	}
	switch {
	case f.MaxConcurrent > 0 && m.Running >= f.MaxConcurrent:
		h.Reason, h.Detail = ReasonMaxConcurrent, fmt.Sprintf("%d attempts of %s run, and %d may", m.Running, of, f.MaxConcurrent)
	case m.Again(f.RateLimit, i.now) > 0:
		until := i.now.Add(m.Again(f.RateLimit, i.now))
		h.Reason, h.Until = ReasonRateLimit, &until
		h.Detail = fmt.Sprintf("%d attempts of %s may start in %s, and have", f.RateLimit.Limit, of, workflow.FormatDuration(f.RateLimit.Per))
	}
}

// serves tells whether a scheduler that is alive would take a task from the queue of a function with these tags.
func (i *inquiry) serves(s *Scheduler, queue string, tags []string) bool {
	alive := s.State == db.SchedulerStarting || s.State == db.SchedulerReady
	return alive && (len(s.Queues) == 0 || slices.Contains(s.Queues, queue)) &&
		(len(tags) == 0 || len(s.Tags) == 0 || slices.ContainsFunc(tags, func(t string) bool { return slices.Contains(s.Tags, t) }))
}

func howOften(n int) string {
	if n == 1 {
		return "once,"
	}
	return fmt.Sprintf("%d times, the last time", n)
}
