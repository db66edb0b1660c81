//go:build unix

package webtest_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/stent-dev/stent/durable"
)

func TestPageComesBackAfterTheServiceWasGone(t *testing.T) {
	t.Parallel()
	d := start(t)
	var gone atomic.Bool
	target, err := url.Parse(d.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		FlushInterval: -1,
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if gone.Load() {
			panic(http.ErrAbortHandler) // cuts the connection
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { between.CloseClientConnections(); between.Close() })

	id := d.dispatch("gated", newOrder(1))
	p := open(t, between.URL)
	for _, part := range []string{"ERR_", "Failed to load"} {
		p.provokes(part)
	}
	p.visit("#/executions/" + id)
	p.text("[data-step='hold#0']", "running")
	gone.Store(true)
	between.CloseClientConnections()
	p.text(".connection", "Reconnecting")
	p.text(".page-head", "Reconnecting")
	p.text("[data-step='hold#0']", "running") // what was there is still to be read
	p.shoot("reconnecting-light")
	d.let()
	d.await(id, durable.StateCompleted)
	gone.Store(false)
	p.text("[data-step='hold#0']", "completed")
	p.text(".connection", "Live")
}
