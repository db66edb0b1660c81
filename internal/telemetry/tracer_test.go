package telemetry

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

const (
	sampled   = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	unsampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
)

var (
	anExecution = ID{0: 1, 15: 1}
	aRoot       = ID{0: 1, 8: 0x80, 15: 2}
	aStep       = ID{0: 1, 8: 0x80, 15: 3}
)

// recording makes a tracer that exports to memory.
func recording(t *testing.T) (*Tracer, *tracetest.InMemoryExporter) {
	t.Helper()
	exporter := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter), sdktrace.WithIDGenerator(ids{}))
	t.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
	return &Tracer{provider: provider, tracer: provider.Tracer("test")}, exporter
}

func TestTraceParentsAreReadAsTheStandardSays(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		sampled:                      sampled,
		unsampled:                    unsampled,
		"01" + sampled[2:] + "-more": sampled, // of a newer version: what is known of it
		"":                           "",
		"ff" + sampled[2:]:           "",
		strings.ToUpper(sampled):     "",
		sampled[:54]:                 "",
		"00-" + strings.Repeat("0", 32) + sampled[35:]: "",
		sampled[:36] + strings.Repeat("0", 16) + "-01": "",
		sampled[:53] + "zz":                            "",
	} {
		if got := traceParent(parseTraceParent(text)); got != want {
			t.Errorf("%q is read as %q, want %q", text, got, want)
		}
	}
}

