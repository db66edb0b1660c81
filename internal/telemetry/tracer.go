package telemetry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Tracer makes spans and exports them. A nil Tracer makes none, and costs nothing:
// it is what there is unless OTEL_EXPORTER_OTLP_ENDPOINT, or the same for traces
// alone, names a collector.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer

	// live are the spans of the turns that are under way here, by task, for what their
	// answers command.
	live sync.Map // of ID to *Span
}

// ErrProtocol says that OTEL_EXPORTER_OTLP_PROTOCOL names one that is not spoken here.
var ErrProtocol = errors.New("spans are exported by http/protobuf only")

// NewTracer makes a tracer that exports as the OTEL_* environment says; the spans
// are those of the named service unless OTEL_SERVICE_NAME or
// OTEL_RESOURCE_ATTRIBUTES says otherwise. It is nil when no endpoint is set, and
// with OTEL_SDK_DISABLED=true or OTEL_TRACES_EXPORTER=none.
func NewTracer(ctx context.Context, service string, log *slog.Logger) (*Tracer, error) {
	if !enabled() {
		return nil, nil
	}
	if p := firstSet("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"); p != "" && p != "http/protobuf" {
		return nil, fmt.Errorf("%w, not by %q", ErrProtocol, p)
	}
	exporter, err := otlptracehttp.New(ctx) // reads the environment
	if err != nil {
		return nil, fmt.Errorf("preparing to export spans: %w", err)
	}
	// What follows overrides what comes before.
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(),
		resource.WithAttributes(attribute.String("service.name", service), attribute.String("service.version", version())),
		resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("describing this process for traces: %w", err)
	}
	var batch []sdktrace.BatchSpanProcessorOption
	if os.Getenv("OTEL_BSP_MAX_QUEUE_SIZE") == "" {
		batch = append(batch, sdktrace.WithMaxQueueSize(maxSpans))
	}
	otel.SetErrorHandler(quietly(log))
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter, batch...), sdktrace.WithResource(about), sdktrace.WithIDGenerator(ids{}))
	return &Tracer{provider: provider, tracer: provider.Tracer("github.com/stent-dev/stent")}, nil
}

// maxSpans is how many spans wait to be exported at most, a second's worth under
// full load. Beyond that they are dropped.
const maxSpans = 16384

func enabled() bool {
	return firstSet("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT") != "" &&
		!strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") && os.Getenv("OTEL_TRACES_EXPORTER") != "none"
}

func firstSet(names ...string) string {
	for _, name := range names {
		if value := os.Getenv(name); value != "" {
			return value
		}
	}
	return ""
}

// quietly logs what the exporter complains about, once a minute: a collector that is
// away fails every batch.
func quietly(log *slog.Logger) otel.ErrorHandler {
	var mu sync.Mutex
	var last time.Time
	return otel.ErrorHandlerFunc(func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); now.Sub(last) >= time.Minute {
			last = now
			log.Warn("spans could not be exported", LogError, err)
		}
	})
}

// closeTime is how long the last spans may take to be exported.
const closeTime = 5 * time.Second

// Close exports what is left. It takes five seconds at most.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, closeTime)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("exporting the last spans: %w", err)
	}
	return nil
}
