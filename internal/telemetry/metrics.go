package telemetry

import (
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Buckets of histograms. Seconds reach from what a handler beside the service takes
// to the longest that a synchronous activity may.
var (
	deliverySeconds = []float64{.002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60, 300, 900}
	waitSeconds     = []float64{.005, .025, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200}
	requestSeconds  = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10, 60}
	commitSeconds   = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5}
	batchEvents     = []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512}
)

// Metrics are the metrics of a process. They are safe for concurrent use, and cheap
// enough for the hot path: an observation is a few atomic additions.
type Metrics struct {
	definitions
	started   time.Time
	tasks     tasks
	processes sources

	executionsStarted, executionsEnded *prometheus.CounterVec
	renewed, renewalsFailed            prometheus.Counter
	lost, takenOver, refused           prometheus.Counter
	batch                              prometheus.Observer
	committed, commitFailed            prometheus.Observer
	requests                           *prometheus.HistogramVec
	requestsInFlight                   prometheus.Gauge

	routes sync.Map // of request to prometheus.Observer
}

// NewMetrics makes the metrics of a process, all of them at zero.
func NewMetrics() *Metrics {
	m := &Metrics{definitions: definitions{registry: prometheus.NewRegistry()}, started: time.Now()}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.tasks.define(&m.definitions)
	m.executionsStarted = m.counter("stent_executions_started_total", "Executions that this process stored.", "function")
	m.executionsEnded = m.counter("stent_executions_ended_total",
		"Executions whose end this process stored, by how they ended: completed, failed, timed_out or cancelled.", "function", "outcome")

	renewals := m.counter("stent_lease_renewals_total", "Heartbeats of this scheduler, each of which renews all that it holds: renewed or failed.", "outcome")
	m.renewed, m.renewalsFailed = renewals.WithLabelValues("renewed"), renewals.WithLabelValues("failed")
	m.lost = m.counter("stent_leases_lost_total", "Tasks that this scheduler had in flight when its own lease ran out.").WithLabelValues()
	m.takenOver = m.counter("stent_leases_taken_over_total", "Tasks that this scheduler took over from schedulers whose lease had run out.").WithLabelValues()
	m.refused = m.counter("stent_answers_refused_total",
		"Answers that were not stored, since the task was cancelled or leased anew meanwhile.").WithLabelValues()

	m.batch = m.histogram("stent_commit_batch_events", "Events that one transaction stored.", batchEvents).WithLabelValues()
	commits := m.histogram("stent_commit_duration_seconds", "How long a transaction took: committed or failed.", commitSeconds, "outcome")
	m.committed, m.commitFailed = commits.WithLabelValues("committed"), commits.WithLabelValues("failed")

	m.requests = m.histogram("stent_http_request_duration_seconds",
		"How long requests to the API took, which includes how long answers were held by wait.", requestSeconds, "method", "route", "status")
	m.requestsInFlight = m.gauge("stent_http_requests_in_flight", "Requests to the API that are under way.")
	m.processes.define(&m.definitions)
	m.registry.MustRegister(&m.processes)
	return m
}

// Handler serves the metrics in the format that the scraper asks for.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes})
}

// maxScrapes bounds how many scrapes are answered at a time: each may ask the database.
const maxScrapes = 4

// Definitions describes Stent's own metrics, by name.
func (m *Metrics) Definitions() []Definition {
	return slices.SortedFunc(slices.Values(m.all), func(a, b Definition) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
}

// LeasesRenewed counts a heartbeat, or a failed one.
func (m *Metrics) LeasesRenewed(err error) {
	if err != nil {
		m.renewalsFailed.Inc()
		return
	}
	m.renewed.Inc()
}

// LeasesLost counts tasks that were in flight when the scheduler's lease ran out.
func (m *Metrics) LeasesLost(tasks int) { m.lost.Add(float64(tasks)) }

// LeasesTakenOver counts tasks that were taken over from dead schedulers.
func (m *Metrics) LeasesTakenOver(tasks int) { m.takenOver.Add(float64(tasks)) }

// AnswerRefused counts an answer that came for a lease which is not the newest.
func (m *Metrics) AnswerRefused() { m.refused.Inc() }

// Committed observes a transaction that stored so many events.
func (m *Metrics) Committed(events int, took time.Duration) {
	m.batch.Observe(float64(events))
	m.committed.Observe(took.Seconds())
}

// CommitFailed observes a transaction that stored nothing, as far as is known.
func (m *Metrics) CommitFailed(took time.Duration) { m.commitFailed.Observe(took.Seconds()) }

// ExecutionStarted counts an execution that was stored.
func (m *Metrics) ExecutionStarted(function string) {
	m.executionsStarted.WithLabelValues(m.tasks.function(function)).Inc()
}

// ExecutionEnded counts an execution by the state that it ended in.
func (m *Metrics) ExecutionEnded(function, state string) {
	m.executionsEnded.WithLabelValues(m.tasks.function(function), state).Inc()
}

// request is what requests are told apart by; the routes are those of openapi.yaml.
type request struct {
	method, route string
	status        int
}

// RequestBegan counts a request that is under way, until RequestEnded.
func (m *Metrics) RequestBegan() { m.requestsInFlight.Inc() }

// RequestEnded observes a request. route is the pattern that it matched; "" is none.
func (m *Metrics) RequestEnded(method, route string, status int, took time.Duration) {
	m.requestsInFlight.Dec()
	r := request{knownMethod(method), route, status}
	if route == "" {
		r.route = "(none)"
	}
	observer, known := m.routes.Load(r)
	if !known {
		observer, _ = m.routes.LoadOrStore(r, m.requests.WithLabelValues(r.method, r.route, strconv.Itoa(status)))
	}
	observer.(prometheus.Observer).Observe(took.Seconds())
}

// knownMethod keeps clients from making up labels.
func knownMethod(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions:
		return method
	}
	return "(other)"
}

// version is what the program was built from.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}
