//go:build unix

package webtest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/app"
)

func TestListIsFilteredAndReadInParts(t *testing.T) {
	t.Parallel()
	d := start(t)
	for n := range 60 {
		d.dispatch("send-receipt", fmt.Sprintf("ORD-%d", n), durable.Tags("mail"))
	}
	failed := d.dispatch("refund", newOrder(1), durable.Tags("money"))
	d.await(failed, durable.StateFailed)
	p := open(t, d.url)
	p.visit("#/executions")
	p.waitFor("document.querySelectorAll('tbody tr').length === 50", "the first part")
	p.click("main", "Load more")
	p.waitFor("document.querySelectorAll('tbody tr').length === 61 && !document.querySelector('.more')", "the rest")
	p.click(".state-line", "failed")
	p.waitFor("document.querySelectorAll('tbody tr').length === 1", "the one that failed")
	p.text("tbody tr", "refund")
	if hash := js[string](p, "location.hash"); hash != "#/executions?state=failed" {
		t.Errorf("the filter is not in the URL: %s", hash)
	}
	p.click(".filters", "Clear filters")
	p.fill("Tag", "money"+kb.Enter)
	p.waitFor("document.querySelectorAll('tbody tr').length === 1", "the one with the tag")
	p.fill("Function", "nobody"+kb.Enter)
	p.text("main", "No execution matches")
	p.click(".filters", "Clear filters")
	p.fill("Id", failed+kb.Enter)
	p.text("h1", "refund")
	p.text(".error-card", "account_closed")
}

func TestListChangesWithoutReload(t *testing.T) {
	t.Parallel()
	d := start(t)
	id := d.dispatch("gated", newOrder(1))
	d.await(id, durable.StateRunning)
	p := open(t, d.url)
	p.visit("#/executions")
	p.text("tr[data-id="+quote(id)+"]", "running")
	js[bool](p, "window.same = true")
	d.let()
	p.text("tr[data-id="+quote(id)+"]", "completed")
	another := d.dispatch("send-receipt", "ORD-2")
	p.waitFor("document.querySelector("+quote("tr[data-id="+quote(another)+"]")+")", "the new execution")
	if !js[bool](p, "window.same === true") {
		t.Error("the page was loaded again")
	}
	// While somebody is at a row, nothing moves it away.
	js[bool](p, "(document.querySelector('tbody a').focus(), true)")
	third := d.dispatch("send-receipt", "ORD-3")
	p.text(".fresh", "1 new execution")
	p.click(".fresh", "show")
	p.waitFor("document.querySelector("+quote("tr[data-id="+quote(third)+"]")+")", "the one that waited")
}

func TestTimelineShowsRetriesWaitsAndItems(t *testing.T) {
	t.Parallel()
	d := start(t)
	id := d.dispatch("fulfil-order", order{ID: "ORD-1", Items: []string{"lamp", "desk"}, Note: nasty}, durable.Tags(nasty))
	p := open(t, d.url)
	p.visit("#/executions/" + id)
	p.text(".why", `no signal "approval" has come`)
	p.waitFor("document.querySelectorAll('[data-step=\"charge-card#0\"] .piece.attempt').length === 2", "both failed attempts")
	p.waitFor("document.querySelectorAll('[data-step=\"charge-card#0\"] .piece.backoff').length === 2", "the waits between them")
	p.waitFor("document.querySelector('[data-step=\"sleep#0\"] .piece.wait')", "the sleep")
	p.waitFor("document.querySelector('[data-step=\"approval#0\"] .piece.wait.state-waiting')", "the wait for a signal")
	p.waitFor("document.querySelector('[data-step=\"1\"][aria-level=\"3\"] .piece.run.state-completed')", "the items of the map")

	js[bool](p, "(document.querySelector('[data-step=\"charge-card#0\"]').focus(), true)")
	p.keys(kb.Enter)
	p.text(".details .attempts", "gateway_timeout")
	p.text(".details", "ch_ORD-1")
	p.text(".details .json", "<img src=x onerror=")
	p.shoot("step-light")
	p.keys(kb.Escape)
	p.waitFor("!document.querySelector('.details')", "the details to go")
	js[bool](p, "(document.querySelector('[data-step=\"pack-item#0\"]').focus(), true)")
	p.keys(kb.ArrowLeft)
	p.waitFor("!document.querySelector('[aria-level=\"3\"]')", "the map to close")
	p.keys(kb.ArrowRight + kb.ArrowRight)
	p.waitFor("document.activeElement.dataset.step === '0'", "the focus on the first item")

	p.click(".why", "Send it")
	p.waitFor("document.querySelector('dialog[open]')", "the dialog")
	p.fill("Payload", `{"approved": tru`)
	p.text("dialog", "This is not JSON")
	p.keys(`e, "by": "Ada"}`)
	p.shoot("signal-light")
	p.click("dialog footer", "Send signal")
	p.text(".toasts", "was delivered")
	p.text("h1", "completed")
	p.waitFor("document.querySelector('[data-step=\"hand-over#0\"]')", "a step of the workflow that it called")
	p.click(".tabs", "Signals")
	p.text("table", `"by": "Ada"`)
	p.click(".tabs", "Values")
	p.text(".values", "TRACK-1003")
	p.text(".counters", "packed")
	p.click(".tabs", "Tree")
	p.text("[data-step='charge-card#0']", "completed")
	if js[bool](p, "Boolean(window.broken) || document.querySelectorAll('main img').length > 0") {
		t.Error("what a user wrote became part of the page")
	}
}

