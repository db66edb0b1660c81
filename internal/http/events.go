package http

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/http/api"
	"github.com/stent-dev/stent/internal/workflow"
)

const (
	// keepAlive is how long a stream of events is silent at most.
	keepAlive = 15 * time.Second
	// streamWrite is how long a client may take to read what was written.
	streamWrite = 10 * time.Second
	// retryAfter is when a client whose stream was cut is to come back, in milliseconds.
	retryAfter = "1000"
)

// FollowExecution streams what happens to an execution.
func (s *server) FollowExecution(ctx context.Context, request api.FollowExecutionRequestObject) (api.FollowExecutionResponseObject, error) {
	id, p := workflow.ID(request.ID), request.Params
	cursor, of := orZero(p.LastEventID), "/header/Last-Event-ID"
	if cursor == "" {
		cursor, of = orZero(p.LastEventIDQuery), "/query/last_event_id"
	}
	feed, err := s.engine.Follow(ctx, id, cursor)
	if errors.Is(err, engine.ErrBadCursor) {
		return nil, invalid(of, "is not the id of an event that this service gave")
	}
	if err != nil {
		return nil, aboutExecution(err, id)
	}
	return &stream{server: s, ctx: ctx, end: feed.Close, send: func(ctx context.Context, w *eventWriter) error {
		return s.follow(ctx, w, feed)
	}}, nil
}

func (s *server) follow(ctx context.Context, w *eventWriter, feed engine.Feed) error {
	for {
		part, err := feed.Next(ctx, keepAlive)
		if err != nil {
			return err
		}
		if part.Execution != nil {
			w.event("execution", part.Cursor(nil), func(j *jsonWriter) { j.outline(part.Execution) })
		}
		host := s.hosts(ctx)
		for _, t := range part.Tasks {
			w.event("task", part.Cursor(t), func(j *jsonWriter) { j.task(t, host(t)) })
		}
		if part.End {
			w.event("end", part.Cursor(nil), func(j *jsonWriter) { j.begin('{'); j.end('}') })
		}
		if err := w.flush(); err != nil || part.End {
			return err
		}
	}
}

// FollowAll streams hints at which executions change.
func (s *server) FollowAll(ctx context.Context, _ api.FollowAllRequestObject) (api.FollowAllResponseObject, error) {
	list, err := s.engine.WatchAll()
	if err != nil {
		return nil, err
	}
	return &stream{server: s, ctx: ctx, end: list.Close, send: func(ctx context.Context, w *eventWriter) error {
		for {
			ids, many, err := list.Next(ctx, keepAlive)
			if err != nil {
				return err
			}
			if len(ids) > 0 || many {
				w.event("changed", "", func(j *jsonWriter) {
					j.begin('{')
					j.texts("executions", ids)
					if many {
						j.bool("many", true)
					}
					j.end('}')
				})
			}
			if err := w.flush(); err != nil {
				return err
			}
		}
	}}, nil
}

// stream is an answer of Server-Sent Events, as the HTML standard has them
// (section 9.2). It ends when send does, the client goes or the service shuts down.
type stream struct {
	server *server
	ctx    context.Context //nolint:containedctx // the request's, which the generated code does not pass on
	send   func(context.Context, *eventWriter) error
	end    func() // is called in any case, whether send was or not
}

func (a *stream) VisitFollowExecutionResponse(w http.ResponseWriter) error { return a.run(w) }
func (a *stream) VisitFollowAllResponse(w http.ResponseWriter) error       { return a.run(w) }

func (a *stream) run(w http.ResponseWriter) error {
	defer a.end()
	ctx, cancel := context.WithCancel(a.ctx)
	defer cancel()
	defer context.AfterFunc(a.server.draining, cancel)()
	if isHead(ctx) {
		cancel() // it asks for what precedes the stream
	}
	events := &eventWriter{w: w, control: http.NewResponseController(w)}
	// A read that is under way tells when the client goes, however long that takes.
	_ = events.control.SetReadDeadline(time.Time{}) // where it cannot be set, there is none
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // proxies shall pass each event on at once
	w.WriteHeader(http.StatusOK)
	events.text("retry: " + retryAfter + "\n\n")
	if events.flush() == nil {
		_ = a.send(ctx, events) // the client went, or the service shuts down: nobody is left to be told
	}
	return nil
}

// eventWriter writes events; nothing is sent before flush.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	b       []byte
}

func (w *eventWriter) text(text string) { w.b = append(w.b, text...) }

// event adds an event. Its data is JSON as the user may have given it, and each line
// of that a line of the event's.
func (w *eventWriter) event(name, id string, write func(*jsonWriter)) {
	w.text("event: " + name + "\n")
	if id != "" {
		w.text("id: " + id + "\n")
	}
	data := &jsonWriter{}
	write(data)
	for line := range strings.SplitSeq(lineEnds.Replace(string(data.b)), "\n") {
		w.text("data: " + line + "\n")
	}
	w.text("\n")
}

// lineEnds makes one of all that ends a line of an event stream. Outside of texts,
// where JSON has none of them bare, they are white space.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// keptBuffer is how much memory a stream keeps between two events, in bytes.
const keptBuffer = 64 << 10

// flush sends what was written, or a comment if nothing was.
func (w *eventWriter) flush() error {
	if len(w.b) == 0 {
		w.text(": keep-alive\n\n")
	}
	_ = w.control.SetWriteDeadline(time.Now().Add(streamWrite)) // where it cannot be set, the server's holds
	_, err := w.w.Write(w.b)
	if w.b = w.b[:0]; cap(w.b) > keptBuffer {
		w.b = nil
	}
	if err != nil {
		return err
	}
	return w.control.Flush()
}
