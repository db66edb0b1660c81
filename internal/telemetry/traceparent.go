package telemetry

import (
	"context"
	"encoding/hex"

	"go.opentelemetry.io/otel/trace"
)

// TraceParent gives the W3C trace context of the span in ctx, or "" if there is none.
func TraceParent(ctx context.Context) string { return traceParent(trace.SpanContextFromContext(ctx)) }

func traceParent(s trace.SpanContext) string {
	if !s.IsValid() {
		return ""
	}
	return "00-" + s.TraceID().String() + "-" + s.SpanID().String() + "-" + s.TraceFlags().String()
}

// Lengths of a traceparent, of version 00: "00-" trace "-" span "-" flags.
const (
	traceAt  = 3
	spanAt   = traceAt + 32 + 1
	flagsAt  = spanAt + 16 + 1
	wholeLen = flagsAt + 2
)

// parseTraceParent reads a W3C trace context (section 3.2). What is none gives an
// invalid one.
func parseTraceParent(text string) trace.SpanContext {
	if len(text) < wholeLen || text[traceAt-1] != '-' || text[spanAt-1] != '-' || text[flagsAt-1] != '-' || text[:2] == "ff" {
		return trace.SpanContext{}
	}
	var c trace.SpanContextConfig
	var err error
	if c.TraceID, err = trace.TraceIDFromHex(text[traceAt : spanAt-1]); err != nil {
		return trace.SpanContext{}
	}
	if c.SpanID, err = trace.SpanIDFromHex(text[spanAt : flagsAt-1]); err != nil {
		return trace.SpanContext{}
	}
	flags, err := hex.DecodeString(text[flagsAt:wholeLen])
	if err != nil {
		return trace.SpanContext{}
	}
	c.TraceFlags = trace.TraceFlags(flags[0]) & trace.FlagsSampled
	c.Remote = true
	return trace.NewSpanContext(c)
}