func TestDeadLetterIsReplayedByKeyboardAlone(t *testing.T) {
	t.Parallel()
	d := start(t)
	id := d.dispatch("refund", newOrder(7))
	d.await(id, durable.StateFailed)
	d.broken.Store(false)
	p := open(t, d.url)
	p.visit("#/dead-letters")
	p.text("tbody", "pay-back")
	p.fill("Function", "pay-back"+kb.Enter)
	p.waitFor("document.querySelectorAll('tbody tr').length === 1", "the letters of the function alone")
	tabTo := func(what, expression string) {
		t.Helper()
		for range 60 {
			if js[bool](p, expression) {
				return
			}
			p.keys(kb.Tab)
		}
		t.Fatalf("Tab does not lead to %s", what)
	}
	tabTo("the replay of the activity", "document.activeElement.textContent.trim() === 'Replay pay-back'")
	p.keys(kb.Enter)
	p.waitFor("document.querySelector('dialog[open]')?.contains(document.activeElement)", "the focus in the dialog")
	p.accessible("the dialog of a replay")
	p.shoot("replay-light")
	tabTo("the button of the dialog", "document.activeElement.matches('dialog button[type=submit]')")
	p.keys(kb.Enter)
	p.text(".toasts", "Replayed pay-back")
	d.await(id, durable.StateCompleted)
	p.text("main", "No dead letter matches")
	p.visit("#/dead-letters")
	p.text("main", "No dead letters")
}

