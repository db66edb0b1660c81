package durable

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/stent-dev/stent/internal/wire"
)

// The attributes of this package's log lines.
const (
	logExecution = "execution_id"
	logTask      = "task_id"
	logFunction  = "function"
	logAttempt   = "attempt"
)

const (
	defaultMaxBody   = 64 << 20
	defaultCacheSize = 1000
)

// Worker serves functions to Stent: it is the http.Handler behind the URL that
// is registered with the service. GET answers what functions it has; POST runs one.
type Worker struct {
	logger    *slog.Logger
	secrets   [][]byte
	maxBody   int64
	cacheSize int
	now       func() time.Time
	cache     *cache

	mu        sync.RWMutex
	functions map[string]*function
	names     []string // in the order of registration
}

// function is a registered function; one of activity and orchestrator is set.
type function struct {
	manifest     wire.ManifestFunction
	activity     activityFunc
	orchestrator orchestratorFunc
}

// WorkerOption sets up a Worker.
type WorkerOption func(*Worker) error

// NewWorker makes a worker without functions; add them with Activity and
// Orchestrator. It panics when an option is invalid. Close it at the end.
func NewWorker(opts ...WorkerOption) *Worker {
	w := &Worker{
		logger: slog.Default(), maxBody: defaultMaxBody, cacheSize: defaultCacheSize,
		now: time.Now, functions: map[string]*function{},
	}
	for _, o := range opts {
		if err := o(w); err != nil {
			panic("durable: NewWorker: " + err.Error())
		}
	}
	w.cache = newCache(w.cacheSize, w.logger)
	return w
}

// Secret makes the worker refuse deliveries that are not signed with it, by
// Standard Webhooks: "whsec_" and the key in base64, as given to RegisterWorker.
// While a secret is being replaced, give the old and the new one. An empty text
// is an error, so that a missing setting does not leave the worker open.
func Secret(secrets ...string) WorkerOption {
	return func(w *Worker) error {
		if len(secrets) == 0 {
			return errors.New("Secret: no secret")
		}
		for _, s := range secrets {
			key, err := decodeSecret(s)
			if err != nil {
				return fmt.Errorf("Secret: %w", err)
			}
			w.secrets = append(w.secrets, key)
		}
		return nil
	}
}

// MaxBody bounds the bodies that the worker reads, in bytes; 64 MiB by default.
// A turn brings the whole history of its orchestrator, so they grow.
func MaxBody(bytes int64) WorkerOption {
	return func(w *Worker) error {
		w.maxBody = bytes
		if bytes < 1 {
			return fmt.Errorf("MaxBody: %d is less than 1", bytes)
		}
		return nil
	}
}

// CacheSize bounds the suspended orchestrators that the worker keeps in memory,
// 1,000 by default. Beyond it the one that was idle longest is replayed from its
// history when it goes on. 0 replays each turn from the start, which shows in
// tests whether an orchestrator is deterministic.
func CacheSize(orchestrators int) WorkerOption {
	return func(w *Worker) error {
		w.cacheSize = orchestrators
		if orchestrators < 0 {
			return fmt.Errorf("CacheSize: %d is negative", orchestrators)
		}
		return nil
	}
}

// Logger sets where the worker logs; slog.Default by default.
func Logger(l *slog.Logger) WorkerOption {
	return func(w *Worker) error {
		w.logger = l
		if l == nil {
			return errors.New("Logger: nil")
		}
		return nil
	}
}

// Close gives up the suspended orchestrators, whose executions go on from their
// histories when a worker is there again, and waits until their goroutines have
// ended: for code that is running, until it next uses its Context. Later turns
// are answered 503. Shut the HTTP server down first.
func (w *Worker) Close() { w.cache.close() }

// ServeHTTP answers the service's requests.
func (w *Worker) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	rw.Header().Set(wire.HeaderProtocol, wire.Protocol)
	switch req.Method {
	case http.MethodGet, http.MethodHead:
		writeJSON(rw, http.StatusOK, "application/json", w.manifest())
	case http.MethodPost:
		if p := w.deliver(rw, req); p != nil {
			p.write(rw)
		}
	default:
		rw.Header().Set("Allow", "GET, HEAD, POST")
		newProblem(http.StatusMethodNotAllowed, "about:blank", "a worker takes GET and POST, not "+req.Method).write(rw)
	}
}

func (w *Worker) manifest() wire.Manifest {
	w.mu.RLock()
	defer w.mu.RUnlock()
	m := wire.Manifest{Protocol: 1, Functions: make([]wire.ManifestFunction, 0, len(w.names))}
	for _, name := range w.names {
		m.Functions = append(m.Functions, w.functions[name].manifest)
	}
	return m
}

// deliver runs the function that a POST names. It answers itself unless it
// returns a problem.
func (w *Worker) deliver(rw http.ResponseWriter, req *http.Request) *problem {
	if v := req.Header.Get(wire.HeaderProtocol); v != "" && v != wire.Protocol {
		return newProblem(http.StatusBadRequest, "about:blank", fmt.Sprintf("%s is %q, this worker speaks %s", wire.HeaderProtocol, v, wire.Protocol))
	}
	body, p := w.readBody(rw, req)
	if p != nil {
		return p
	}
	if len(w.secrets) > 0 {
		err := verify(w.secrets, req.Header, body, w.now())
		if err == nil && strings.HasPrefix(req.Header.Get("webhook-id"), wire.CallbackID) {
			err = errors.New("it is a callback, which is signed to be read, not to be run")
		}
		if err != nil {
			w.logger.Warn("refused a delivery", "error", err, logTask, req.Header.Get(wire.HeaderTaskID))
			p := newProblem(http.StatusUnauthorized, "about:blank", err.Error())
			p.Code = "unauthorized"
			return p
		}
	}
	name := req.Header.Get(wire.HeaderFunction)
	if name == "" {
		return newProblem(http.StatusBadRequest, "about:blank", "the header "+wire.HeaderFunction+" is missing")
	}
	w.mu.RLock()
	fn := w.functions[name]
	w.mu.RUnlock()
	if fn == nil {
		// Retried by the service: in a rolling deployment another worker may have it.
		p := newProblem(http.StatusNotFound, "about:blank", fmt.Sprintf("this worker has no function %q", name))
		p.Code = "function_not_registered"
		return p
	}
	if fn.activity != nil {
		w.serveActivity(rw, req, fn, body)
		return nil
	}
	return w.serveTurn(rw, req, fn, body)
}

func (w *Worker) readBody(rw http.ResponseWriter, req *http.Request) ([]byte, *problem) {
	body, err := io.ReadAll(http.MaxBytesReader(rw, req.Body, w.maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		p := newProblem(http.StatusRequestEntityTooLarge, "about:blank",
			fmt.Sprintf("the body is larger than the worker's limit of %d bytes (durable.MaxBody)", tooLarge.Limit))
		p.Code = "payload_too_large"
		return nil, p
	case err != nil:
		return nil, newProblem(http.StatusBadRequest, "about:blank", "reading the body: "+err.Error())
	}
	return body, nil
}

// serveTurn answers a turn of an orchestrator.
func (w *Worker) serveTurn(rw http.ResponseWriter, req *http.Request, fn *function, body []byte) *problem {
	t, err := decodeTurn(body)
	if err != nil {
		return newProblem(http.StatusBadRequest, "about:blank", err.Error())
	}
	answer, p := w.cache.serve(req.Context(), fn.orchestrator, t)
	if p != nil {
		return p
	}
	writeJSON(rw, http.StatusOK, "application/json", answer)
	return nil
}
