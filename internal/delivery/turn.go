package delivery

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"

	"github.com/stent-dev/stent/internal/wire"
)

// Turn delivers an orchestrator's turn and decodes the answer. It returns
// within r.Timeout, or soon after ctx ends.
func (c *Client) Turn(ctx context.Context, r Request) TurnResult {
	ctx, cancel := withTimeout(ctx, r.Timeout, defaultTurnTimeout)
	defer cancel()
	if end, ok := ctx.Deadline(); ok && end.Before(r.Deadline) {
		r.Deadline = end // there is no other way to answer a turn than in its request
	}
	resp, f := c.send(ctx, &r)
	if f != nil {
		return f.turnResult()
	}
	defer func() { _ = resp.Body.Close() }()
	answer, f := c.turnAnswer(ctx, resp)
	if f != nil {
		f.answeredBy(resp)
		return f.turnResult()
	}
	return TurnResult{Outcome: Completed, Answer: answer, StatusCode: resp.StatusCode, Contact: ContactMade}
}

func (c *Client) turnAnswer(ctx context.Context, resp *http.Response) (*wire.Answer, *failure) {
	switch version := resp.Header.Get(wire.HeaderProtocol); {
	case resp.StatusCode != http.StatusOK:
		return nil, statusFailure(resp)
	case version == "":
		discard(resp)
		return nil, &failure{
			errorType: "missing_protocol", retryable: true,
			message: fmt.Sprintf("the worker answered 200 without %s: %s, so it was not an orchestrator that answered; is there a proxy, a login page, or an activity at this URL?",
				wire.HeaderProtocol, wire.Protocol),
		}
	case strings.TrimSpace(version) != wire.Protocol:
		discard(resp)
		return nil, &failure{
			errorType: "unsupported_protocol", retryable: true,
			message: fmt.Sprintf("the worker speaks protocol %s, this service %s", printable(version, 32), wire.Protocol),
		}
	}
	body, f := successBody(ctx, resp, c.opts.MaxAnswerBytes, "answer")
	if f != nil {
		return nil, f
	}
	return decodeAnswer(body)
}

// decodeAnswer reads an orchestrator's answer strictly: what is not understood
// must not be lost silently.
func decodeAnswer(body []byte) (*wire.Answer, *failure) {
	answer := new(wire.Answer)
	if f := decodeStrict(body, answer, "answer"); f != nil {
		return nil, f
	}
	if o := answer.Outcome; o != nil {
		set := 0
		for _, given := range []bool{o.Completed != nil, o.Failed != nil, o.ContinueAsNew != nil} {
			if given {
				set++
			}
		}
		if set != 1 {
			return nil, invalidAnswer("answer", "outcome: want exactly one of completed, failed and continue_as_new")
		}
	}
	return answer, nil
}

// decodeStrict reads one JSON object into v and refuses unknown fields.
func decodeStrict(body []byte, v any, what string) *failure {
	if f := checkText(body, what); f != nil {
		return f
	}
	if body[0] != '{' {
		if f := checkJSON(body, what); f != nil {
			return f
		}
		return invalidAnswer(what, "want a JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(v)
	if err == nil {
		if _, err = d.Token(); errors.Is(err, io.EOF) {
			return nil
		}
		return notJSON(body, what, "something follows the value")
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF) {
		return notJSON(body, what, err.Error())
	}
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		return invalidAnswer(what, fmt.Sprintf("%s: got %s, want %s", mismatch.Field, mismatch.Value, jsonKind(mismatch.Type)))
	}
	return invalidAnswer(what, printable(strings.TrimPrefix(err.Error(), "json: "), maxExcerpt))
}

// jsonKind names what a Go type is in JSON.
func jsonKind(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct, reflect.Map, reflect.Pointer:
		return "object"
	case reflect.Slice, reflect.Array:
		return "array"
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "string"
	}
	return "number (" + t.Kind().String() + ")"
}

func invalidAnswer(what, reason string) *failure {
	return &failure{errorType: "invalid_answer", message: fmt.Sprintf("the %s is not valid: %s", what, reason), retryable: true}
}
