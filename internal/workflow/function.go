package workflow

import (
	"time"
)

// Function is what can be called, by name and version.
type Function struct {
	Namespace          string
	Name               string
	Version            string
	Kind               Kind // KindActivity or KindOrchestrator
	URL                string
	Worker             ID // the worker whose manifest brought it; zero: registered by itself
	Queue              string
	Priority           int
	Tags               []string
	Timeout            time.Duration
	HeartbeatTimeout   time.Duration // 0: none
	Retry              RetryPolicy
	Idempotent         bool
	IdempotencyKeyFrom []string
	CacheTTL           *time.Duration // nil: not cached; 0: for good
	MaxConcurrent      int            // 0: no limit
	RateLimit          *RateLimit
	Retention          *time.Duration // of its executions, from their end; nil: as the service is set; 0: for good
	CreatedAt          time.Time
	UpdatedAt          time.Time
}

// RateLimit allows Limit starts in each period.
type RateLimit struct {
	Limit int           `json:"limit"`
	Per   time.Duration `json:"per"`
}

// Defaults of a function that says nothing else.
const (
	DefaultQueue       = "default"
	DefaultTimeout     = 30 * time.Second
	DefaultTurnTimeout = 10 * time.Second
	MaxTimeout         = 15 * time.Minute
)

// Registry is where the core looks functions up. Lookup gives the function of
// that version, or with version nil the one registered last; nil if there is none.
type Registry interface {
	Lookup(name string, version *string) *Function
}

// WorkerHealth is how a worker's endpoint was last seen.
type WorkerHealth string

// The states of a worker.
const (
	WorkerHealthy     WorkerHealth = "healthy"
	WorkerUnreachable WorkerHealth = "unreachable"
	WorkerDisabled    WorkerHealth = "disabled"
)

// Worker is an HTTP endpoint that hosts functions and describes them.
type Worker struct {
	Namespace        string
	ID               ID
	URL              string
	Secret           string // Standard Webhooks; "" = deliveries are not signed
	Health           WorkerHealth
	UnreachableSince *time.Time
	LastError        string
	CreatedAt        time.Time
	UpdatedAt        time.Time
}
