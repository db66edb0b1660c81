package http

import (
	"context"
	"fmt"
	"net/http"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/go-chi/chi/v5"
)

// document is openapi.yaml, made ready for validating requests.
type document struct {
	operations map[string]*operation // by method and path, such as "GET /v1/tasks/{id}"
}

// operation is one method of one path.
type operation struct {
	route      *routers.Route
	parameters openapi3.Parameters
	query      map[string]*openapi3.Parameter
	body       *openapi3.Schema // nil: takes none
	shape      *shape           // of the body
	required   bool             // the body is
}

// shape says where in a body values of the user's are, that are not looked into.
// A nil shape is of something unknown, which validation refuses.
type shape struct {
	opaque bool
	fields map[string]*shape
	others *shape // of fields with names of the user's
	items  *shape
}

// field gives the shape of a member of an object.
func (s *shape) field(name string) *shape {
	if s == nil {
		return nil
	}
	if of := s.fields[name]; of != nil {
		return of
	}
	return s.others
}

func readDocument(text []byte) (*document, error) {
	loaded, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return nil, fmt.Errorf("parsing: %w", err)
	}
	if err := loaded.Validate(context.Background(), openapi3.DisableExamplesValidation()); err != nil {
		return nil, fmt.Errorf("validating: %w", err)
	}
	d := &document{operations: map[string]*operation{}}
	for path, item := range loaded.Paths.Map() {
		for method, described := range item.Operations() {
			d.operations[method+" "+path] = newOperation(&routers.Route{
				Spec: loaded, Path: path, PathItem: item, Method: method, Operation: described,
			})
		}
	}
	return d, nil
}

func newOperation(route *routers.Route) *operation {
	op := &operation{route: route, query: map[string]*openapi3.Parameter{}}
	op.parameters = append(append(op.parameters, route.PathItem.Parameters...), route.Operation.Parameters...)
	for _, p := range op.parameters {
		if p.Value.In == openapi3.ParameterInQuery {
			op.query[p.Value.Name] = p.Value
		}
	}
	if body := route.Operation.RequestBody; body != nil {
		op.required = body.Value.Required
		op.body = body.Value.Content["application/json"].Schema.Value
		op.shape = newShape(op.body)
	}
	return op
}

func newShape(s *openapi3.Schema) *shape {
	switch {
	case s.Type == nil:
		return &shape{opaque: true}
	case s.Items != nil:
		return &shape{items: newShape(s.Items.Value)}
	}
	of := &shape{fields: map[string]*shape{}}
	for name, property := range s.Properties {
		of.fields[name] = newShape(property.Value)
	}
	if others := s.AdditionalProperties.Schema; others != nil {
		of.others = newShape(others.Value)
	}
	return of
}

// operation gives the operation that a routed request is for.
func (d *document) operation(r *http.Request) *operation {
	route := chi.RouteContext(r.Context())
	return d.operations[route.RouteMethod+" "+route.RoutePattern()]
}

// parameter gives the pointer that names a parameter of the request's operation.
func (d *document) parameter(r *http.Request, name string) string {
	if op := d.operation(r); op != nil {
		for _, p := range op.parameters {
			if p.Value.Name == name {
				return parameterPointer(p.Value)
			}
		}
	}
	return "/" + escapePointer(name)
}

func parameterPointer(p *openapi3.Parameter) string { return "/" + p.In + "/" + escapePointer(p.Name) }
