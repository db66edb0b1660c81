package app

import (
	"context"
	"time"

	"github.com/stent-dev/stent/internal/delivery"
	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/scheduler"
	"github.com/stent-dev/stent/internal/telemetry"
	"github.com/stent-dev/stent/internal/workflow"
)

// observer counts what this process stores, and makes the spans of steps. It counts
// each task by the change that settles it, so that a result which comes by a report,
// a timeout or a cache counts as one that a delivery gave.
type observer struct {
	metrics *telemetry.Metrics
	tracer  *telemetry.Tracer
}

var _ engine.Observer = (*observer)(nil)

// Failed implements engine.Observer.
func (o *observer) Failed(took time.Duration) { o.metrics.CommitFailed(took) }

// Committed implements engine.Observer.
func (o *observer) Committed(c *workflow.Change, events int, took time.Duration) {
	o.metrics.Committed(events, took)
	for _, x := range c.NewExecutions {
		o.metrics.ExecutionStarted(x.Function)
		o.ended(c, x)
	}
	for _, x := range c.Executions {
		o.ended(c, x)
	}
	failed := o.settled(c)
	o.retried(c, failed)
	for _, letter := range c.DeadLetters {
		o.metrics.Tasks(letter.Function, letter.Queue).Dead.Inc()
	}
	if o.tracer.Traces() {
		o.commanded(c)
	}
}

func (o *observer) ended(c *workflow.Change, x *workflow.Execution) {
	if x.State.Terminal() && x.CompletedAt != nil && x.CompletedAt.Equal(c.Now) {
		o.metrics.ExecutionEnded(x.Function, string(x.State))
	}
}

// settled counts the tasks that a change settles, and gives those that failed.
func (o *observer) settled(c *workflow.Change) (failed map[workflow.ID]bool) {
	count := func(t *workflow.Task) {
		if !t.Kind.Delivered() || t.CompletedAt == nil || !t.CompletedAt.Equal(c.Now) {
			return
		}
		switch t.State {
		case workflow.TaskCompleted:
			scheduler.MetricsOf(o.metrics, t).Completed.Inc()
		case workflow.TaskFailed:
			scheduler.MetricsOf(o.metrics, t).Failed.Inc()
			if failed == nil {
				failed = map[workflow.ID]bool{}
			}
			failed[t.ID] = true
		default:
		}
	}
	for _, t := range c.NewTasks {
		count(t)
	}
	for _, u := range c.Tasks {
		count(u.Task)
	}
	return failed
}

// retried counts the attempts that failed without failing their tasks.
func (o *observer) retried(c *workflow.Change, failed map[workflow.ID]bool) {
	if len(c.Attempts) == 0 {
		return
	}
	tasks := make(map[workflow.ID]*workflow.Task, len(c.Tasks))
	for _, u := range c.Tasks {
		tasks[u.ID] = u.Task
	}
	for _, a := range c.Attempts {
		if t := tasks[a.Task]; t != nil && !failed[a.Task] {
			scheduler.MetricsOf(o.metrics, t).Retried.Inc()
		}
	}
}

// commanded makes the spans of the steps that turns of this process have commanded.
func (o *observer) commanded(c *workflow.Change) {
	for _, t := range c.NewTasks {
		if t.Op == workflow.OpCall || t.Op == workflow.OpMap {
			o.tracer.Commanded(telemetry.Command{
				Execution: t.Execution, Task: t.ID, Orchestrator: t.Parent, Function: t.Name, Key: t.Key, Map: t.Op == workflow.OpMap,
			})
		}
	}
}

// sources tells the metrics where to look; work is nil in a process without a scheduler.
func (s *service) sources(work *scheduler.Scheduler) telemetry.Sources {
	sources := telemetry.Sources{Queues: s.queues, Pools: s.pools}
	if work != nil {
		sources.Scheduler = work.Status
		sources.Endpoints = s.endpoints
	}
	return sources
}

func (s *service) queues(ctx context.Context) ([]telemetry.Queue, error) {
	queues, err := s.engine.Queues(ctx)
	told := make([]telemetry.Queue, len(queues))
	now := s.engine.Now()
	for i, q := range queues {
		told[i] = telemetry.Queue{Name: q.Name, Depth: q.Depth, Paused: q.Paused}
		if q.Oldest != nil {
			told[i].Oldest = max(now.Sub(*q.Oldest), 0)
		}
	}
	return told, err
}

func (s *service) pools() []telemetry.Pool {
	pools := s.engine.Pools()
	told := make([]telemetry.Pool, len(pools))
	for i, p := range pools {
		told[i] = telemetry.Pool(p)
	}
	return told
}

// endpoints gives the breakers of all workers that functions are registered of.
func (s *service) endpoints() []telemetry.Endpoint {
	states := map[string]delivery.BreakerState{}
	var told []telemetry.Endpoint
	for _, e := range s.health.Breaker.Snapshot() {
		states[e.Origin] = e.State
		told = append(told, telemetry.Endpoint{Origin: e.Origin, State: e.State.String()})
	}
	for _, url := range s.engine.URLs() {
		origin := s.client.Origin(url)
		if _, known := states[origin]; !known {
			states[origin] = delivery.Closed
			told = append(told, telemetry.Endpoint{Origin: origin, State: delivery.Closed.String()})
		}
	}
	return told
}
