package telemetry

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// maxNames bounds the pairs of function and queue, and the functions of executions,
// that have metrics of their own: names are made by users.
const maxNames = 1000

// Names that stand for no function.
const (
	Other    = "(other)"    // what is beyond maxNames
	Callback = "(callback)" // calls of callback URLs
	Timer    = "(timer)"    // timers, and waits whose time is up
)

// OutcomeCancelled is the outcome of a delivery that was cut off, as its attempt is
// not wanted any more or the scheduler stops. The others are those of package delivery.
const OutcomeCancelled = "cancelled"

// tasks are the metrics of tasks by function and queue.
type tasks struct {
	claimed, handedOver, completed, failed, retried, deadLettered *prometheus.CounterVec
	waited, delivered                                             *prometheus.HistogramVec

	mu    sync.RWMutex
	known map[taskNames]*Task
	names map[string]struct{} // functions of executions
}

type taskNames struct{ function, queue string }

// Task are the metrics of the tasks of one function in one queue.
type Task struct {
	Claimed, HandedOver              prometheus.Counter
	Completed, Failed, Retried, Dead prometheus.Counter
	waited                           prometheus.Observer
	delivered                        prometheus.ObserverVec
	mu                               sync.RWMutex
	byOutcome                        map[string]prometheus.Observer // made when they first happen
}

func (ts *tasks) define(d *definitions) {
	labels := []string{"function", "queue"}
	ts.claimed = d.counter("stent_tasks_claimed_total", "Due tasks that this scheduler leased by polling.", labels...)
	ts.handedOver = d.counter("stent_tasks_handed_over_total",
		"Tasks that were leased to this scheduler by the transaction that made them due.", labels...)
	ts.completed = d.counter("stent_tasks_completed_total", "Tasks whose result this process stored.", labels...)
	ts.failed = d.counter("stent_tasks_failed_total", "Tasks that failed for good, as this process stored it.", labels...)
	ts.retried = d.counter("stent_tasks_retried_total", "Attempts and turns that failed and are tried again.", labels...)
	ts.deadLettered = d.counter("stent_tasks_dead_lettered_total", "Tasks that this process put into the dead letters.", labels...)
	ts.waited = d.histogram("stent_task_schedule_to_start_seconds",
		"From when a task was due to when its delivery began, by this machine's clock against the database's.", waitSeconds, labels...)
	ts.delivered = d.histogram("stent_delivery_duration_seconds",
		"How long a delivery took until its answer was read: completed, failed, accepted, throttled, unreachable or cancelled.",
		deliverySeconds, "function", "queue", "outcome")
	ts.known = map[taskNames]*Task{}
	ts.names = map[string]struct{}{}
}

// Tasks gives the metrics of the tasks of a function in a queue. Beyond a thousand
// pairs, all others are counted together as "(other)".
func (m *Metrics) Tasks(function, queue string) *Task { return m.tasks.of(taskNames{function, queue}) }

func (ts *tasks) of(names taskNames) *Task {
	ts.mu.RLock()
	t := ts.known[names]
	ts.mu.RUnlock()
	if t != nil {
		return t
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if len(ts.known) >= maxNames {
		names = taskNames{Other, Other}
	}
	if t = ts.known[names]; t == nil {
		t = ts.make(names)
		ts.known[names] = t
	}
	return t
}

func (ts *tasks) make(n taskNames) *Task {
	return &Task{
		Claimed: ts.claimed.WithLabelValues(n.function, n.queue), HandedOver: ts.handedOver.WithLabelValues(n.function, n.queue),
		Completed: ts.completed.WithLabelValues(n.function, n.queue), Failed: ts.failed.WithLabelValues(n.function, n.queue),
		Retried: ts.retried.WithLabelValues(n.function, n.queue), Dead: ts.deadLettered.WithLabelValues(n.function, n.queue),
		waited:    ts.waited.WithLabelValues(n.function, n.queue),
		delivered: ts.delivered.MustCurryWith(prometheus.Labels{"function": n.function, "queue": n.queue}),
		byOutcome: map[string]prometheus.Observer{},
	}
}

// function gives the label of an execution's function.
func (ts *tasks) function(name string) string {
	ts.mu.RLock()
	_, known := ts.names[name]
	ts.mu.RUnlock()
	if known {
		return name
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if len(ts.names) >= maxNames {
		return Other
	}
	ts.names[name] = struct{}{}
	return name
}

// Waited observes how long a task was due when its delivery began. Clocks that
// differ do not make it negative.
func (t *Task) Waited(d time.Duration) { t.waited.Observe(max(d, 0).Seconds()) }

// Delivered observes a delivery.
func (t *Task) Delivered(outcome string, took time.Duration) {
	t.mu.RLock()
	o := t.byOutcome[outcome]
	t.mu.RUnlock()
	if o == nil {
		t.mu.Lock()
		o = t.delivered.WithLabelValues(outcome)
		t.byOutcome[outcome] = o
		t.mu.Unlock()
	}
	o.Observe(took.Seconds())
}
