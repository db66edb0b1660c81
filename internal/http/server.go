package http

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/stent-dev/stent/internal/http/api"
	"github.com/stent-dev/stent/internal/telemetry"
	"github.com/stent-dev/stent/web"
)

// Options are what the service is made of.
type Options struct {
	Engine   Engine
	OpenAPI  []byte          // openapi.yaml: what is served is checked against it
	Log      *slog.Logger    // default slog.Default()
	APIKeys  []string        // bearer keys; none: the API is open
	Draining context.Context // ends when the service shuts down: it is not ready any more, and gives the answers it holds
	Metrics  *telemetry.Metrics
	Tracer   *telemetry.Tracer // nil: no traces
}

// server carries what the handlers share. It implements api.StrictServerInterface.
type server struct {
	engine   Engine
	openAPI  []byte
	document *document
	log      *slog.Logger
	draining context.Context
	metrics  *telemetry.Metrics
	tracer   *telemetry.Tracer
}

var _ api.StrictServerInterface = (*server)(nil)

// New makes the service's handler. It fails if the OpenAPI document is not valid.
func New(o Options) (http.Handler, error) {
	document, err := readDocument(o.OpenAPI)
	if err != nil {
		return nil, fmt.Errorf("reading the OpenAPI document: %w", err)
	}
	s := &server{engine: o.Engine, openAPI: o.OpenAPI, document: document, log: o.Log, draining: o.Draining, metrics: o.Metrics, tracer: o.Tracer}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.draining == nil {
		s.draining = context.Background()
	}
	if s.metrics == nil {
		s.metrics = telemetry.NewMetrics()
	}
	r := chi.NewRouter()
	r.Use(s.identify, s.observe, s.limitHeaders, s.authorize(o.APIKeys), middleware.GetHead)
	r.NotFound(s.notFound)
	r.MethodNotAllowed(s.methodNotAllowed(r))
	handlers := api.NewStrictHandlerWithOptions(s, nil, api.StrictHTTPServerOptions{
		RequestErrorHandlerFunc:  s.undecodable,
		ResponseErrorHandlerFunc: s.fail,
	})
	r.Method(http.MethodGet, "/metrics", s.metrics.Handler())
	if err := s.serveDashboard(r, web.Files()); err != nil {
		return nil, err
	}
	if err := serveReference(r); err != nil {
		return nil, err
	}
	r.Group(func(r chi.Router) {
		r.Use(s.validate) // within the group: after the route is found
		api.HandlerWithOptions(handlers, api.ChiServerOptions{BaseRouter: r, ErrorHandlerFunc: s.badParameter})
	})
	return r, nil
}

// Bounds on connections. Writing may take as long as an answer is held, and then some.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = time.Minute
	writeTimeout      = maxWait + 30*time.Second
	idleTimeout       = 2 * time.Minute
)

// NewServer gives an HTTP server for the handler whose limits keep slow and greedy clients out.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeadersRead,
	}
}
