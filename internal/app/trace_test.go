package app_test

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/stent-dev/stent/durable"
)

// collector receives spans by OTLP over HTTP.
type collector struct {
	mu    sync.Mutex
	spans []received
}

type received struct {
	*tracev1.Span
	service string
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var request collectorv1.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &request)
	}
	if err != nil || r.URL.Path != "/v1/traces" {
		http.Error(w, fmt.Sprint(r.URL.Path, err), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range request.ResourceSpans {
		service := ""
		for _, a := range of.Resource.Attributes {
			if a.Key == "service.name" {
				service = a.Value.GetStringValue()
			}
		}
		for _, scope := range of.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans = append(c.spans, received{s, service})
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf") // an empty answer: all was taken
}

// attribute gives what a span says about something, as text; "" if it says nothing.
func (s received) attribute(key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			if a.Value.GetStringValue() != "" {
				return a.Value.GetStringValue()
			}
			return fmt.Sprint(a.Value.GetIntValue())
		}
	}
	return ""
}

// draw draws the spans of a trace as trees, those that were begun first before others.
func (c *collector) draw(id trace.TraceID) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	below := map[string][]received{}
	known := map[string]bool{}
	for _, s := range c.spans {
		if hex.EncodeToString(s.TraceId) == id.String() {
			known[string(s.SpanId)] = true
			below[string(s.ParentSpanId)] = append(below[string(s.ParentSpanId)], s)
		}
	}
	var b strings.Builder
	var draw func(parent, indent string)
	draw = func(parent, indent string) {
		spans := below[parent]
		slices.SortFunc(spans, func(x, y received) int { return int(int64(x.StartTimeUnixNano) - int64(y.StartTimeUnixNano)) })
		for _, s := range spans {
			fmt.Fprintf(&b, "%s%s (%s)", indent, s.Name, s.service)
			for _, key := range []string{"stent.turn", "stent.attempt", "stent.outcome", "error.type", "http.response.status_code"} {
				if value := s.attribute(key); value != "" {
					fmt.Fprintf(&b, " %s=%s", key[strings.LastIndexByte(key, '.')+1:], value)
				}
			}
			b.WriteByte('\n')
			draw(string(s.SpanId), indent+"  ")
		}
	}
	draw("", "")
	for parent := range below {
		if parent != "" && !known[parent] {
			b.WriteString("below a span that did not come:\n")
			draw(parent, "  ")
		}
	}
	return b.String()
}

// tracer makes the test's own spans: of the client, and in activities.
func tracer(t *testing.T, endpoint string) trace.Tracer {
	t.Helper()
	exporter, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpointURL(endpoint+"/v1/traces"))
	if err != nil {
		t.Fatal(err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter))
	t.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
	return provider.Tracer("test")
}

// payments is a worker whose activities make spans of their own.
func payments(t *testing.T, tr trace.Tracer) *durable.Worker {
	w := durable.NewWorker()
	t.Cleanup(w.Close)
	activity := func(name string, do func(attempt int) error) {
		durable.Activity(w, name, func(ctx context.Context, _ any) (string, error) {
			info := durable.Info(ctx)
			ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": info.TraceParent})
			_, span := tr.Start(ctx, "user code of "+name)
			defer span.End()
			return name, do(info.Attempt)
		}, durable.Retry(durable.RetryPolicy{MaxAttempts: 3, InitialDelay: time.Millisecond, MaxDelay: time.Millisecond}))
	}
	activity("charge", func(attempt int) error {
		if attempt == 1 {
			return errors.New("the bank is busy")
		}
		return nil
	})
	activity("pack", func(int) error { return nil })
	activity("label", func(int) error { return nil })
	durable.Orchestrator(w, "ship", func(ctx *durable.Context, _ any) (string, error) {
		return durable.Call[string](ctx, "label", nil)
	})
	durable.Orchestrator(w, "order", func(ctx *durable.Context, _ any) ([]string, error) {
		charge, err := durable.Call[string](ctx, "charge", nil)
		if err != nil {
			return nil, err
		}
		if _, err := durable.WaitSignal[any](ctx, "go", durable.NoTimeout); err != nil {
			return nil, err
		}
		packed, err := durable.Map[string](ctx, "pack", []int{1})
		if err != nil {
			return nil, err
		}
		shipped, err := durable.Call[string](ctx, "ship", nil)
		return append(packed, charge, shipped), err
	})
	return w
}

