package http

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/http/api"
)

// dialer connects to a service behind a server with the limits of the programs.
func dialer(t *testing.T, o Options) func(*testing.T) net.Conn {
	t.Helper()
	text, err := os.ReadFile("../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	o.OpenAPI, o.Log = text, slog.New(slog.NewTextHandler(t.Output(), nil))
	handler, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	url, served := serve(t.Context(), t, time.Minute, handler.ServeHTTP)
	t.Cleanup(func() {
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return func(t *testing.T) net.Conn {
		t.Helper()
		var d net.Dialer
		c, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil { // less than the server would wait by itself
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
}

// send writes all parts before anything is read.
func send(t *testing.T, c net.Conn, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if _, err := io.WriteString(c, part); err != nil {
			t.Fatalf("the client could not write all: %v", err)
		}
	}
}

// receive reads one answer, which must have this status.
func receive(t *testing.T, c *bufio.Reader, status int) (problem api.Problem) {
	t.Helper()
	response, err := http.ReadResponse(c, nil)
	if err != nil {
		t.Fatalf("the client got no answer: %v", err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != status {
		t.Fatalf("status %d, want %d: %s", response.StatusCode, status, body)
	}
	if response.Header.Get("Content-Type") == "application/problem+json" {
		if err := json.Unmarshal(body, &problem); err != nil {
			t.Fatal(err)
		}
	}
	return problem
}

// post begins a request; headers are lines.
func post(path string, headers ...string) string {
	return "POST " + path + " HTTP/1.1\r\nHost: stent\r\n" + strings.Join(headers, "\r\n") + "\r\n\r\n"
}

func length(n int) string { return fmt.Sprintf("Content-Length: %d", n) }

const megabytes = 1 << 20

func TestClientThatWritesAllBeforeItReadsSeesTheRefusal(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("x", 5*megabytes)
	const chunked = "Transfer-Encoding: chunked"
	chunks := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	open, locked := dialer(t, Options{Engine: &fake{}}), dialer(t, Options{Engine: &fake{}, APIKeys: []string{"key"}})
	tests := map[string]struct {
		dial       func(*testing.T) net.Conn
		head, body string
		status     int
		code       api.ProblemCode
	}{
		"of known length":      {open, post("/v1/executions", length(len(body))), body, 413, api.ProblemCodePayloadTooLarge},
		"chunked":              {open, post("/v1/executions", chunked), chunks, 413, api.ProblemCodePayloadTooLarge},
		"chunked, on demand":   {open, post("/v1/executions", chunked, "Expect: 100-continue"), chunks, 413, api.ProblemCodePayloadTooLarge},
		"with a bad parameter": {open, post("/v1/executions?x=1", length(len(body))), body, 400, api.ProblemCodeInvalidRequest},
		"to nowhere":           {open, post("/v1/nowhere", length(len(body))), body, 404, api.ProblemCodeNotFound},
		"by another method":    {open, post("/v1/schedulers", length(len(body))), body, 405, api.ProblemCodeInvalidRequest},
		"without a key":        {locked, post("/v1/executions", length(len(body))), body, 401, api.ProblemCodeUnauthorized},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 5 {
				c := test.dial(t)
				send(t, c, test.head, test.body)
				in := bufio.NewReader(c)
				if strings.Contains(test.head, "Expect") {
					receive(t, in, 100)
				}
				if p := receive(t, in, test.status); p.Code != test.code {
					t.Fatalf("got %+v", p)
				}
				_ = c.Close()
			}
		})
	}
}

func TestConnectionGoesOnAfterADrainedBody(t *testing.T) {
	t.Parallel()
	c := dialer(t, Options{Engine: &fake{}})(t)
	in := bufio.NewReader(c)
	send(t, c, post("/v1/executions", length(5*megabytes)), strings.Repeat("x", 5*megabytes))
	receive(t, in, 413)
	send(t, c, post("/v1/executions", length(16)), `{"function":"f"}`)
	receive(t, in, 201)
}

func TestBodyThatTheClientHoldsBackIsNotAskedFor(t *testing.T) {
	t.Parallel()
	c := dialer(t, Options{Engine: &fake{}})(t)
	send(t, c, post("/v1/executions", length(5*megabytes), "Expect: 100-continue"))
	receive(t, bufio.NewReader(c), 413) // and not 100
}

func TestRefusalDoesNotWaitForABodyBeyondTheBounds(t *testing.T) {
	t.Parallel()
	dial := dialer(t, Options{Engine: &fake{}})
	for name, announced := range map[string]int{"that stalls": 5 * megabytes, "without end": 1 << 40} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := dial(t)
			send(t, c, post("/v1/executions", length(announced)), "x")
			in := bufio.NewReader(c)
			receive(t, in, 413)
			if _, err := in.ReadByte(); err == nil {
				t.Error("the connection stays open")
			}
		})
	}
}
