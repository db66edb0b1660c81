//go:build unix

package webtest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stent-dev/stent/durable"
)

func TestLargeNumbersOfStepsKeepTheirDigits(t *testing.T) {
	t.Parallel()
	d := start(t)
	handler := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = io.WriteString(w, `{"error": {"type": "closed", "message": "no", "details": {"account": 12345678901234567}}}`)
	}))
	t.Cleanup(handler.Close)
	if err := d.client.RegisterFunction(t.Context(), "pay", durable.KindActivity, handler.URL); err != nil {
		t.Fatal(err)
	}
	id := d.dispatch("pay", nil)
	d.await(id, durable.StateFailed)
	p := open(t, d.url)
	p.visit("#/executions/" + id)
	p.waitFor("document.querySelector('[data-step=root]')", "the step")
	js[bool](p, "(document.querySelector('[data-step=root]').click(), true)")
	p.text(".details", "12345678901234567")
}

func TestWorkerThatIsGoneIsToldOnRefresh(t *testing.T) {
	t.Parallel()
	d := start(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"protocol": 1, "functions": []}`)
	}))
	if _, err := d.client.RegisterWorker(t.Context(), server.URL, ""); err != nil {
		t.Fatal(err)
	}
	server.Close()
	p := open(t, d.url)
	p.provokes("422")
	p.visit("#/workers")
	p.click("tbody", "Refresh "+server.URL)
	p.text(".toasts", "could not connect to "+server.URL)
}

func TestPausedQueuesComeFirstOnTheOverview(t *testing.T) {
	t.Parallel()
	d := start(t)
	if _, err := d.client.PauseQueue(t.Context(), "warehouse"); err != nil {
		t.Fatal(err)
	}
	p := open(t, d.url)
	p.visit("#/overview")
	p.text(".lines > li:first-child:has([data-state=paused])", "warehouse")
}

func TestStartDialogOpensFromItsLinkAndLeavesIt(t *testing.T) {
	t.Parallel()
	d := start(t)
	p := open(t, d.url)
	p.provokes("400")
	p.visit("#/executions")
	p.text(".page-head", "Start execution")
	js[bool](p, "(location.hash = '#/executions?start=send-receipt', true)")
	p.waitFor("document.querySelector('dialog[open] input')?.value === 'send-receipt'", "the dialog with its function")
	if js[bool](p, "document.querySelector('dialog[open] input').spellcheck") {
		t.Error("the browser checks the spelling of a function's name")
	}
	js[bool](p, "(document.querySelector('dialog details').open = true)")
	p.fill("Priority", "high")
	p.click("dialog footer", "Start")
	p.text("dialog [role=alert]", "whole number")
	p.click("dialog footer", "Back")
	p.closed()
	p.waitFor("location.hash === '#/executions'", "the link without the dialog")
	js[bool](p, "(location.hash = '#/executions?start=send-receipt', true)")
	p.waitFor("document.querySelector('dialog[open] input')?.value === 'send-receipt'", "the dialog again")
	p.fill("Priority", "")
	p.click("dialog footer", "Start")
	p.text("h1", "send-receipt")
}