// aTrace is what the collector is to get of one order.
const aTrace = `client (unknown_service:app.test)
  POST /v1/executions (stent-api) status_code=201
    turn order (stent-scheduler) turn=1 attempt=1 outcome=completed status_code=200
      call charge (stent-scheduler)
        attempt charge (stent-scheduler) attempt=1 outcome=failed type=error status_code=500
          user code of charge (unknown_service:app.test)
        attempt charge (stent-scheduler) attempt=2 outcome=completed status_code=200
          user code of charge (unknown_service:app.test)
    turn order (stent-scheduler) turn=2 attempt=1 outcome=completed status_code=200
    turn order (stent-scheduler) turn=3 attempt=1 outcome=completed status_code=200
      map pack (stent-scheduler)
        attempt pack (stent-scheduler) attempt=1 outcome=completed status_code=200
          user code of pack (unknown_service:app.test)
    turn order (stent-scheduler) turn=4 attempt=1 outcome=completed status_code=200
      call ship (stent-scheduler)
        turn ship (stent-scheduler) turn=1 attempt=1 outcome=completed status_code=200
          call label (stent-scheduler)
            attempt label (stent-scheduler) attempt=1 outcome=completed status_code=200
              user code of label (unknown_service:app.test)
        turn ship (stent-scheduler) turn=2 attempt=1 outcome=completed status_code=200
    turn order (stent-scheduler) turn=5 attempt=1 outcome=completed status_code=200
`

// Nothing of a trace is kept in memory between turns: in the middle of the order, all
// schedulers are replaced.
func TestTraceOfAWorkflowIsOneTreeAcrossProcesses(t *testing.T) {
	t.Parallel()
	spans := &collector{}
	endpoint := handler(t, spans.ServeHTTP)
	c := start(t, onPostgres, patient, "OTEL_EXPORTER_OTLP_ENDPOINT="+endpoint, "OTEL_BSP_SCHEDULE_DELAY=100")
	tr := tracer(t, endpoint)
	c.must(http.StatusCreated, "POST", "/v1/workers", fmt.Sprintf(`{"url": %q}`, handler(t, payments(t, tr).ServeHTTP)))

	ctx, client := tr.Start(t.Context(), "client")
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	dispatched := c.must(http.StatusCreated, "POST", "/v1/executions", `{"function": "order"}`, "traceparent", carrier["traceparent"])
	client.End()
	id, _ := dispatched.field(t, "id").(string)
	c.step(id, "go#0", "waiting")
	for _, s := range c.schedulers {
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	c.scheduler()
	c.must(http.StatusAccepted, "POST", "/v1/executions/"+id+"/signals/go", "1")
	c.completed(id)

	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	var got string
	for deadline := time.Now().Add(20 * time.Second); got != aTrace && time.Now().Before(deadline); <-ticker.C {
		got = spans.draw(client.SpanContext().TraceID())
	}
	if got != aTrace {
		t.Fatalf("the trace is\n%s\nwant\n%s", got, aTrace)
	}
	spans.mu.Lock()
	defer spans.mu.Unlock()
	for _, s := range spans.spans {
		if strings.HasPrefix(s.service, "stent-") && s.attribute("stent.execution_id") != id && hex.EncodeToString(s.TraceId) == client.SpanContext().TraceID().String() {
			t.Errorf("span %q does not tell the execution's id", s.Name)
		}
	}
}
