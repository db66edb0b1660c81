package http

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/stent-dev/stent/internal/http/api"
	"github.com/stent-dev/stent/internal/telemetry"
)

// fail answers a request with the problem that an error is. All five places
// where a request can go wrong lead here: the validator, the generated binding of
// parameters, the generated decoding, the handlers, and the router.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	refused := refuse(err)
	if refused == nil {
		s.log.ErrorContext(r.Context(), "request failed", logRequestID, requestID(r.Context()), telemetry.LogError, err.Error())
		refused = internal(r.Context())
	} else if refused.status >= http.StatusInternalServerError && r.Context().Err() == nil && !errors.As(err, new(*refusal)) {
		s.log.WarnContext(r.Context(), "request refused", logRequestID, requestID(r.Context()), telemetry.LogError, err.Error())
	}
	s.write(w, refused)
}

// write writes a problem document (RFC 9457).
func (s *server) write(w http.ResponseWriter, refused *refusal) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)                              // it is read by people, and is no HTML
	if err := encoder.Encode(refused.problem()); err != nil { // of texts and numbers: cannot be
		http.Error(w, http.StatusText(refused.status), refused.status)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("X-Content-Type-Options", "nosniff")
	if refused.status == http.StatusServiceUnavailable || refused.status == http.StatusTooManyRequests {
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(refused.status)
	_, _ = w.Write(body.Bytes()) // a client that is gone cannot be told
}

// problem gives the document, its fields in the order of their pointers.
func (e *refusal) problem() api.Problem {
	p := api.Problem{
		Type: "urn:stent:problem:" + string(e.code), Title: e.title, Status: e.status, Detail: e.detail, Code: e.code,
	}
	if len(e.fields) == 0 {
		return p
	}
	fields := make([]api.FieldProblem, len(e.fields))
	for i, f := range e.fields {
		fields[i] = api.FieldProblem{Pointer: f.Pointer, Detail: f.Detail}
	}
	slices.SortStableFunc(fields, func(a, b api.FieldProblem) int { return cmp.Compare(a.Pointer, b.Pointer) })
	fields = fields[:min(len(fields), maxFieldProblems)]
	p.Errors = &fields
	return p
}

// maxFieldProblems bounds how many fields a problem names.
const maxFieldProblems = 50

// internal is what is told of a fault: only where it was logged.
func internal(ctx context.Context) *refusal {
	return &refusal{
		http.StatusInternalServerError, api.ProblemCodeInternal, "Internal error",
		"The service failed. It is logged with the request id " + requestID(ctx) + ".", nil,
	}
}

func (s *server) notFound(w http.ResponseWriter, r *http.Request) {
	s.turnAway(w, r, &refusal{http.StatusNotFound, api.ProblemCodeNotFound, "Not found", "There is nothing at this path; GET /openapi.yaml lists what there is.", nil})
}

// methodNotAllowed says in Allow which methods the path has (RFC 9110, 15.5.6).
func (s *server) methodNotAllowed(routes chi.Routes) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		if r.URL.RawPath != "" {
			path = r.URL.RawPath
		}
		var allowed []string
		for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodPost, http.MethodDelete} {
			if routes.Match(chi.NewRouteContext(), method, path) {
				allowed = append(allowed, method)
			}
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		s.turnAway(w, r, &refusal{
			http.StatusMethodNotAllowed, api.ProblemCodeInvalidRequest, "Method not allowed",
			"This path takes " + strings.Join(allowed, ", ") + ".", nil,
		})
	}
}

// undecodable answers a body that passed validation and still does not fit its Go
// type: a whole number written with an exponent, or beyond 64 bits.
func (s *server) undecodable(w http.ResponseWriter, r *http.Request, err error) {
	pointer, detail := "", "cannot be read"
	var mistyped *json.UnmarshalTypeError
	if errors.As(err, &mistyped) {
		pointer = "/" + strings.ReplaceAll(mistyped.Field, ".", "/")
		detail = "must be a whole number of 64 bits, written without a fraction or an exponent"
	}
	s.fail(w, r, invalid(pointer, detail))
}

// badParameter answers a parameter that the generated code cannot bind.
func (s *server) badParameter(w http.ResponseWriter, r *http.Request, err error) {
	var name string
	var malformed *api.InvalidParamFormatError
	var missing *api.RequiredParamError
	var header *api.RequiredHeaderError
	var repeated *api.TooManyValuesForParamError
	switch {
	case errors.As(err, &malformed):
		name = malformed.ParamName
	case errors.As(err, &missing):
		name = missing.ParamName
	case errors.As(err, &header):
		name = header.ParamName
	case errors.As(err, &repeated):
		s.fail(w, r, invalid(s.document.parameter(r, repeated.ParamName), "must be given once"))
		return
	}
	s.fail(w, r, invalid(s.document.parameter(r, name), "is missing or malformed"))
}
