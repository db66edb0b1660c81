package durable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/stent-dev/stent/internal/wire"
)

// ActivityInfo tells an activity what it runs for.
type ActivityInfo struct {
	Function       string
	ExecutionID    string
	TaskID         string
	Attempt        int    // 1, 2, …: attempts that may have executed
	IdempotencyKey string // the same for every delivery of this task: pass it to whom you call
	// Deadline is when the attempt is given up: the latest time to answer or, after
	// Async, to report; zero if the delivery told none. The request may end before,
	// after 15 min at the latest, and the activity's context with it.
	Deadline time.Time
	// TraceParent is the W3C trace context of the attempt; "" if Stent makes no traces
	// and the dispatch brought none. Spans that hang below it are in the trace of the
	// execution. With OpenTelemetry:
	//
	//	carrier := propagation.MapCarrier{"traceparent": durable.Info(ctx).TraceParent}
	//	ctx, span := tracer.Start(propagation.TraceContext{}.Extract(ctx, carrier), "card payment")
	//
	// Middleware around the Worker that reads the header itself, such as otelhttp, does
	// that too, as an activity's context is made of its request's.
	TraceParent string
}

// Info tells an activity what it runs for; in any other context it is empty.
func Info(ctx context.Context) ActivityInfo {
	if d, ok := ctx.Value(deliveryKey{}).(*delivery); ok {
		return d.info
	}
	return ActivityInfo{}
}

// TaskToken takes over the duty to report: give it with ActivityInfo.TaskID to
// whoever will call Client.Complete or Client.Fail, and return Async. It is
// empty when the delivery brought none.
func TaskToken(ctx context.Context) string {
	d, ok := ctx.Value(deliveryKey{}).(*delivery)
	if !ok {
		return ""
	}
	d.tokenTaken.Store(true)
	return d.token
}

// Async is returned as the error of an activity that has taken its TaskToken, and
// says that the work goes on elsewhere and is reported later. The report may come
// before this function has returned. Without a report the activity's Timeout, or
// HeartbeatTimeout, ends the attempt.
var Async error = asyncAnswer{}

type asyncAnswer struct{}

func (asyncAnswer) Error() string { return "durable: the activity reports later" }

type deliveryKey struct{}

type delivery struct {
	info       ActivityInfo
	token      string
	tokenTaken atomic.Bool
	update     update
}

func readDelivery(name string, h http.Header) *delivery {
	d := &delivery{token: h.Get(wire.HeaderTaskToken), info: ActivityInfo{
		Function:       name,
		ExecutionID:    h.Get(wire.HeaderExecutionID),
		TaskID:         h.Get(wire.HeaderTaskID),
		IdempotencyKey: h.Get(wire.HeaderIdempotencyKey),
		TraceParent:    h.Get(wire.HeaderTraceParent),
	}}
	d.info.Attempt, _ = strconv.Atoi(h.Get(wire.HeaderAttempt))
	d.info.Deadline, _ = time.Parse(time.RFC3339Nano, h.Get(wire.HeaderDeadline))
	return d
}

func (w *Worker) serveActivity(rw http.ResponseWriter, req *http.Request, fn *function, body []byte) {
	d := readDelivery(fn.manifest.Name, req.Header)
	ctx := context.WithValue(req.Context(), deliveryKey{}, d)
	if !d.info.Deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, d.info.Deadline)
		defer cancel()
	}
	logger := w.logger.With(logFunction, d.info.Function, logExecution, d.info.ExecutionID, logTask, d.info.TaskID, logAttempt, d.info.Attempt)
	out, err := callActivity(ctx, logger, fn.activity, body)
	if err == nil {
		if tooLarge := d.update.header(rw.Header()); tooLarge != nil {
			err = Terminal(Errorf(TypeInvalidOutput, "%w", tooLarge))
		}
	}
	switch {
	case err == nil:
		writeJSON(rw, http.StatusOK, "application/json", out)
	case errors.Is(err, Async) && d.tokenTaken.Load() && d.token != "":
		rw.Header().Set(wire.HeaderAsync, "true")
		rw.WriteHeader(http.StatusAccepted)
	case errors.Is(err, Async):
		logger.Error("activity returned Async without a TaskToken")
		answerFailure(rw, Terminal(errors.New("the activity returned Async, but took no TaskToken or was given none: nobody could report")))
	default:
		answerFailure(rw, err)
	}
}

// callActivity runs an activity and turns a panic into a failure. The stack is
// logged, and stays out of what the service records.
func callActivity(ctx context.Context, logger *slog.Logger, fn activityFunc, body []byte) (out json.RawMessage, err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if cut, ok := p.(error); ok && errors.Is(cut, http.ErrAbortHandler) {
			panic(p) // net/http's own way to cut the connection
		}
		logger.Error("activity panicked", "panic", p, "stack", string(debug.Stack()))
		out, err = nil, Errorf(TypePanic, "%s", fmt.Sprint(p))
	}()
	return fn(ctx, body)
}

func answerFailure(rw http.ResponseWriter, err error) {
	status, retryable := http.StatusInternalServerError, true
	var marked *markedError
	if errors.As(err, &marked) {
		retryable = marked.retryable
		switch {
		case marked.throttled:
			status = http.StatusTooManyRequests
		case !retryable:
			status = http.StatusUnprocessableEntity
		}
		if after := marked.retryAfter(); after > 0 {
			rw.Header().Set("Retry-After", strconv.Itoa(after))
		}
	}
	// A throttled answer says by its status what it is: no attempt is used.
	if marked == nil || !marked.throttled {
		rw.Header().Set(wire.HeaderRetryable, strconv.FormatBool(retryable))
	}
	writeJSON(rw, status, "application/json", map[string]wire.Error{"error": wireError(err)})
}
