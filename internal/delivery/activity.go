package delivery

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/stent-dev/stent/internal/wire"
	"github.com/stent-dev/stent/internal/workflow"
)

var null = json.RawMessage("null")

// Activity delivers an activity and classifies the answer. It returns within
// r.Timeout, or soon after ctx ends.
func (c *Client) Activity(ctx context.Context, r Request) Result {
	ctx, cancel := withTimeout(ctx, r.Timeout, defaultActivityTimeout)
	defer cancel()
	resp, f := c.send(ctx, &r)
	if f != nil {
		return f.result()
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusAccepted && isTrue(resp.Header.Get(wire.HeaderAsync)) {
		discard(resp)
		return Result{Outcome: Accepted, StatusCode: resp.StatusCode, Contact: ContactMade}
	}
	value, f := c.activityValue(ctx, resp)
	var update workflow.ContextUpdate
	if f == nil {
		update, f = contextUpdate(resp.Header)
	}
	if f != nil {
		f.answeredBy(resp)
		return f.result()
	}
	return Result{Outcome: Completed, Value: value, Context: update, StatusCode: resp.StatusCode, Contact: ContactMade}
}

func (c *Client) activityValue(ctx context.Context, resp *http.Response) (json.RawMessage, *failure) {
	switch resp.StatusCode {
	case http.StatusNoContent:
		return null, nil
	case http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNonAuthoritativeInfo:
		body, f := successBody(ctx, resp, c.opts.MaxValueBytes, "result")
		if f == nil {
			f = checkJSON(body, "result")
		}
		return body, f
	}
	return nil, statusFailure(resp)
}

// statusFailure classifies an answer whose status is not a success.
func statusFailure(resp *http.Response) *failure {
	switch code := resp.StatusCode; {
	case code >= 300 && code < 400:
		discard(resp)
		return &failure{
			errorType: "redirect", retryable: true,
			message: fmt.Sprintf("the endpoint answered %d with Location %s: redirects are not followed, give the URL that it points to",
				code, printable(resp.Header.Get("Location"), maxExcerpt)),
		}
	case code < 200: // 101: its body would be the raw connection
		return &failure{errorType: httpType(code), message: fmt.Sprintf("the endpoint answered %s", statusText(code)), retryable: true}
	}
	f := errorFromBody(resp)
	switch resp.StatusCode {
	case http.StatusBadRequest, http.StatusMethodNotAllowed, http.StatusNotAcceptable, http.StatusRequestEntityTooLarge,
		http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity, http.StatusNotImplemented:
	case http.StatusGone:
		f.disable = true
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		f.retryable = true
		if _, ok := retryAfter(resp.Header.Get("Retry-After"), time.Now()); ok {
			f.outcome = Throttled
		}
	default:
		f.retryable = true
	}
	return f
}

// answeredBy completes a failure with what the answer's headers say.
func (f *failure) answeredBy(resp *http.Response) {
	f.status, f.contact = resp.StatusCode, ContactMade
	switch header := strings.TrimSpace(resp.Header.Get(wire.HeaderRetryable)); {
	case isTrue(header):
		f.retryable = true
	case strings.EqualFold(header, "false"):
		f.retryable = false
		f.outcome = Failed // for good, even if throttled
	}
	if f.retryable {
		f.retryAfter, _ = retryAfter(resp.Header.Get("Retry-After"), time.Now())
	}
}

func isTrue(header string) bool {
	return strings.EqualFold(strings.TrimSpace(header), "true")
}

func withTimeout(ctx context.Context, timeout, fallback time.Duration) (context.Context, context.CancelFunc) {
	if timeout <= 0 {
		timeout = fallback
	}
	return context.WithTimeout(ctx, timeout)
}
