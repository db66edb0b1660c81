package delivery

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/stent-dev/stent/internal/wire"
)

// Timeouts of a Request that names none.
const (
	defaultActivityTimeout = 30 * time.Second
	defaultTurnTimeout     = 10 * time.Second
	defaultManifestTimeout = 10 * time.Second
)

const (
	contentTypeJSON = "application/json"
	userAgent       = "stent"
	deadlineLayout  = "2006-01-02T15:04:05.000000Z07:00" // RFC 3339 with microseconds
)

// Request is one delivery of a task.
type Request struct {
	URL string
	// Secret signs the request by Standard Webhooks; none if empty. While a
	// secret is being rotated it is the new and the old one, separated by a space.
	Secret              string
	Function            string
	ExecutionID, TaskID string
	Attempt             int    // from 1
	Token               string // the task token; no header if empty
	// Deadline is when the attempt is given up, as the worker is told; no header if
	// zero. That of an activity may be later than Timeout ends the request: one that
	// answers 202 has until then to report. A turn is told the earlier of the two.
	Deadline time.Time
	// Timeout is how long from now the request may stay open; 30 s for an activity
	// and 10 s for a turn if zero.
	Timeout     time.Duration
	Body        []byte // sent exactly as it is
	Event       string // what a callback tells; no header if empty
	TraceParent string // W3C trace context; no header if empty
}

// header writes the table of headers of a delivery.
func (r *Request) header(s signer, basic string, now time.Time) (http.Header, error) {
	h := make(http.Header, 16)
	// One array holds all values: a slice each would be most of the allocations of a delivery.
	values := make([]string, 0, 16)
	set := func(key, value string) {
		if value != "" {
			values = append(values, value)
			h[key] = values[len(values)-1 : len(values) : len(values)]
		}
	}
	set("Content-Type", contentTypeJSON)
	set("Accept", contentTypeJSON)
	set("User-Agent", userAgent)
	set("Authorization", basic)
	set(wire.HeaderProtocol, wire.Protocol)
	set(wire.HeaderFunction, r.Function)
	set(wire.HeaderExecutionID, r.ExecutionID)
	set(wire.HeaderTaskID, r.TaskID)
	set(wire.HeaderAttempt, strconv.Itoa(r.Attempt))
	if !r.Deadline.IsZero() {
		set(wire.HeaderDeadline, r.Deadline.UTC().Format(deadlineLayout))
	}
	set(wire.HeaderTaskToken, r.Token)
	set(wire.HeaderEvent, r.Event)
	id := r.TaskID
	if r.Event != "" {
		id = wire.CallbackID + id
	}
	set(wire.HeaderIdempotencyKey, id)
	set(headerWebhookID, id)
	set(wire.HeaderTraceParent, r.TraceParent)
	if err := s.sign(h, id, now, r.Body); err != nil {
		return nil, err
	}
	return h, nil
}

// post builds the HTTP request. GetBody stays unset on purpose: net/http takes a
// POST with an Idempotency-Key for one that it may send again when a reused
// connection dies before the first byte of the answer, and the handler may have
// run by then. A body that cannot be rewound forbids that; send repeats what
// provably was not sent.
func post(ctx context.Context, t *target, h http.Header, body []byte) *http.Request {
	return (&http.Request{
		Method: http.MethodPost, URL: t.url, Host: t.url.Host, Header: h,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}).WithContext(ctx)
}
