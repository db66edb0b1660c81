package postgres

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/stent-dev/stent/internal/workflow"
)

// registerTypes teaches a connection the types of package workflow: ids are uuids;
// the zero id and the zero time are NULL, which lets arrays carry optional values;
// times come back in UTC.
func registerTypes(m *pgtype.Map) {
	register := func(name string, oid uint32, array string, arrayOID uint32, codec pgtype.Codec) {
		t := &pgtype.Type{Name: name, OID: oid, Codec: codec}
		m.RegisterType(t)
		m.RegisterType(&pgtype.Type{Name: array, OID: arrayOID, Codec: &pgtype.ArrayCodec{ElementType: t}})
	}
	register("uuid", pgtype.UUIDOID, "_uuid", pgtype.UUIDArrayOID, idCodec{})
	register("timestamptz", pgtype.TimestamptzOID, "_timestamptz", pgtype.TimestamptzArrayOID,
		timeCodec{&pgtype.TimestamptzCodec{ScanLocation: time.UTC}})
	m.TryWrapEncodePlanFuncs = append([]pgtype.TryWrapEncodePlanFunc{wrapSlice}, m.TryWrapEncodePlanFuncs...)
}

// idCodec reads and writes workflow.ID without detours.
type idCodec struct{ pgtype.UUIDCodec }

func (c idCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.(workflow.ID); ok && format == pgtype.BinaryFormatCode {
		return encodeID{}
	}
	return c.UUIDCodec.PlanEncode(m, oid, format, value)
}

func (c idCodec) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if _, ok := target.(*workflow.ID); ok && format == pgtype.BinaryFormatCode {
		return scanID{}
	}
	return c.UUIDCodec.PlanScan(m, oid, format, target)
}

type encodeID struct{}

func (encodeID) Encode(value any, buf []byte) ([]byte, error) {
	id := value.(workflow.ID)
	if id.IsZero() {
		return nil, nil
	}
	return append(buf, id[:]...), nil
}

type scanID struct{}

func (scanID) Scan(src []byte, target any) error {
	id := target.(*workflow.ID)
	switch len(src) {
	case 0:
		*id = workflow.ID{}
	case len(id):
		copy(id[:], src)
	default:
		return fmt.Errorf("a uuid of %d bytes", len(src))
	}
	return nil
}

// timeCodec writes the zero time as NULL.
type timeCodec struct{ *pgtype.TimestamptzCodec }

func (c timeCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.(time.Time); ok && format == pgtype.BinaryFormatCode {
		return encodeTime{c.TimestamptzCodec.PlanEncode(m, oid, format, pgtype.Timestamptz{})}
	}
	return c.TimestamptzCodec.PlanEncode(m, oid, format, value)
}

type encodeTime struct{ next pgtype.EncodePlan }

func (p encodeTime) Encode(value any, buf []byte) ([]byte, error) {
	t := value.(time.Time)
	if t.IsZero() {
		return nil, nil
	}
	return p.next.Encode(pgtype.Timestamptz{Time: t, Valid: true}, buf)
}

// wrapSlice spares slices of ids and of payloads the way through reflection.
func wrapSlice(value any) (pgtype.WrappedEncodePlanNextSetter, any, bool) {
	switch v := value.(type) {
	case []workflow.ID:
		return &slicePlan[workflow.ID]{}, pgtype.FlatArray[workflow.ID](v), true
	case [][]byte:
		return &slicePlan[[]byte]{}, pgtype.FlatArray[[]byte](v), true
	}
	return nil, nil, false
}

type slicePlan[T any] struct{ next pgtype.EncodePlan }

func (p *slicePlan[T]) SetNext(next pgtype.EncodePlan) { p.next = next }

func (p *slicePlan[T]) Encode(value any, buf []byte) ([]byte, error) {
	return p.next.Encode(pgtype.FlatArray[T](value.([]T)), buf)
}

// column gathers one field of many values, as an array to be sent.
func column[V, T any](values []V, field func(V) T) []T {
	out := make([]T, len(values))
	for i, v := range values {
		out[i] = field(v)
	}
	return out
}

// texts makes an array of text, never NULL, of a list of names.
func texts[T ~string](values []T) []string {
	return column(values, func(v T) string { return string(v) })
}

// number narrows a count or an index to PostgreSQL's integer.
func number(n int) int32 {
	return int32(min(max(n, -1<<31), 1<<31-1)) //nolint:gosec // clamped
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// keyOrNil stores a key, zero as NULL; keyOf reads what it stored.
func keyOrNil(k workflow.ResultKey) []byte {
	if k.IsZero() {
		return nil
	}
	return k[:]
}

func keyOf(b []byte) (k workflow.ResultKey) {
	copy(k[:], b)
	return k
}

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// durationOf reads what Duration.Microseconds wrote.
func durationOf(us int64) time.Duration { return time.Duration(us) * time.Microsecond }

// encode writes a value as JSON; absent ones are NULL.
func encode[T any](v T, present bool) ([]byte, error) {
	if !present {
		return nil, nil
	}
	return json.Marshal(v)
}

// decode reads what encode wrote.
func decode[T any](b []byte, v *T) error {
	if b == nil {
		return nil
	}
	return json.Unmarshal(b, v)
}

// decodeTo is decode for a field that is nil when absent.
func decodeTo[T any](b []byte, v **T) error {
	if b == nil {
		return nil
	}
	*v = new(T)
	return json.Unmarshal(b, *v)
}
