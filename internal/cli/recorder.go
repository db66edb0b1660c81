package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
)

// recorder keeps the last answer of the service as it came, for --output json and
// for what the client does not give back. Streams are not kept.
type recorder struct {
	next http.RoundTripper
	last bytes.Buffer
}

// RoundTrip sends a request; its answer is kept as it is read.
func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	r.last.Reset()
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind == "application/json" {
		resp.Body = kept{io.TeeReader(resp.Body, &r.last), resp.Body}
	}
	return resp, nil
}

// decode decodes the last answer.
func (r *recorder) decode(into any) error {
	if err := json.Unmarshal(r.last.Bytes(), into); err != nil {
		return fmt.Errorf("decoding the answer: %w", err)
	}
	return nil
}

// CloseIdleConnections closes the connections that are kept for further requests.
func (r *recorder) CloseIdleConnections() {
	if c, ok := r.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

type kept struct {
	io.Reader
	io.Closer
}

// writeTo writes the last answer as a line, escaped for a screen; nothing if it had no body.
func (r *recorder) writeTo(w io.Writer, screen bool) error {
	body := bytes.TrimRight(r.last.Bytes(), "\n")
	if len(body) == 0 {
		return nil
	}
	if screen {
		body = escapeJSON(body)
	}
	_, err := w.Write(append(bytes.Clone(body), '\n'))
	return err
}
