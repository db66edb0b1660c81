package telemetry

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"

	"go.opentelemetry.io/otel/trace"
)

// ID is the id of an execution or a task: a UUID of version 7.
type ID = [16]byte

// spanOf gives the span of the command that made a task: the random half of its id,
// so that every process which delivers the task knows below which span its
// attempts belong, and nothing has to be stored for that.
func spanOf(task ID) trace.SpanID { return trace.SpanID(task[8:16]) }

// traceOf gives the trace of an execution that was dispatched without one. It is a
// hash, as samplers expect a trace's id to be random in all its bits.
func traceOf(execution ID) trace.TraceID {
	sum := sha256.Sum256(execution[:])
	return trace.TraceID(sum[:16])
}

// wanted is the ids that the span to be started is to have; zero ones are random.
type wanted struct {
	trace trace.TraceID
	span  trace.SpanID
}

type wantedKey struct{}

func want(ctx context.Context, w wanted) context.Context {
	return context.WithValue(ctx, wantedKey{}, w)
}

// ids makes the ids of spans.
type ids struct{}

// NewIDs implements the SDK's IDGenerator.
func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	w, _ := ctx.Value(wantedKey{}).(wanted)
	for !w.trace.IsValid() {
		binary.BigEndian.PutUint64(w.trace[:8], rand.Uint64())
		binary.BigEndian.PutUint64(w.trace[8:], rand.Uint64())
	}
	return w.trace, w.orRandom()
}

// NewSpanID implements the SDK's IDGenerator.
func (ids) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	w, _ := ctx.Value(wantedKey{}).(wanted)
	return w.orRandom()
}

func (w wanted) orRandom() trace.SpanID {
	for !w.span.IsValid() {
		binary.BigEndian.PutUint64(w.span[:], rand.Uint64())
	}
	return w.span
}

// uuid gives the usual form of an id.
func uuid(id ID) string {
	const dashes = 4
	b := make([]byte, 0, 2*len(id)+dashes)
	for i, part := range [][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, part)
	}
	return string(b)
}
