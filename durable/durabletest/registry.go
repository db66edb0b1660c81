package durabletest

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/stent-dev/stent/internal/protocol"
	"github.com/stent-dev/stent/internal/wire"
	"github.com/stent-dev/stent/internal/workflow"
)

// baseURL is where the functions would be if there were a network.
const baseURL = "http://worker.test"

// function is a registered function and the handler that serves it.
type function struct {
	*workflow.Function
	handler http.Handler
}

// registry knows the functions of the workers that were deployed, and the stubs
// that stand in for some of them. It is the core's workflow.Registry.
type registry struct {
	current  map[string]*function            // registered last, by name
	versions map[string]map[string]*function // by name and version
	stubs    map[string]*function
}

func newRegistry() *registry {
	return &registry{current: map[string]*function{}, versions: map[string]map[string]*function{}, stubs: map[string]*function{}}
}

// Lookup implements workflow.Registry.
func (r *registry) Lookup(name string, version *string) *workflow.Function {
	if f := r.find(name, version); f != nil {
		return f.Function
	}
	return nil
}

func (r *registry) find(name string, version *string) *function {
	switch {
	case r.stubs[name] != nil:
		return r.stubs[name]
	case version == nil:
		return r.current[name]
	}
	return r.versions[name][*version]
}

// names lists what can be called, for people.
func (r *registry) names() string {
	all := map[string]bool{}
	for name := range r.current {
		all[name] = true
	}
	for name := range r.stubs {
		all[name] = true
	}
	if len(all) == 0 {
		return "nothing"
	}
	return strings.Join(slices.Sorted(maps.Keys(all)), ", ")
}

// register takes over the functions of a worker's manifest.
func (e *Env) register(worker http.Handler) []*function {
	e.t.Helper()
	functions := e.manifest(worker)
	for _, f := range functions {
		e.functions.current[f.Name] = f
		if e.functions.versions[f.Name] == nil {
			e.functions.versions[f.Name] = map[string]*function{}
		}
		e.functions.versions[f.Name][f.Version] = f
	}
	return functions
}

// manifest asks a worker what functions it has.
func (e *Env) manifest(worker http.Handler) []*function {
	e.t.Helper()
	request := httptest.NewRequest(http.MethodGet, baseURL, nil)
	request.Header.Set(wire.HeaderProtocol, wire.Protocol)
	answer := httptest.NewRecorder()
	worker.ServeHTTP(answer, request)
	var m wire.Manifest
	if err := json.Unmarshal(answer.Body.Bytes(), &m); answer.Code != http.StatusOK || err != nil {
		e.fatalf("the worker does not describe itself: it answered GET with %d: %s", answer.Code, answer.Body)
	}
	functions := make([]*function, len(m.Functions))
	for i := range m.Functions {
		f, err := protocol.Function(&m.Functions[i], baseURL)
		if err != nil {
			e.fatalf("the worker's function %q cannot be registered: %v", m.Functions[i].Name, err)
		}
		functions[i] = &function{f, worker}
	}
	return functions
}
