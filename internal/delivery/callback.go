package delivery

import "context"

// Callback delivers what is told about an execution that has ended. Any 2xx is
// Completed, whatever its body and its headers say; all else is classified as the
// answer of an activity is. It returns within r.Timeout, or soon after ctx ends.
func (c *Client) Callback(ctx context.Context, r Request) Result {
	ctx, cancel := withTimeout(ctx, r.Timeout, defaultActivityTimeout)
	defer cancel()
	resp, f := c.send(ctx, &r)
	if f != nil {
		return f.result()
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		discard(resp)
		return Result{Outcome: Completed, Value: null, StatusCode: resp.StatusCode, Contact: ContactMade}
	}
	f = statusFailure(resp)
	f.answeredBy(resp)
	return f.result()
}

// CheckSecret tells whether a text is a secret to sign with, or several, separated
// by spaces, or none. The error does not quote it.
func CheckSecret(secret string) error {
	if f := newSigner(secret).fail; f != nil {
		return errInvalidSecret
	}
	return nil
}
