package delivery

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func client(t testing.TB, change ...func(*Options)) *Client {
	t.Helper()
	opts := Options{}
	for _, f := range change {
		f(&opts)
	}
	c, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func worker(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

// answering is a worker that always gives one answer.
func answering(t testing.TB, status int, body string, headers ...string) string {
	t.Helper()
	return worker(t, func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
}

// rawWorker is a TCP server that reads requests, counts them, and has serve
// answer them byte by byte.
func rawWorker(t testing.TB, serve func(c net.Conn, nth int)) (url string, requests *atomic.Int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	requests = new(atomic.Int64)
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
			go func() {
				defer func() { _ = c.Close() }()
				in := bufio.NewReader(c)
				for {
					req, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					if _, err := io.Copy(io.Discard, req.Body); err != nil {
						return
					}
					serve(c, int(requests.Add(1))) // a closed connection ends the next read
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String(), requests
}

func request(url string) Request {
	return Request{
		URL: url, Function: "charge", ExecutionID: "0190-e", TaskID: "0190-t", Attempt: 1,
		Body: []byte(`{"n":1}`), Timeout: 10 * time.Second,
	}
}

func wantFailure(t *testing.T, got Result, outcome Outcome, errorType string, retryable bool) {
	t.Helper()
	if got.Error == nil {
		t.Fatalf("no error: %+v", got)
	}
	if got.Outcome != outcome || got.Error.Type != errorType || got.Retryable != retryable {
		t.Errorf("got %v %q (retryable %v) %q, want %v %q (retryable %v)",
			got.Outcome, got.Error.Type, got.Retryable, got.Error.Message, outcome, errorType, retryable)
	}
}

func wantText(t *testing.T, message string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(message, part) {
			t.Errorf("%q does not contain %q", message, part)
		}
	}
}
