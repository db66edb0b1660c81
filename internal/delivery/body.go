package delivery

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxDrain bounds what is read of a body that nobody wants, to keep its connection.
const maxDrain = 4 << 10

// readBody reads a whole body of at most limit bytes; whole is false when it is longer.
func readBody(resp *http.Response, limit int64) (body []byte, whole bool, err error) {
	switch n := resp.ContentLength; {
	case n > limit:
		return nil, false, nil
	case n >= 0:
		body = make([]byte, n)
		read, err := io.ReadFull(resp.Body, body)
		return body[:read], true, err
	}
	body, err = io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if int64(len(body)) > limit {
		return body[:limit], false, nil
	}
	return body, true, err
}

// discard reads a body that is known to be small, so that its connection can be
// used again. A body of unknown length is not waited for.
func discard(resp *http.Response) {
	if n := resp.ContentLength; n > 0 && n <= maxDrain {
		_, _ = io.CopyN(io.Discard, resp.Body, n)
	}
}

// successBody reads the body of a successful answer, which what names in errors.
func successBody(ctx context.Context, resp *http.Response, limit int64, what string) ([]byte, *failure) {
	if encoding := contentEncoding(resp); encoding != "" {
		return nil, &failure{
			errorType: "content_encoding", retryable: true,
			message: fmt.Sprintf("the answer has Content-Encoding %s although none was asked for: let the handler, or the proxy before it, answer uncompressed", printable(encoding, 64)),
		}
	}
	body, whole, err := readBody(resp, limit)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, interrupted(ctx)
	case err != nil && !lost(err):
		return nil, &failure{errorType: "invalid_response", message: fmt.Sprintf("the body of the answer is not valid HTTP: %s", printable(err.Error(), maxMessage)), retryable: true}
	case err != nil:
		return nil, connectionLost(err)
	case !whole:
		return nil, &failure{
			errorType: "result_too_large",
			message:   fmt.Sprintf("the %s is larger than %d bytes: keep large data elsewhere and answer with a reference to it", what, limit),
		}
	}
	return trimSpace(body), nil
}

func contentEncoding(resp *http.Response) string {
	encoding := strings.TrimSpace(strings.Join(resp.Header.Values("Content-Encoding"), ", "))
	if strings.EqualFold(encoding, "identity") {
		return ""
	}
	return encoding
}
