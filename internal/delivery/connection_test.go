package delivery

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

func TestEndpointThatCannotBeConnectedToIsUnreachable(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused := "http://" + listener.Addr().String()
	_ = listener.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = discardLog
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := answering(t, 200, "{}")
	for name, url := range map[string]string{
		"refused":               refused,
		"no such name":          "http://nowhere.invalid:1",
		"unknown certificate":   secure.URL,
		"TLS to a plain server": strings.Replace(plain, "http:", "https:", 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := client(t).Activity(t.Context(), request(url))
			wantFailure(t, got, Unreachable, "unreachable", false)
			wantText(t, got.Error.Message, "could not connect to "+url)
			if got.Contact != ContactFailed || got.StatusCode != 0 {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestHandshakeThatNeverEndsIsUnreachable(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // accepts, never speaks
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	for name, timeouts := range map[string]struct{ connect, attempt time.Duration }{
		"by connect timeout": {50 * time.Millisecond, 20 * time.Second},
		"by attempt timeout": {time.Second, 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := request("https://" + listener.Addr().String())
			r.Timeout = timeouts.attempt
			got := client(t, func(o *Options) { o.ConnectTimeout = timeouts.connect }).Activity(t.Context(), r)
			wantFailure(t, got, Unreachable, "unreachable", false)
		})
	}
}

func TestTLSWorkerIsServedOverOneConnection(t *testing.T) {
	t.Parallel()
	var connections atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 {
			t.Errorf("spoke %s", r.Proto)
		}
		_, _ = io.WriteString(w, "{}")
	}))
	server.EnableHTTP2 = true
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	config := server.Client().Transport.(*http.Transport).TLSClientConfig
	c := client(t, func(o *Options) { o.TLS = &tls.Config{RootCAs: config.RootCAs, MinVersion: tls.VersionTLS12} })
	for range 3 {
		if got := c.Activity(t.Context(), request(server.URL)); got.Outcome != Completed {
			t.Fatalf("got %+v", got)
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func TestConnectionIsUsedAgainAfterAnyAnswerWithASmallBody(t *testing.T) {
	t.Parallel()
	var connections atomic.Int64
	statuses := []int{200, 202, 204, 301, 400, 410, 429, 500}
	next := new(atomic.Int64)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Stent-Async", "true")
		status := statuses[int(next.Add(1)-1)%len(statuses)]
		w.WriteHeader(status)
		if status != 204 {
			_, _ = io.WriteString(w, `{"some":"body"}`)
		}
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	c := client(t)
	for range statuses {
		c.Activity(t.Context(), request(server.URL))
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func TestBrokenAnswersAreFailuresThatMayHaveRun(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ answer, errorType string }{
		"cut before the answer":      {"", "connection_lost"},
		"cut in the status line":     {"HTTP/1.1 20", "invalid_response"},
		"cut in the headers":         {"HTTP/1.1 200 OK\r\nA: b", "connection_lost"},
		"cut in the body":            {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", "connection_lost"},
		"cut in a chunk":             {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", "connection_lost"},
		"garbage":                    {"\x00\x01garbage\r\n\r\n", "invalid_response"},
		"garbage chunk":              {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", "invalid_response"},
		"bad header":                 {"HTTP/1.1 200 OK\r\n: x\r\n\r\n", "invalid_response"},
		"huge headers":               {"HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 2*MaxHeaderBytes) + "\r\n\r\n", "invalid_response"},
		"switched protocols":         {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", "http_101"},
		"contradicting lengths":      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "invalid_response"},
		"a status that is no number": {"HTTP/1.1 abc OK\r\n\r\n", "invalid_response"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, requests := rawWorker(t, func(c net.Conn, _ int) {
				_, _ = io.WriteString(c, tt.answer)
				_ = c.Close()
			})
			got := client(t).Activity(t.Context(), request(url))
			wantFailure(t, got, Failed, tt.errorType, true)
			if n := requests.Load(); n != 1 {
				t.Errorf("delivered %d times", n)
			}
		})
	}
}

func TestInterimAnswersAreSkipped(t *testing.T) {
	t.Parallel()
	url, _ := rawWorker(t, func(c net.Conn, _ int) {
		_, _ = io.WriteString(c, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"+okAnswer)
	})
	if got := client(t).Activity(t.Context(), request(url)); got.Outcome != Completed {
		t.Errorf("got %+v", got)
	}
}

func TestSlowAnswersTimeOut(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]string{
		"silence": "", "headers drip": "HTTP/1.1 200 OK\r\nA: b", "body drips": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, _ := rawWorker(t, func(c net.Conn, _ int) {
				_, _ = io.WriteString(c, begin)
				if begin == "" {
					return // the next read ends when the client hangs up
				}
				drip := time.NewTicker(5 * time.Millisecond)
				defer drip.Stop()
				for range drip.C {
					if _, err := io.WriteString(c, " "); err != nil {
						return
					}
				}
			})
			r := request(url)
			r.Timeout = 200 * time.Millisecond
			wantFailure(t, client(t).Activity(t.Context(), r), Failed, "timeout", true)
		})
	}
}

func TestCancelledDeliverySaysSoAndNothingAboutTheEndpoint(t *testing.T) {
	t.Parallel()
	started, release := make(chan struct{}), make(chan struct{})
	url := worker(t, func(http.ResponseWriter, *http.Request) {
		close(started)
		<-release
	})
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-started
		cancel()
	}()
	got := client(t).Activity(ctx, request(url))
	wantFailure(t, got, Failed, "cancelled", true)
	if got.Contact != ContactUnknown {
		t.Errorf("contact %v", got.Contact)
	}
	got = client(t).Activity(ctx, request("http://127.0.0.1:1"))
	wantFailure(t, got, Failed, "cancelled", true)
}

// A kept connection that dies after the request was read: the handler may have
// run. Left to itself, net/http delivers the request again, because of its
// Idempotency-Key.
func TestDeliveryIsNotRepeatedWhenAReusedConnectionDies(t *testing.T) {
	t.Parallel()
	url, requests := rawWorker(t, func(c net.Conn, nth int) {
		if nth == 1 {
			_, _ = io.WriteString(c, okAnswer)
			return
		}
		_ = c.Close()
	})
	c := client(t)
	if got := c.Activity(t.Context(), request(url)); got.Outcome != Completed {
		t.Fatalf("got %+v", got)
	}
	got := c.Activity(t.Context(), request(url))
	wantFailure(t, got, Failed, "connection_lost", true)
	if n := requests.Load(); n != 2 {
		t.Errorf("%d requests arrived, want 2", n)
	}
}

func TestPlainHTTPClientWouldRepeatIt(t *testing.T) {
	t.Parallel()
	url, requests := rawWorker(t, func(c net.Conn, nth int) {
		if nth != 2 {
			_, _ = io.WriteString(c, okAnswer)
			return
		}
		_ = c.Close()
	})
	plain := &http.Client{Transport: &http.Transport{}}
	defer plain.CloseIdleConnections()
	for range 2 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Idempotency-Key", "k")
		resp, err := plain.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	if n := requests.Load(); n != 3 {
		t.Errorf("%d requests arrived, want 3: if net/http stopped repeating, post may use GetBody", n)
	}
}

// brokenPipe is a kept connection whose peer is known to be gone at the second request.
type brokenPipe struct {
	net.Conn
	writes atomic.Int64
}

func (c *brokenPipe) Write(b []byte) (int, error) {
	if c.writes.Add(1) > 1 {
		return 0, syscall.EPIPE
	}
	return c.Conn.Write(b)
}

func TestKeptConnectionThatTakesNoByteCostsNoAttempt(t *testing.T) {
	t.Parallel()
	url, requests := rawWorker(t, func(c net.Conn, _ int) { _, _ = io.WriteString(c, okAnswer) })
	c := client(t)
	dial := c.transport.DialContext
	var dials atomic.Int64
	c.transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		made, err := dial(ctx, network, addr)
		if ours, ok := made.(*conn); ok && dials.Add(1) == 1 {
			ours.Conn = &brokenPipe{Conn: ours.Conn}
		}
		return made, err
	}
	for range 2 {
		if got := c.Activity(t.Context(), request(url)); got.Outcome != Completed {
			t.Fatalf("got %+v", got)
		}
	}
	if requests.Load() != 2 || dials.Load() != 2 {
		t.Errorf("%d requests over %d connections, want 2 over 2", requests.Load(), dials.Load())
	}
}

func TestRequestThatCannotBeSentIsNotRetried(t *testing.T) {
	t.Parallel()
	url := answering(t, 200, "{}")
	bad := func(change func(*Request)) Request {
		r := request(url)
		change(&r)
		return r
	}
	for name, tt := range map[string]struct {
		request   Request
		errorType string
	}{
		"scheme":  {bad(func(r *Request) { r.URL = "ftp://host/" }), "invalid_url"},
		"no host": {bad(func(r *Request) { r.URL = "/path" }), "invalid_url"},
		"syntax":  {bad(func(r *Request) { r.URL = "http://user:hunter2@ho st/" }), "invalid_url"},
		"header":  {bad(func(r *Request) { r.Token = "a\r\nX: y" }), "invalid_request"},
		"secret":  {bad(func(r *Request) { r.Secret = "whsec_hunter2!" }), "invalid_secret"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := client(t).Activity(t.Context(), tt.request)
			wantFailure(t, got, Failed, tt.errorType, false)
			if strings.Contains(got.Error.Message, "hunter2") {
				t.Errorf("the message shows a secret: %q", got.Error.Message)
			}
		})
	}
}

func TestPasswordOfTheURLIsSentAsBasicAuthorization(t *testing.T) {
	t.Parallel()
	url := worker(t, func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "p w" {
			t.Errorf("got %q %q", user, password)
		}
		w.WriteHeader(http.StatusNoContent)
	})
	c := client(t)
	got := c.Activity(t.Context(), request(strings.Replace(url, "http://", "http://me:p%20w@", 1)))
	if got.Outcome != Completed {
		t.Errorf("got %+v", got)
	}
}
