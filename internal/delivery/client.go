package delivery

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/netip"
	"time"
)

// Defaults of Options, and the limits that are not settings.
const (
	DefaultMaxValueBytes       = 1 << 20
	DefaultMaxAnswerBytes      = 4 << 20
	DefaultConnectTimeout      = 5 * time.Second
	DefaultIdleTimeout         = 4 * time.Second
	DefaultMaxIdleConnsPerHost = 1024

	// MaxHeaderBytes bounds the headers of an answer.
	MaxHeaderBytes = 64 << 10
	// MaxDepth bounds the nesting of JSON in an answer.
	MaxDepth = 64

	maxErrorBytes = 64 << 10 // of the body of an answer that is a failure
	bufferBytes   = 8 << 10
)

// Options are the settings of a Client; the zero value is usable.
type Options struct {
	// MaxValueBytes bounds an activity's result, MaxAnswerBytes an
	// orchestrator's answer and a manifest.
	MaxValueBytes, MaxAnswerBytes int64
	// ConnectTimeout bounds name resolution, TCP and TLS handshake together.
	ConnectTimeout time.Duration
	// IdleTimeout is how long an unused connection is kept. It should be shorter
	// than the workers' own keep-alive timeout (5 s in Node.js, uvicorn and
	// Apache): a delivery that meets a connection just being closed by the
	// worker costs an attempt.
	IdleTimeout time.Duration
	// MaxIdleConnsPerHost is how many unused connections are kept to one worker.
	MaxIdleConnsPerHost int
	// Strict denies loopback and private networks too.
	Strict bool
	// Deny are addresses that are denied in any case, such as those of the
	// service's own listeners and of its database.
	Deny []netip.AddrPort
	// TLS is the client configuration for https, nil for Go's defaults.
	TLS *tls.Config
	// Breaker, if set, is told of every contact with an endpoint or its lack;
	// the caller then only asks it.
	Breaker *Breaker
}

func (o *Options) setDefaults() error {
	if o.MaxValueBytes < 0 || o.MaxAnswerBytes < 0 || o.ConnectTimeout < 0 || o.IdleTimeout < 0 || o.MaxIdleConnsPerHost < 0 {
		return errors.New("delivery: a negative limit or timeout")
	}
	orDefault(&o.MaxValueBytes, DefaultMaxValueBytes)
	orDefault(&o.MaxAnswerBytes, DefaultMaxAnswerBytes)
	orDefault(&o.ConnectTimeout, DefaultConnectTimeout)
	orDefault(&o.IdleTimeout, DefaultIdleTimeout)
	orDefault(&o.MaxIdleConnsPerHost, DefaultMaxIdleConnsPerHost)
	return nil
}

func orDefault[T comparable](v *T, fallback T) {
	var zero T
	if *v == zero {
		*v = fallback
	}
}

// Client delivers tasks to workers. It is safe for concurrent use.
type Client struct {
	opts      Options
	transport *http.Transport
	targets   cache[*target]
	signers   cache[signer]
}

// New returns a client with its own pool of connections. It fails on negative
// limits only.
func New(opts Options) (*Client, error) {
	if err := opts.setDefaults(); err != nil {
		return nil, err
	}
	d := newDialer(opts)
	return &Client{
		opts: opts,
		transport: &http.Transport{
			// No proxy: the guard must see the address that is really dialled.
			Proxy:          nil,
			DialContext:    d.dial,
			DialTLSContext: d.dialTLS,
			// A worker's answer is never decompressed: a small body could become a huge one.
			DisableCompression:     true,
			MaxIdleConnsPerHost:    opts.MaxIdleConnsPerHost,
			IdleConnTimeout:        opts.IdleTimeout,
			MaxResponseHeaderBytes: MaxHeaderBytes,
			WriteBufferSize:        bufferBytes,
			ReadBufferSize:         bufferBytes,
		},
	}, nil
}

// Close closes the connections that are not in use. Deliveries under way go on.
func (c *Client) Close() {
	c.transport.CloseIdleConnections()
}
