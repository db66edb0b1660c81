package http

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/stent-dev/stent/internal/telemetry"
)

// ProbeOptions are what a program tells about itself that serves no REST, or not yet.
type ProbeOptions struct {
	// Ready gives "" when the program can do its work, and otherwise a sentence that says why not.
	Ready   func(context.Context) string
	Log     *slog.Logger
	APIKeys []string // bearer keys, which /metrics needs; none: it is open
	Metrics *telemetry.Metrics
	// Absent, if not "", says why all other paths are answered 503 instead of 404.
	Absent string
}

// NewProbes makes a handler of /healthz, /readyz and /metrics alone, which are as in the API.
func NewProbes(o ProbeOptions) http.Handler {
	s := &server{log: o.Log, metrics: o.Metrics, draining: context.Background()}
	r := chi.NewRouter()
	r.Use(s.identify, s.observe, s.limitHeaders, s.authorize(o.APIKeys), middleware.GetHead)
	r.NotFound(s.notFound)
	if o.Absent != "" {
		r.NotFound(func(w http.ResponseWriter, r *http.Request) { s.turnAway(w, r, unavailableAs(o.Absent)) })
	}
	r.MethodNotAllowed(s.methodNotAllowed(r))
	r.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { healthy(w) })
	r.Get("/readyz", func(w http.ResponseWriter, r *http.Request) {
		if why := o.Ready(r.Context()); why != "" {
			s.fail(w, r, unavailableAs(why))
			return
		}
		healthy(w)
	})
	r.Method(http.MethodGet, "/metrics", o.Metrics.Handler())
	return r
}

func healthy(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"status":"ok"}` + "\n")) // a client that is gone cannot be told
}

func unavailableAs(detail string) error {
	told := unavailable
	told.detail = detail
	return &told
}
