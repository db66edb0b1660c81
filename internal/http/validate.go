package http

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/go-chi/chi/v5"

	"github.com/stent-dev/stent/internal/workflow"
)

// validate lets a request through that is as openapi.yaml says. Its body is then
// in memory, as it came.
func (s *server) validate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		op := s.document.operation(r)
		if op == nil {
			s.fail(w, r, fmt.Errorf("%s %s is not in the OpenAPI document", r.Method, chi.RouteContext(r.Context()).RoutePattern()))
			return
		}
		if refused := op.checkParameters(r); refused != nil {
			s.turnAway(w, r, refused)
			return
		}
		if op.body == nil {
			next.ServeHTTP(w, r)
			return
		}
		body := bodies.Get().(*bytes.Buffer)
		defer release(body)
		if refused := op.checkBody(w, r, body); refused != nil {
			s.fail(w, r, refused)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body.Bytes()))
		next.ServeHTTP(w, r)
	})
}

// bodies are buffers to read into. Decoding copies what it keeps.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func release(b *bytes.Buffer) {
	const keep = 64 << 10 // a large one would stay for long
	if b.Cap() <= keep {
		b.Reset()
		bodies.Put(b)
	}
}

// checkParameters checks what is in the path, the query and the headers.
func (op *operation) checkParameters(r *http.Request) *refusal {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return invalid("/query", "is not a valid query string")
	}
	var faults workflow.FieldErrors
	for _, name := range slices.Sorted(maps.Keys(query)) {
		faults = append(faults, op.checkQuery(name, query[name])...)
	}
	input := &openapi3filter.RequestValidationInput{
		Request: r, QueryParams: query, PathParams: map[string]string{}, Route: op.route, Options: parameterOptions,
	}
	for _, p := range op.parameters {
		if p.Value.In == openapi3.ParameterInPath {
			value, ok := pathParameter(r, p.Value.Name)
			if !ok {
				faults = append(faults, workflow.FieldError{Pointer: parameterPointer(p.Value), Detail: "must be UTF-8 without NUL"})
				continue
			}
			input.PathParams[p.Value.Name] = value
		}
		if err := openapi3filter.ValidateParameter(r.Context(), input, p.Value); err != nil {
			faults = append(faults, describeParameter(p.Value, err)...)
		}
	}
	if len(faults) == 0 {
		return nil
	}
	return malformed(faults...)
}

func (op *operation) checkQuery(name string, values []string) workflow.FieldErrors {
	pointer := pointTo("query", pointTo(strings.ToValidUTF8(name, "\uFFFD"), ""))
	p := op.query[name]
	switch {
	case p == nil:
		return workflow.FieldErrors{{Pointer: pointer, Detail: "is not a parameter of this operation"}}
	case len(values) > 1 && !p.Schema.Value.Type.Is(openapi3.TypeArray):
		return workflow.FieldErrors{{Pointer: pointer, Detail: "must be given once"}}
	case slices.ContainsFunc(values, func(v string) bool { return !storable(v) }):
		return workflow.FieldErrors{{Pointer: pointer, Detail: "must be UTF-8 without NUL"}}
	}
	return nil
}

// pathParameter gives a parameter of the path as the generated code will bind it.
func pathParameter(r *http.Request, name string) (value string, ok bool) {
	value = chi.URLParam(r, name)
	if r.URL.RawPath != "" {
		unescaped, err := url.PathUnescape(value)
		if err != nil {
			return "", false
		}
		value = unescaped
	}
	return value, storable(value)
}

// storable tells whether a database takes the text.
func storable(text string) bool { return utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 }

// checkBody reads the body into the buffer and checks it. Nothing but white space is no body.
func (op *operation) checkBody(w http.ResponseWriter, r *http.Request, body *bytes.Buffer) *refusal {
	if r.ContentLength > maxBody {
		drainUnread(w, r)
		return tooLarge("", fmt.Sprintf("has more than %d bytes", maxBody))
	}
	if _, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
		var long *http.MaxBytesError
		if errors.As(err, &long) {
			drain(w, r)
			return tooLarge("", fmt.Sprintf("has more than %d bytes", maxBody))
		}
		return invalid("", "could not be read to its end")
	}
	if len(bytes.TrimSpace(body.Bytes())) == 0 {
		body.Reset() // so that it decodes as no body
		if op.required {
			return invalid("", "is missing: this operation takes a JSON body")
		}
		return nil
	}
	if refused := checkMediaType(r.Header); refused != nil {
		return refused
	}
	value, refused := parseJSON(body.Bytes(), op.shape)
	if refused != nil {
		return refused
	}
	if op.shape.opaque {
		return nil
	}
	if err := op.body.VisitJSON(value, bodyOptions...); err != nil {
		return malformed(describe("", err)...)
	}
	return nil
}

// checkMediaType refuses what is not plain JSON. A request without Content-Type is taken for JSON.
func checkMediaType(h http.Header) *refusal {
	if encoding := h.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return unsupported("Content-Encoding", "must not be set: compressed bodies are not taken")
	}
	given := h.Get("Content-Type")
	if given == "" || given == "application/json" {
		return nil
	}
	media, parameters, err := mime.ParseMediaType(given)
	if err != nil || media != "application/json" {
		return unsupported("Content-Type", "must be application/json")
	}
	if charset := parameters["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return unsupported("Content-Type", "must be UTF-8")
	}
	return nil
}