func TestNoTracerCostsNothingAndPassesTraceParentsOn(t *testing.T) {
	var none *Tracer
	ctx := t.Context()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/executions", nil)
	if n := testing.AllocsPerRun(100, func() {
		_, span := none.Attempt(ctx, Attempt{Execution: anExecution, Task: aStep, TraceParent: sampled})
		if span.TraceParent(sampled) != sampled {
			t.Error("the traceparent is lost")
		}
		span.Answered("completed", 200, "")
		span.End("")
		none.Commanded(Command{})
		_, request := none.Request(r, true)
		request.Served("POST", "", 200)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if err := none.Close(ctx); err != nil {
		t.Error(err)
	}
}

func TestAttemptsOfAStepHangBelowItsCommandInAnyProcess(t *testing.T) {
	t.Parallel()
	one, spans := recording(t)
	other, elsewhere := recording(t)
	_, turn := one.Attempt(t.Context(), Attempt{Execution: anExecution, Task: aRoot, TraceParent: sampled, Function: "order", Turn: 1})
	one.Commanded(Command{Execution: anExecution, Task: aStep, Orchestrator: aRoot, Function: "charge"})
	turn.End("")
	one.Commanded(Command{Execution: anExecution, Task: ID{15: 9}, Orchestrator: aRoot, Function: "late"}) // of a turn that ended: it was another process'
	_, attempt := other.Attempt(t.Context(), Attempt{Execution: anExecution, Task: aStep, Command: aStep, TraceParent: sampled, Function: "charge"})
	attempt.End("lease lost")
	here, there := spans.GetSpans(), elsewhere.GetSpans()
	if len(here) != 2 || len(there) != 1 {
		t.Fatalf("%d and %d spans", len(here), len(there))
	}
	call, order, charge := here[0], here[1], there[0]
	dispatch := parseTraceParent(sampled)
	if order.Parent.SpanID() != dispatch.SpanID() || call.Parent.SpanID() != order.SpanContext.SpanID() ||
		charge.Parent.SpanID() != call.SpanContext.SpanID() || charge.SpanContext.TraceID() != dispatch.TraceID() {
		t.Errorf("turn %+v\ncall %+v\nattempt %+v", order.Parent, call, charge.Parent)
	}
	if charge.Status.Description != "lease lost" {
		t.Errorf("status %+v", charge.Status)
	}
}

func TestWhatIsNotSampledMakesNoSpansAndSaysSo(t *testing.T) {
	t.Parallel()
	tracer, spans := recording(t)
	_, turn := tracer.Attempt(t.Context(), Attempt{Execution: anExecution, Task: aRoot, TraceParent: unsampled, Turn: 1})
	tracer.Commanded(Command{Execution: anExecution, Task: aStep, Orchestrator: aRoot})
	if got := turn.TraceParent(""); !strings.HasPrefix(got, unsampled[:36]) || !strings.HasSuffix(got, "-00") {
		t.Errorf("the worker is told %q", got)
	}
	turn.End("")
	if n := len(spans.GetSpans()); n != 0 {
		t.Errorf("%d spans", n)
	}
}

func TestExecutionsThatWereDispatchedWithoutATraceHaveOneOfTheirOwn(t *testing.T) {
	t.Parallel()
	tracer, spans := recording(t)
	for _, task := range []ID{aRoot, aStep} {
		_, span := tracer.Attempt(t.Context(), Attempt{Execution: anExecution, Task: task, Command: task})
		span.End("")
	}
	got := spans.GetSpans()
	if got[0].SpanContext.TraceID() != got[1].SpanContext.TraceID() || got[0].SpanContext.SpanID() == got[1].SpanContext.SpanID() {
		t.Errorf("spans %+v", got)
	}
}

func TestRequestsHaveSpansIfTheyDispatchOrBringATrace(t *testing.T) {
	t.Parallel()
	tracer, spans := recording(t)
	for _, c := range []struct {
		dispatch bool
		parent   string
	}{{false, ""}, {false, sampled}, {true, ""}, {true, "nonsense"}} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/executions", nil)
		r.Header.Set("Traceparent", c.parent)
		r, span := tracer.Request(r, c.dispatch)
		if got := TraceParent(r.Context()); (got != "") != (c.dispatch || c.parent == sampled) {
			t.Errorf("%+v: the trace goes on as %q", c, got)
		}
		Dispatched(r.Context(), anExecution, "f")
		span.Served("POST", "/v1/executions", 503)
	}
	if got := spans.GetSpans(); len(got) != 3 || got[0].Parent.SpanID() != parseTraceParent(sampled).SpanID() || got[1].Name != "POST /v1/executions" {
		t.Errorf("spans %+v", got)
	}
}

func TestLogLinesTellTheirSpan(t *testing.T) {
	t.Parallel()
	tracer, _ := recording(t)
	var out bytes.Buffer
	log := slog.New(LogHandler(slog.NewTextHandler(&out, nil))).With("a", 1).WithGroup("g")
	log.InfoContext(t.Context(), "without")
	ctx, span := tracer.Attempt(t.Context(), Attempt{Execution: anExecution, Task: aRoot, TraceParent: sampled})
	defer span.End("")
	log.InfoContext(ctx, "within")
	first, second, _ := strings.Cut(out.String(), "\n")
	if strings.Contains(first, "trace_id") || !strings.Contains(second, "trace_id=4bf92f3577b34da6a3ce929d0e0e4736") || !strings.Contains(second, "span_id=") {
		t.Errorf("logged\n%s", out.String())
	}
}

func TestEnvironmentSaysWhetherThereAreTraces(t *testing.T) {
	const endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT"
	for _, c := range []struct {
		env  map[string]string
		want bool
		err  error
	}{
		{nil, false, nil},
		{map[string]string{endpoint: "http://127.0.0.1:1"}, true, nil},
		{map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1/v1/traces"}, true, nil},
		{map[string]string{endpoint: "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "TRUE"}, false, nil},
		{map[string]string{endpoint: "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"}, false, nil},
		{map[string]string{endpoint: "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, false, ErrProtocol},
	} {
		t.Run("", func(t *testing.T) {
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			tracer, err := NewTracer(t.Context(), "test", slog.New(slog.DiscardHandler))
			if (tracer != nil) != c.want || !errors.Is(err, c.err) {
				t.Errorf("%v: a tracer %v, %v", c.env, tracer != nil, err)
			}
			if err := tracer.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
