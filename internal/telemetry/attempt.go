package telemetry

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Attempt is one delivery of a task: an attempt of an activity, a turn of an
// orchestrator, or a callback.
type Attempt struct {
	Execution, Task ID
	// Command is the task that a command of an orchestrator made: the task itself, or
	// the map that it is an item of. Zero: the task runs its execution's own function.
	Command     ID
	TraceParent string // of the dispatch; "": there was none
	Function    string
	Queue       string
	Key         string // of the step
	Number      int    // of the attempt
	Turn        int    // of an orchestrator, from 1; 0: it is none
	Callback    bool
}

func (a *Attempt) name() string {
	switch {
	case a.Callback:
		return "callback"
	case a.Turn > 0:
		return "turn " + a.Function
	}
	return "attempt " + a.Function
}

// Span is a span under way; a nil one is none.
type Span struct {
	span   trace.Span
	tracer *Tracer // of a turn, while it is live; nil of all else
	task   ID
}

// Attempt begins the span of a delivery, below the span of the command that made
// the task, or of the dispatch. The context carries it, for logs.
func (t *Tracer) Attempt(ctx context.Context, a Attempt) (context.Context, *Span) {
	if t == nil {
		return ctx, nil
	}
	return t.attempt(ctx, a)
}

func (t *Tracer) attempt(ctx context.Context, a Attempt) (context.Context, *Span) {
	parent := parseTraceParent(a.TraceParent)
	kind := trace.WithSpanKind(trace.SpanKindClient)
	about := trace.WithAttributes(a.attributes()...)
	var span trace.Span
	if parent.IsValid() {
		if a.Command != (ID{}) {
			parent = parent.WithSpanID(spanOf(a.Command))
		}
		ctx, span = t.tracer.Start(trace.ContextWithRemoteSpanContext(ctx, parent), a.name(), kind, about)
	} else {
		ctx, span = t.tracer.Start(want(ctx, wanted{trace: traceOf(a.Execution)}), a.name(), kind, about, trace.WithNewRoot())
	}
	s := &Span{span: span}
	if a.Turn > 0 {
		s.tracer, s.task = t, a.Task
		t.live.Store(a.Task, s)
	}
	return ctx, s
}

func (a *Attempt) attributes() []attribute.KeyValue {
	all := append(make([]attribute.KeyValue, 0, 8), about(a.Execution, a.Task, a.Function)...)
	all = append(all, attribute.Int("stent.attempt", a.Number), attribute.String("stent.queue", a.Queue))
	if a.Key != "" {
		all = append(all, attribute.String("stent.step_key", a.Key))
	}
	if a.Turn > 0 {
		all = append(all, attribute.Int("stent.turn", a.Turn))
	}
	return all
}

func about(execution, task ID, function string) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("stent.execution_id", uuid(execution)), attribute.String("stent.task_id", uuid(task)),
		attribute.String("stent.function", function),
	}
}

// TraceParent gives the W3C trace context that names the span, or otherwise when there is none.
func (s *Span) TraceParent(otherwise string) string {
	if s == nil {
		return otherwise
	}
	return traceParent(s.span.SpanContext())
}

// Answered says what a delivery came to. status is the HTTP status, 0 without an
// answer; errorType the type of the error, "" without one.
func (s *Span) Answered(outcome string, status int, errorType string) {
	if s == nil {
		return
	}
	s.span.SetAttributes(attribute.String("stent.outcome", outcome))
	if status != 0 {
		s.span.SetAttributes(attribute.Int("http.response.status_code", status))
	}
	if errorType != "" {
		s.span.SetAttributes(attribute.String("error.type", errorType))
		s.span.SetStatus(codes.Error, errorType)
	}
}

// End ends the span once what became of the delivery is stored. refused, if not
// "", says why it could not be.
func (s *Span) End(refused string) {
	if s == nil {
		return
	}
	if refused != "" {
		s.span.SetAttributes(attribute.String("stent.refused", refused))
		s.span.SetStatus(codes.Error, refused)
	}
	if s.tracer != nil {
		s.tracer.live.CompareAndDelete(s.task, s)
	}
	s.span.End()
}

// Command is a step that a turn has commanded and that is stored.
type Command struct {
	Execution, Task ID // the step's
	Orchestrator    ID // the task whose turn it was
	Function        string
	Key             string
	Map             bool
}

// Traces tells whether there are spans at all.
func (t *Tracer) Traces() bool { return t != nil }

// Commanded makes the span of a step, below that of the turn that commanded it,
// which must be under way in this process. The attempts of the step, wherever and
// whenever they are, hang below it.
func (t *Tracer) Commanded(c Command) {
	if t == nil {
		return
	}
	turn, ok := t.live.Load(c.Orchestrator)
	if !ok {
		return
	}
	name := "call " + c.Function
	if c.Map {
		name = "map " + c.Function
	}
	ctx := trace.ContextWithSpan(want(context.Background(), wanted{span: spanOf(c.Task)}), turn.(*Span).span)
	_, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithAttributes(append(about(c.Execution, c.Task, c.Function), attribute.String("stent.step_key", c.Key))...))
	span.End()
}

// Request begins the span of a request to the API: of every one that comes with a
// traceparent, below that, and of dispatches in any case.
func (t *Tracer) Request(r *http.Request, dispatch bool) (*http.Request, *Span) {
	if t == nil {
		return r, nil
	}
	parent := parseTraceParent(r.Header.Get("Traceparent"))
	if !parent.IsValid() && !dispatch {
		return r, nil
	}
	ctx := r.Context()
	if parent.IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, parent)
	}
	ctx, span := t.tracer.Start(ctx, r.Method, trace.WithSpanKind(trace.SpanKindServer),
		trace.WithAttributes(attribute.String("http.request.method", r.Method), attribute.String("url.path", r.URL.Path)))
	return r.WithContext(ctx), &Span{span: span}
}

// Served ends the span of a request.
func (s *Span) Served(method, route string, status int) {
	if s == nil {
		return
	}
	if route != "" {
		s.span.SetName(method + " " + route)
		s.span.SetAttributes(attribute.String("http.route", route))
	}
	s.span.SetAttributes(attribute.Int("http.response.status_code", status))
	if status >= http.StatusInternalServerError {
		s.span.SetStatus(codes.Error, http.StatusText(status))
	}
	s.span.End()
}

// Dispatched tells the span in ctx, if there is one, which execution it dispatched.
func Dispatched(ctx context.Context, execution ID, function string) {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.SetAttributes(attribute.String("stent.execution_id", uuid(execution)), attribute.String("stent.function", function))
	}
}
