package http

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/stent-dev/stent/internal/telemetry"
)

// Keys of the attributes of logs that only this package has.
const (
	logRequestID = "request_id"
	logMethod    = "method"
	logPath      = "path"
	logStatus    = "status"
)

const requestIDHeader = "X-Request-Id"

type requestIDKey struct{}

// identify gives each request an id, the client's own if it sent a usable one,
// and tells it in the answer.
func (s *server) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(requestIDHeader)
		if !usableID(id) {
			id = rand.Text()
		}
		w.Header().Set(requestIDHeader, id)
		ctx := context.WithValue(r.Context(), requestIDKey{}, id)
		if r.Method == http.MethodHead {
			ctx = context.WithValue(ctx, headKey{}, true)
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// headKey marks a HEAD, which is served as a GET whose body nobody gets.
type headKey struct{}

func isHead(ctx context.Context) bool { return ctx.Value(headKey{}) != nil }

func usableID(id string) bool {
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return false
		}
	}
	return id != "" && len(id) <= 128
}

func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// observe measures and traces each request, logs it for debugging (a fault of the
// service is logged where it is answered), and answers a panic as an internal error.
func (s *server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		answer := &answerWriter{ResponseWriter: w, draining: s.draining}
		s.metrics.RequestBegan()
		r, span := s.tracer.Request(r, dispatches(r))
		defer func() {
			route := routeOf(r)
			s.metrics.RequestEnded(r.Method, route, answer.status, time.Since(begun))
			span.Served(r.Method, route, answer.status)
		}()
		defer func() {
			if p := recover(); p != nil {
				s.panicked(answer, r, p)
			}
			s.log.LogAttrs(r.Context(), slog.LevelDebug, "request served",
				slog.String(logRequestID, requestID(r.Context())), slog.String(logMethod, r.Method),
				slog.String(logPath, r.URL.Path), slog.Int(logStatus, answer.status), slog.Duration(telemetry.LogDuration, time.Since(begun)))
		}()
		next.ServeHTTP(answer, r)
	})
}

// dispatches tells whether a request begins executions, which have a trace in any case.
func dispatches(r *http.Request) bool {
	return r.Method == http.MethodPost && (r.URL.Path == executionsPath || r.URL.Path == executionsPath+"/batch")
}

const executionsPath = "/v1/executions"

// routeOf gives the pattern that a request matched; "" is none.
func routeOf(r *http.Request) string {
	if route := chi.RouteContext(r.Context()); route != nil {
		return route.RoutePattern()
	}
	return ""
}

// panicked logs a panic with its stack. If the answer has begun, all that is left is to cut it off.
func (s *server) panicked(w *answerWriter, r *http.Request, p any) {
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}
	s.log.ErrorContext(r.Context(), "handler panicked",
		logRequestID, requestID(r.Context()), telemetry.LogError, fmt.Sprint(p), "stack", string(debug.Stack()))
	if w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	s.write(w, internal(r.Context()))
}

// answerWriter notes the status of an answer. While the service drains, each answer
// is the last of its connection, and says so: the client's next request goes on
// another one, to a service that stays, instead of one that may just be closed.
type answerWriter struct {
	http.ResponseWriter
	draining context.Context
	status   int
}

func (w *answerWriter) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
		if w.draining.Err() != nil {
			w.Header().Set("Connection", "close")
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *answerWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap serves http.ResponseController.
func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
