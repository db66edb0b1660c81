//go:build unix

package webtest_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/app"
	"github.com/stent-dev/stent/internal/apptest"
	"github.com/stent-dev/stent/internal/testenv"
)

func TestWorkerIsRegisteredByItsURL(t *testing.T) {
	t.Parallel()
	d := start(t)
	w := durable.NewWorker(durable.Logger(slog.New(slog.DiscardHandler)))
	durable.Activity(w, "greet", func(_ context.Context, name string) (string, error) { return "Hello, " + name, nil })
	server := httptest.NewServer(w)
	t.Cleanup(func() { server.Close(); w.Close() })
	nobody := httptest.NewServer(http.NotFoundHandler())
	nobody.Close()

	p := open(t, d.url)
	p.visit("#/workers")
	p.waitFor("document.querySelectorAll('table')[0].tBodies[0].rows.length === 1", "the worker of the demo")
	p.click(".page-head", "Register worker")
	p.provokes("422")
	p.fill("URL", nobody.URL)
	p.click("dialog footer", "Register")
	p.text("dialog [role=alert]", "refused")
	p.shoot("register-light")
	p.accessible("the dialog of a worker that is not there")
	if n := d.workers(); n != 1 {
		t.Errorf("there are %d workers after one that could not be reached", n)
	}
	p.click("dialog footer", "Back")
	p.closed()
	p.click(".page-head", "Register worker")
	p.fill("URL", server.URL)
	p.click("dialog footer", "Register")
	p.text(".toasts", "Registered 1 function")
	p.text("tbody", server.URL)
	if n := d.workers(); n != 2 {
		t.Errorf("there are %d workers", n)
	}
	e := d.await(d.dispatch("greet", "Ada"), durable.StateCompleted)
	if string(e.Result) != `"Hello, Ada"` {
		t.Errorf("what it has registered answers %s", e.Result)
	}
}

func TestSchedulersThatAreGoneStandApart(t *testing.T) {
	t.Parallel()
	database := testenv.SQLite(t)
	same := func(s *app.Settings) { s.DatabaseURL = database }
	t.Run("the first", func(t *testing.T) { apptest.Dev(t, same) }) //nolint:paralleltest // it stops before the second starts
	d := start(t, same)
	p := open(t, d.url)
	p.visit("#/overview")
	p.text(".lines", "1 scheduler")
	if js[bool](p, "document.querySelector('[data-state=stopped]') !== null") {
		t.Error("the overview shows a scheduler that has stopped")
	}
	p.visit("#/workers")
	p.click(".options", "Stopped and expired within the last day (1)")
	p.waitFor("document.querySelector('details[open] [data-state=stopped]')", "the one that has stopped")
	if rows := js[int](p, "document.querySelectorAll('[data-state=ready]').length"); rows != 1 {
		t.Errorf("%d schedulers are ready", rows)
	}
	p.accessible("schedulers that are gone")
	p.shoot("gone-light")
}

func (d *demo) workers() int {
	d.t.Helper()
	workers, err := d.client.Workers(d.t.Context(), durable.Part{})
	if err != nil {
		d.t.Fatal(err)
	}
	return len(workers.Items)
}
