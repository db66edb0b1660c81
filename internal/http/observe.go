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
)

// Keys of the attributes of logs.
const (
	logRequestID = "request_id"
	logMethod    = "method"
	logPath      = "path"
	logStatus    = "status"
	logDuration  = "duration"
	logError     = "error"
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

// observe logs each request, faults of the service as errors and the rest for
// debugging, and answers a panic as an internal error.
func (s *server) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		answer := &answerWriter{ResponseWriter: w}
		defer func() {
			if p := recover(); p != nil {
				s.panicked(answer, r, p)
			}
			level := slog.LevelDebug
			if answer.status >= http.StatusInternalServerError {
				level = slog.LevelWarn
			}
			s.log.LogAttrs(r.Context(), level, "request served",
				slog.String(logRequestID, requestID(r.Context())), slog.String(logMethod, r.Method),
				slog.String(logPath, r.URL.Path), slog.Int(logStatus, answer.status), slog.Duration(logDuration, time.Since(begun)))
		}()
		next.ServeHTTP(answer, r)
	})
}

// panicked logs a panic with its stack. If the answer has begun, all that is left is to cut it off.
func (s *server) panicked(w *answerWriter, r *http.Request, p any) {
	if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(p)
	}
	s.log.ErrorContext(r.Context(), "handler panicked",
		logRequestID, requestID(r.Context()), logError, fmt.Sprint(p), "stack", string(debug.Stack()))
	if w.status != 0 {
		panic(http.ErrAbortHandler)
	}
	s.write(w, internal(r.Context()))
}

// answerWriter notes the status of an answer.
type answerWriter struct {
	http.ResponseWriter
	status int
}

func (w *answerWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *answerWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap serves http.ResponseController.
func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