func TestQueueIsPausedAndResumed(t *testing.T) {
	t.Parallel()
	d := start(t)
	p := open(t, d.url)
	p.visit("#/queues")
	p.click("tbody", "Pause mail")
	p.click("dialog footer", "Pause the queue")
	p.text("tbody", "paused")
	paused := func(want bool) {
		t.Helper()
		queues, err := d.client.Queues(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range queues {
			if q.Paused != (want && q.Name == "mail") {
				t.Errorf("the queue %s is paused: %t", q.Name, q.Paused)
			}
		}
	}
	paused(true)
	id := d.dispatch("send-receipt", "ORD-1")
	p.visit("#/executions/" + id)
	p.text(".why", `queue "mail" is paused`)
	p.visit("#/queues")
	p.click("tbody", "Resume mail")
	d.await(id, durable.StateCompleted)
	paused(false)
}

func TestExecutionIsStartedAndCancelled(t *testing.T) {
	t.Parallel()
	d := start(t)
	p := open(t, d.url)
	p.visit("#/executions")
	p.text("main", "Nothing has run yet")
	p.click(".page-head", "Start execution")
	p.fill("Function", "gated")
	p.fill("Input", `{"order_id": "ORD-9", "big": 12345678901234567890}`)
	p.click("dialog", "Options")
	p.fill("Tags", "by-hand, urgent")
	p.accessible("the dialog of a start")
	p.click("dialog footer", "Start")
	p.text("h1", "gated")
	p.text(".summary", "urgent")
	p.click(".tabs", "Values")
	p.text(".values", "12345678901234567890")
	p.click(".page-head", "Cancel")
	p.click("dialog footer", "Cancel the execution")
	p.text("h1", "cancelled")
	p.click(".page-head", "Restart")
	p.click("dialog footer", "Restart")
	p.text("h1", "running")
	d.let()
	p.text("h1", "completed")
}

func TestKeyIsAskedFor(t *testing.T) {
	t.Parallel()
	d := start(t, func(s *app.Settings) { s.APIKeys = []string{"right"} })
	p := open(t, d.url)
	p.provokes("401")
	p.must(navigate(d.url))
	p.text("h1", "needs a key")
	p.accessible("the form for the key")
	p.shoot("key-light")
	p.fill("API key", "wrong"+kb.Enter)
	p.text(".fault", "did not take")
	p.fill("API key", strings.Repeat(kb.Backspace, 5)+"right"+kb.Enter)
	p.text(".tiles", "completed")
	p.waitFor("document.querySelector('.connection')?.textContent === 'Live'", "the stream of events, with the key")
	p.must(navigate(d.url + "/#/functions"))
	p.text("main", "charge-card")
	p.accessible("the page with a key")
	p.look(phone)
	p.waitFor("document.documentElement.scrollWidth <= 375", "all of it on a phone")
	p.shoot("with-key-phone")
	p.look(light)
	p.click(".side", "Forget the key")
	p.text("h1", "needs a key")
}

func TestThemeIsChosenAndKept(t *testing.T) {
	t.Parallel()
	p := open(t, start(t).url)
	p.visit("#/overview")
	background := func() string { return js[string](p, "getComputedStyle(document.documentElement).backgroundColor") }
	p.look(dark)
	asSystem := background()
	p.look(light)
	if background() == asSystem {
		t.Error("dark and light look the same")
	}
	p.click(".themes", "Dark")
	if background() != asSystem {
		t.Error("the theme that was chosen is not shown")
	}
	p.must(navigate("about:blank"))
	p.visit("#/overview")
	if background() != asSystem {
		t.Error("the theme that was chosen is forgotten")
	}
}

func TestTenThousandStepsAreQuick(t *testing.T) {
	t.Parallel()
	d := start(t)
	id := d.dispatch("wide", 10_000)
	for d.task(id, "go-on") == "" {
		<-time.After(100 * time.Millisecond)
	}
	p := open(t, d.url)
	begun := time.Now()
	p.visit("#/executions/" + id)
	p.waitFor("document.querySelector('.step-row')", "the first rows")
	first := time.Since(begun)
	p.text(".steps-bar", "10,0")
	all := time.Since(begun)
	p.click(".steps-bar", "Open all")
	p.waitFor("document.querySelectorAll('.step-row').length > 10", "the rows")
	if n := js[int](p, "document.querySelectorAll('.step-row').length"); n > 100 {
		t.Errorf("%d rows are in the page", n)
	}
	js[bool](p, "(document.querySelector('.step-row').focus(), true)")
	p.keys(kb.End)
	begun = time.Now()
	p.waitFor("document.activeElement.dataset.step === 'go-on#0'", "the last row")
	jump := time.Since(begun)
	begun = time.Now()
	d.signal(id, "go-on", nil)
	p.text("h1", "completed")
	update := time.Since(begun)
	t.Logf("first rows after %s, all after %s, to the end in %s, live update after %s", first, all, jump, update)
	for what, took := range map[string]time.Duration{"the first rows": first, "the jump": jump, "the update": update} {
		if took > 20*time.Second {
			t.Errorf("%s took %s", what, took)
		}
	}
}

func TestReloadedPageIsTheSame(t *testing.T) {
	t.Parallel()
	d := start(t)
	id := d.dispatch("send-receipt", "ORD-1")
	d.await(id, durable.StateCompleted)
	p := open(t, d.url)
	p.visit("#/executions/" + id + "?view=tree")
	p.text("[data-step='root']", "completed")
	p.visit("#/executions/0194f6a4-0000-7000-b891-000000000001")
	p.provokes(http.StatusText(http.StatusNotFound))
	p.provokes("404")
	p.text("main", "no such execution")
	p.visit("#/nowhere")
	p.text("main", "no such page")
}
