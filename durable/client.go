package durable

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stent-dev/stent/internal/wire"
)

// maxAnswer bounds what the client reads of an answer, in bytes.
const maxAnswer = 64 << 20

// Client speaks to a Stent service over REST. It may be used by several
// goroutines at once. Where the service refuses, the error is an *APIError; the
// client does not repeat requests by itself.
type Client struct {
	base string
	key  string
	http *http.Client
}

// ClientOption sets up a Client.
type ClientOption func(*Client)

// APIKey is sent as the bearer token of each request.
func APIKey(key string) ClientOption { return func(c *Client) { c.key = key } }

// HTTPClient sets what sends the requests; http.DefaultClient by default. A
// timeout of its own should be longer than the waits of Wait, which are 30 s.
func HTTPClient(h *http.Client) ClientOption { return func(c *Client) { c.http = h } }

// NewClient makes a client of the service at baseURL, such as
// "http://127.0.0.1:8233". Problems of the URL show in the first request.
func NewClient(baseURL string, opts ...ClientOption) *Client {
	c := &Client{base: strings.TrimRight(baseURL, "/"), http: http.DefaultClient}
	for _, o := range opts {
		o(c)
	}
	return c
}

// APIError is an answer by which the service refuses a request.
type APIError struct {
	Status int          `json:"status"` // the HTTP status
	Code   string       `json:"code"`   // stable, such as "not_found" or "already_terminal"
	Title  string       `json:"title"`
	Detail string       `json:"detail"`
	Fields []FieldError `json:"errors"`
}

// FieldError says what is wrong with one field of a request.
type FieldError struct {
	Pointer string `json:"pointer"` // a JSON Pointer into the body
	Detail  string `json:"detail"`
}

// Error tells the status, the code, the detail and each field.
func (e *APIError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "stent: %d", e.Status)
	if e.Code != "" {
		b.WriteString(" " + e.Code)
	}
	if text := cmp.Or(e.Detail, e.Title); text != "" {
		b.WriteString(": " + text)
	}
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "; %s: %s", f.Pointer, f.Detail)
	}
	return b.String()
}

// request is one call of the API.
type request struct {
	method string
	path   string // escaped
	query  url.Values
	header http.Header
	body   any
}

// do sends a request and decodes the answer into out, unless that is nil.
func (c *Client) do(ctx context.Context, r request, out any) error {
	resp, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // it was read, or its error is the one to tell
	return readAnswer(resp, out)
}

