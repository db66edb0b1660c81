package app

import (
	"context"
	"fmt"
	"net"
	nethttp "net/http"
	"sync/atomic"
	"time"

	"github.com/stent-dev/stent/internal/http"
	"github.com/stent-dev/stent/internal/telemetry"
)

// entrance is where a program serves HTTP. What it serves may change.
type entrance struct {
	service  *service
	handler  atomic.Pointer[nethttp.Handler]
	delay    time.Duration   // from saying that the program is not ready to accepting no more connections
	draining context.Context // ends when it stops
	stop     context.CancelFunc

	listener net.Listener // nil: it is not open
	served   chan error
}

func (s *service) entrance(ctx context.Context, h nethttp.Handler, delay time.Duration) *entrance {
	e := &entrance{service: s, delay: delay, served: make(chan error, 1)}
	e.draining, e.stop = context.WithCancel(context.WithoutCancel(ctx))
	e.serve(h)
	return e
}

// serve sets what is served from now on.
func (e *entrance) serve(h nethttp.Handler) { e.handler.Store(&h) }

// ServeHTTP implements http.Handler.
func (e *entrance) ServeHTTP(w nethttp.ResponseWriter, r *nethttp.Request) {
	(*e.handler.Load()).ServeHTTP(w, r)
}

// open begins to serve, unless it has begun already.
func (e *entrance) open() error {
	if e.listener != nil {
		return nil
	}
	listener, err := net.Listen("tcp", e.service.settings.Addr)
	if err != nil {
		return err
	}
	e.listener = listener
	drain := http.Drain{Delay: e.delay, Timeout: e.service.settings.DrainTimeout}
	go func() { e.served <- http.Serve(e.draining, listener, http.NewServer(e, e.service.log), drain) }()
	return nil
}

// close stops serving, if it has begun, in a program that cannot start.
func (e *entrance) close() {
	e.stop()
	if e.listener != nil {
		if err := <-e.served; err != nil {
			e.service.log.Warn("the service did not stop cleanly", telemetry.LogError, err)
		}
	}
}

// run is a front: it lets serving, if it has begun, go on until ctx ends, and then drains.
func (e *entrance) run(ctx context.Context) error { return e.until(ctx, func() {}) }

// runAPI is run for REST: it tells when it drains and has stopped.
func (e *entrance) runAPI(ctx context.Context) error {
	log := e.service.log
	err := e.until(ctx, func() {
		log.InfoContext(ctx, "the API service drains", "delay", e.delay.String(), "timeout", e.service.settings.DrainTimeout.String())
	})
	if err == nil {
		log.InfoContext(ctx, "the API service stops")
	}
	return err
}

func (e *entrance) until(ctx context.Context, drains func()) error {
	if e.listener == nil {
		<-ctx.Done()
		return nil
	}
	select {
	case err := <-e.served:
		return err
	case <-ctx.Done():
	}
	drains()
	e.stop()
	return <-e.served
}

// url is where the entrance can be reached from this machine.
func (e *entrance) url() string {
	address, ok := e.listener.Addr().(*net.TCPAddr)
	if ok && address.IP.IsUnspecified() {
		return fmt.Sprintf("http://127.0.0.1:%d", address.Port)
	}
	return "http://" + e.listener.Addr().String()
}
