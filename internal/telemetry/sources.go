package telemetry

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Queue is how much is due in a queue.
type Queue struct {
	Name   string
	Depth  int64
	Oldest time.Duration // since when the first task is due; 0: there is none
	Paused bool
}

// Pool is a pool of connections to the database.
type Pool struct {
	Name             string
	Idle, InUse, Max int
	Waits            int64 // for a connection
	Waited           time.Duration
}

// Endpoint is the state of the circuit breaker of a worker.
type Endpoint struct {
	Origin string // scheme, host and port
	State  string // one of BreakerStates
}

// BreakerStates are the states of a circuit breaker.
var BreakerStates = []string{"closed", "open", "half_open"}

// Scheduler is what a scheduler has in flight now.
type Scheduler struct {
	InFlight, Capacity int
	State              string // one of SchedulerStates
}

// SchedulerStates are the states that a scheduler is in.
var SchedulerStates = []string{"starting", "ready", "draining", "stopped"}

// Sources are asked for what is known elsewhere, whenever somebody asks for the
// metrics. A source that is nil says nothing.
type Sources struct {
	// Queues may cost the database something; see queueSampler.
	Queues    func(context.Context) ([]Queue, error)
	Pools     func() []Pool
	Endpoints func() []Endpoint // of all workers that are known
	Scheduler func() Scheduler
}

// Read sets the sources. It is called once, before the metrics are served.
func (m *Metrics) Read(s Sources) {
	m.processes.mu.Lock()
	defer m.processes.mu.Unlock()
	m.processes.Sources = s
	m.processes.queues.read = s.Queues
}

// maxEndpoints bounds the workers that are told apart, as users register them.
const maxEndpoints = 500

// sources is the prometheus.Collector of what is read.
type sources struct {
	Sources
	mu     sync.Mutex
	queues queueSampler

	depth, oldest, paused                     reading
	connections, maxConnections, waits, waitS reading
	breaker, inFlight, capacity, state, build reading
}

func (s *sources) define(d *definitions) {
	s.depth = d.read("gauge", "stent_queue_depth", "Tasks that are due and that nobody has leased, counted to 10,000. Every process tells the same: take the max.", "queue")
	s.oldest = d.read("gauge", "stent_queue_oldest_due_age_seconds",
		"Since when the first task of the queue is due, 0 if none is. Every process tells the same: take the max.", "queue")
	s.paused = d.read("gauge", "stent_queue_paused", "1 while the queue is paused.", "queue")
	s.connections = d.read("gauge", "stent_db_pool_connections", "Connections to the database: idle or in_use.", "pool", "state")
	s.maxConnections = d.read("gauge", "stent_db_pool_max_connections", "Connections that the pool may have.", "pool")
	s.waits = d.read("counter", "stent_db_pool_waits_total", "Times that somebody had to wait for a connection.", "pool")
	s.waitS = d.read("counter", "stent_db_pool_wait_seconds_total", "How long was waited for connections.", "pool")
	s.breaker = d.read("gauge", "stent_breaker_state",
		"1 for the state that the circuit breaker of the worker is in: closed, open or half_open; 0 for the others.", "worker", "state")
	s.inFlight = d.read("gauge", "stent_scheduler_in_flight", "Tasks that this scheduler has in flight.")
	s.capacity = d.read("gauge", "stent_scheduler_capacity", "Tasks that this scheduler has in flight at most.")
	s.state = d.read("gauge", "stent_scheduler_state",
		"1 for the state that this scheduler is in: starting, ready, draining or stopped; 0 for the others.", "state")
	s.build = d.read("gauge", "stent_build_info", "1; the labels tell what is running.", "version", "goversion")
}

// Describe implements prometheus.Collector.
func (s *sources) Describe(to chan<- *prometheus.Desc) {
	for _, r := range []reading{
		s.depth, s.oldest, s.paused, s.connections, s.maxConnections, s.waits, s.waitS, s.breaker, s.inFlight, s.capacity, s.state, s.build,
	} {
		to <- r.desc
	}
}

// Collect implements prometheus.Collector.
func (s *sources) Collect(to chan<- prometheus.Metric) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.build.send(to, 1, version(), runtime.Version())
	for _, q := range s.queues.sample() {
		s.depth.send(to, float64(q.Depth), q.Name)
		s.oldest.send(to, q.Oldest.Seconds(), q.Name)
		s.paused.send(to, truth(q.Paused), q.Name)
	}
	if s.Pools != nil {
		for _, p := range s.Pools() {
			s.connections.send(to, float64(p.Idle), p.Name, "idle")
			s.connections.send(to, float64(p.InUse), p.Name, "in_use")
			s.maxConnections.send(to, float64(p.Max), p.Name)
			s.waits.send(to, float64(p.Waits), p.Name)
			s.waitS.send(to, p.Waited.Seconds(), p.Name)
		}
	}
	if s.Endpoints != nil {
		endpoints := s.Endpoints()
		for _, e := range endpoints[:min(len(endpoints), maxEndpoints)] {
			s.breaker.sendState(to, BreakerStates, e.State, e.Origin)
		}
	}
	if s.Scheduler != nil {
		x := s.Scheduler()
		s.inFlight.send(to, float64(x.InFlight))
		s.capacity.send(to, float64(x.Capacity))
		s.state.sendState(to, SchedulerStates, x.State)
	}
}

// sendState sends 1 for one of the states and 0 for the others.
func (r reading) sendState(to chan<- prometheus.Metric, states []string, is string, labels ...string) {
	for _, state := range states {
		r.send(to, truth(state == is), append(labels, state)...)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// Bounds of what counting queues costs the database.
const (
	sampleAge  = 10 * time.Second // for which a count is told again
	sampleTime = 5 * time.Second  // that a count may take
	sampleRest = 30               // times as long as a count took, the next one waits at least
	maxQueues  = 500              // that are told apart
)

// queueSampler counts what is due. A count walks what is due, up to a bound, so it is
// done at most every ten seconds, and never takes more than a thirtieth of the time:
// when the database is slow it is told again for longer. While the database does not
// answer, nothing is told.
type queueSampler struct {
	read   func(context.Context) ([]Queue, error)
	now    func() time.Time // nil: time.Now
	queues []Queue
	next   time.Time
}

func (s *queueSampler) sample() []Queue {
	if s.read == nil {
		return nil
	}
	clock := s.now
	if clock == nil {
		clock = time.Now
	}
	began := clock()
	if began.Before(s.next) {
		return s.queues
	}
	ctx, cancel := context.WithTimeout(context.Background(), sampleTime)
	defer cancel()
	queues, err := s.read(ctx)
	if err != nil {
		queues = nil
	}
	s.queues = queues[:min(len(queues), maxQueues)]
	ended := clock()
	s.next = ended.Add(max(sampleAge, sampleRest*ended.Sub(began)))
	return s.queues
}