// send sends a request; the answer's body is the caller's to close. Redirects are
// followed, but not those after which net/http sends a GET without a body in place of
// a POST: its answer would look like a success of something that never happened.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	var body io.Reader
	if r.body != nil {
		b, err := encode(r.body)
		if err != nil {
			return nil, fmt.Errorf("stent: encoding the request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	target := c.base + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, body)
	if err != nil {
		return nil, fmt.Errorf("stent: %w", err)
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if d, ok := ctx.Value(deliveryKey{}).(*delivery); ok && d.info.TraceParent != "" {
		req.Header.Set(wire.HeaderTraceParent, d.info.TraceParent) // an activity's requests are part of its trace
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("stent: %w", err)
	}
	if from := resp.Request; from != nil && from.Method != r.method {
		_ = resp.Body.Close() // it answers another request
		return nil, &APIError{Status: http.StatusMovedPermanently, Detail: fmt.Sprintf("the URL redirects to %s, which loses what is sent; use that one", from.URL)}
	}
	return resp, nil
}

func readAnswer(resp *http.Response, out any) error {
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("stent: reading the answer: %w", err)
	case len(b) > maxAnswer:
		return fmt.Errorf("stent: the answer is larger than %d bytes", maxAnswer)
	case resp.StatusCode >= 300:
		return readProblem(resp, b)
	case out == nil:
		return nil
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("stent: decoding the answer: %w", err)
	}
	return nil
}

func readProblem(resp *http.Response, b []byte) error {
	e := &APIError{}
	if json.Unmarshal(b, e) != nil {
		e = &APIError{Detail: "the answer is not of Stent; is the URL right?"}
	}
	e.Status = resp.StatusCode
	if e.Title == "" {
		e.Title = http.StatusText(e.Status)
	}
	return e
}

// WorkerInfo is a registered worker.
type WorkerInfo struct {
	ID               string         `json:"id"`
	URL              string         `json:"url"`
	Signed           bool           `json:"signed"` // deliveries are signed with a secret
	Health           string         `json:"health"` // healthy, unreachable or disabled
	UnreachableSince *time.Time     `json:"unreachable_since"`
	LastError        string         `json:"last_error"` // empty while it is healthy
	Functions        []FunctionInfo `json:"functions"`  // absent in lists
	CreatedAt        time.Time      `json:"created_at"`
	UpdatedAt        time.Time      `json:"updated_at"`
}

// RegisterWorker makes the service ask the worker at workerURL what functions
// it has, and register them. The secret, if not empty, signs what the service
// sends there; see Secret.
func (c *Client) RegisterWorker(ctx context.Context, workerURL, secret string) (*WorkerInfo, error) {
	body := struct {
		URL    string `json:"url"`
		Secret string `json:"secret,omitempty"`
	}{workerURL, secret}
	var out WorkerInfo
	if err := c.do(ctx, request{method: http.MethodPost, path: "/v1/workers", body: body}, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

// Kind is what a function is.
type Kind string

// The kinds of functions.
const (
	KindActivity     Kind = "activity"
	KindOrchestrator Kind = "orchestrator"
)

// RegisterFunction registers a plain HTTP handler, which need not be written
// with this package, as a function.
func (c *Client) RegisterFunction(ctx context.Context, name string, kind Kind, handlerURL string, opts ...FunctionOption) error {
	m, err := describe(string(kind), name, opts)
	if err != nil {
		return fmt.Errorf("stent: function %q: %w", name, err)
	}
	m.URL = handlerURL
	body := struct {
		*wire.ManifestFunction
		Name *string `json:"name,omitempty"` // hides the manifest's: the path has it
	}{ManifestFunction: m}
	return c.do(ctx, request{method: http.MethodPut, path: "/v1/functions/" + url.PathEscape(name), body: body}, nil)
}

// InvalidateResults forgets the completed results of a function that is Idempotent
// or cached, of all its versions, so that the next call with each key runs again.
// Runs that are under way go on, and give their results.
func (c *Client) InvalidateResults(ctx context.Context, function string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: "/v1/functions/" + url.PathEscape(function) + "/results"}, nil)
}

// Complete reports the result of an asynchronous activity, with what the activity
// recorded by AddCounter and SetState if ctx is made of its context, and what the
// options say. The same report again is no error and changes nothing; a token whose
// attempt lost its lease is an *APIError with the code lease_lost.
//
// An activity's context ends with its request: use context.WithoutCancel.
func (c *Client) Complete(ctx context.Context, taskID, token string, result any, opts ...CompleteOption) error {
	var u update
	if d, ok := ctx.Value(deliveryKey{}).(*delivery); ok && d.info.TaskID == taskID {
		d.update.copyTo(&u)
	}
	for _, o := range opts {
		if err := o(&u); err != nil {
			return fmt.Errorf("stent: completing task %s: %w", taskID, err)
		}
	}
	body := struct {
		Result   any                        `json:"result"`
		Counters map[string]int64           `json:"counters,omitempty"`
		State    map[string]json.RawMessage `json:"state,omitempty"`
	}{result, u.counters, u.state}
	return c.report(ctx, taskID, token, "complete", body, nil)
}

// Fail reports the failure of an asynchronous activity, retried by its policy
// unless cause is Terminal.
func (c *Client) Fail(ctx context.Context, taskID, token string, cause error) error {
	if cause == nil {
		return errors.New("stent: Fail without a cause")
	}
	var marked *markedError
	retryable := !errors.As(cause, &marked) || marked.retryable
	return c.report(ctx, taskID, token, "fail", map[string]any{"error": wireError(cause), "retryable": retryable}, nil)
}

// HeartbeatStatus answers a heartbeat.
type HeartbeatStatus struct {
	Cancel         bool      `json:"cancel"` // the work is no longer wanted: stop
	LeaseExpiresAt time.Time `json:"lease_expires_at"`
}

// Heartbeat keeps an asynchronous activity alive and shows details of its progress.
func (c *Client) Heartbeat(ctx context.Context, taskID, token string, details any) (*HeartbeatStatus, error) {
	var out HeartbeatStatus
	if err := c.report(ctx, taskID, token, "heartbeat", map[string]any{"details": details}, &out); err != nil {
		return nil, err
	}
	return &out, nil
}

func (c *Client) report(ctx context.Context, taskID, token, what string, body, out any) error {
	return c.do(ctx, request{
		method: http.MethodPost,
		path:   "/v1/tasks/" + url.PathEscape(taskID) + "/" + what,
		header: http.Header{wire.HeaderTaskToken: {token}},
		body:   body,
	}, out)
}
