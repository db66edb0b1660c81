package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"syscall"
	"time"
)

// maxStale bounds how many connections that died unused a delivery may meet.
const maxStale = 8

// attempt observes one round trip.
type attempt struct {
	trace     httptrace.ClientTrace
	conn      *conn // nil until a connection stands
	start     int64 // bytes written on conn before
	reused    bool
	connected bool
	answering atomic.Bool // the first byte of an answer came
	onConnect func()
}

func (a *attempt) gotConn(info httptrace.GotConnInfo) {
	a.connected, a.reused = true, info.Reused
	if a.conn = counted(info.Conn); a.conn != nil {
		a.start = a.conn.written.Load()
	}
	if !info.Reused && a.onConnect != nil {
		a.onConnect()
	}
}

// nothingSent reports whether a kept connection died before a byte of this
// request was written, so that the worker cannot know of it.
func (a *attempt) nothingSent() bool {
	return a.reused && a.conn != nil && a.conn.written.Load() == a.start
}

// send posts a delivery and returns the answer with its body unread, or why
// there is none. The caller closes the answer's body.
func (c *Client) send(ctx context.Context, r *Request) (*http.Response, *failure) {
	t := c.targets.get(r.URL, newTarget)
	if t.fail != nil {
		return nil, t.fail
	}
	s := c.signers.get(r.Secret, newSigner)
	if s.fail != nil {
		return nil, s.fail
	}
	h, err := r.header(s, t.basic, time.Now())
	if err != nil {
		return nil, &failure{errorType: "invalid_request", message: err.Error()}
	}
	return c.roundTrip(ctx, t, func(ctx context.Context) *http.Request { return post(ctx, t, h, r.Body) })
}

// roundTrip sends what build makes, again as long as kept connections turn out
// to have died before anything was written.
func (c *Client) roundTrip(ctx context.Context, t *target, build func(context.Context) *http.Request) (*http.Response, *failure) {
	if ctx.Err() != nil {
		return nil, interrupted(ctx) // says nothing about the endpoint
	}
	for stale := 0; ; stale++ {
		a := &attempt{}
		if c.opts.Breaker != nil {
			a.onConnect = func() { c.opts.Breaker.Reachable(t.origin, time.Now()) }
		}
		a.trace.GotConn = a.gotConn
		a.trace.GotFirstResponseByte = func() { a.answering.Store(true) }
		resp, err := c.transport.RoundTrip(build(httptrace.WithClientTrace(ctx, &a.trace)))
		if err == nil {
			c.report(t.origin, ContactMade, "")
			return resp, nil
		}
		if stale < maxStale && ctx.Err() == nil && a.nothingSent() {
			continue
		}
		f := a.explain(ctx, t, err)
		c.report(t.origin, f.contact, f.unreachable)
		return nil, f
	}
}

func (c *Client) report(origin string, contact Contact, why string) {
	if c.opts.Breaker != nil {
		c.opts.Breaker.Report(origin, contact, why, time.Now())
	}
}

// explain says why there is no answer.
func (a *attempt) explain(ctx context.Context, t *target, err error) *failure {
	var denied *deniedError
	var dial *dialError
	switch {
	case errors.As(err, &denied):
		return &failure{errorType: "address_denied", message: denied.Error()}
	case errors.As(err, &dial):
		return unreachable(t, dial.err)
	case ctx.Err() != nil && !a.connected && !cancelled(ctx):
		return unreachable(t, errors.New("no connection within the time of the attempt"))
	case ctx.Err() != nil:
		return interrupted(ctx)
	case !a.connected:
		return &failure{errorType: "invalid_request", message: fmt.Sprintf("the request could not be built: %v", err)}
	case a.answering.Load() && !lost(err):
		return &failure{errorType: "invalid_response", message: fmt.Sprintf("the endpoint's answer is not HTTP or breaks a limit: %s", printable(err.Error(), maxMessage)), retryable: true}
	}
	return connectionLost(err)
}

func unreachable(t *target, err error) *failure {
	why := printable(err.Error(), maxMessage)
	return &failure{
		outcome: Unreachable, errorType: "unreachable", contact: ContactFailed, unreachable: why,
		message: fmt.Sprintf("could not connect to %s: %s", t.origin, why),
	}
}

func connectionLost(err error) *failure {
	return &failure{
		errorType: "connection_lost", retryable: true,
		message: fmt.Sprintf("the connection was lost before the answer was complete; the handler may have run: %v", err),
	}
}

// interrupted is the failure of a delivery whose context ended after it may have been sent.
func interrupted(ctx context.Context) *failure {
	if cancelled(ctx) {
		return &failure{errorType: "cancelled", message: "the delivery was cancelled", retryable: true}
	}
	return &failure{errorType: "timeout", message: "the endpoint did not answer in the time that the attempt had", retryable: true}
}

func cancelled(ctx context.Context) bool {
	return errors.Is(ctx.Err(), context.Canceled)
}

// lost reports whether an error is the end of a connection and not bad data on it.
func lost(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &op) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
