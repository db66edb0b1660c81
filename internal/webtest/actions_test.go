//go:build unix

package webtest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stent-dev/stent/durable"
)

func TestExecutionIsRestartedFromAStep(t *testing.T) {
	t.Parallel()
	d := start(t)
	id := d.dispatch("fulfil-order", newOrder(1))
	p := open(t, d.url)
	p.visit("#/executions/" + id)
	p.text(".why", `no signal "approval" has come`)
	first := d.task(id, "approval")
	js[bool](p, "(document.querySelector('[data-step=\"sleep#0\"]').click(), true)")
	p.click(".details", "Restart from this step")
	p.waitFor("document.querySelector('dialog select').value === 'sleep#0'", "the step, chosen")
	p.accessible("the dialog of a restart")
	p.shoot("restart-light")
	p.click("dialog footer", "Restart")
	p.text(".toasts", "Restarted")
	p.waitFor("document.querySelector('.details') === null", "no details of the step that is history now")
	d.until("it waits again", func() bool { now := d.task(id, "approval"); return now != first })
	if info, err := d.client.Task(t.Context(), first); err != nil || info.State != "cancelled" {
		t.Errorf("the wait of the first run is %v (%v)", info, err)
	}
	for _, charge := range d.tasks(id, "charge-card") {
		if charge.Attempt != 3 {
			t.Errorf("a step before the one chosen ran again: %d attempts", charge.Attempt)
		}
	}
	p.text(".why", `no signal "approval" has come`)
	d.signal(id, "approval", nil)
	p.text("h1", "completed")
	// Chosen in the dialog, of an execution that has ended.
	p.click(".page-head", "Restart")
	p.choose("Where", "ship-parcel#0")
	p.click("dialog footer", "Restart")
	d.until("it has shipped again", func() bool { return len(d.tasks(id, "hand-over")) == 2 })
	d.await(id, durable.StateCompleted)
	if n := len(d.tasks(id, "pack-item")); n != 4 {
		t.Errorf("there are %d packed items", n)
	}
	p.text("h1", "completed")
}

func TestExecutionIsPausedAndResumed(t *testing.T) {
	t.Parallel()
	d := start(t)
	id := d.dispatch("book-trip", "Ada")
	p := open(t, d.url)
	p.visit("#/executions/" + id)
	p.text(".why", `no signal "payment" has come`)
	p.click(".page-head", "Pause")
	p.accessible("the dialog of a pause")
	p.click("dialog footer", "Pause")
	p.text(".states", "paused")
	if e := d.await(id, durable.StateRunning); !e.Paused {
		t.Error("it is not paused")
	}
	d.signal(id, "payment", nil)
	p.text(".why", "is paused")
	p.shoot("paused-light")
	if e := d.await(id, durable.StateRunning); !e.Paused {
		t.Error("a signal has let it go on")
	}
	p.click(".page-head", "Resume")
	p.click("dialog footer", "Resume")
	p.text("h1", "completed")
	if e := d.await(id, durable.StateCompleted); e.Paused || string(e.Result) != `"14C"` {
		t.Errorf("it ended as %+v", e)
	}
}

func TestGracefulCancelUndoesAndForcedCancelDoesNot(t *testing.T) {
	t.Parallel()
	d := start(t)
	p := open(t, d.url)
	for _, c := range []struct {
		how      string
		released int
	}{{"Gracefully", 1}, {"By force", 0}} {
		id := d.dispatch("book-trip", "Ada")
		p.visit("#/executions/" + id)
		p.text(".why", `no signal "payment" has come`)
		p.click(".page-head", "Cancel")
		p.check(c.how)
		p.accessible("the dialog of a cancel")
		p.shoot("cancel-light")
		p.click("dialog footer", "Cancel the execution")
		p.text("h1", "cancelled")
		d.await(id, durable.StateCancelled)
		if n := len(d.tasks(id, "release-seat")); n != c.released {
			t.Errorf("%s: the seat was released %d times", c.how, n)
		}
	}
}

// Its code hears of the cancellation with the next turn that fits, which never comes.
func TestCancellationOfWhatIsBlockedIsShown(t *testing.T) {
	t.Parallel()
	d := start(t)
	op := "wait_signal"
	var changed sync.Mutex
	handler := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		changed.Lock()
		defer changed.Unlock()
		w.Header().Set("Stent-Protocol", "1")
		_, _ = fmt.Fprintf(w, `{"commands": [{"key": "k", "op": %q, "name": "go"}], "await": "k"}`, op)
		op = "call" // another command in its place
	}))
	t.Cleanup(handler.Close)
	if err := d.client.RegisterFunction(t.Context(), "changes", durable.KindOrchestrator, handler.URL); err != nil {
		t.Fatal(err)
	}
	id := d.dispatch("changes", nil)
	p := open(t, d.url)
	p.visit("#/executions/" + id)
	p.text(".why", `no signal "go" has come`)
	d.signal(id, "go", nil)
	p.text(".states", "blocked")
	if err := d.client.Cancel(t.Context(), id, durable.Graceful); err != nil {
		t.Fatal(err)
	}
	p.text(".states [data-state=cancelling]", "cancelling")
	p.text(".states [data-state=blocked]", "blocked")
	p.text(".error-card", "deploy that, and resume it")
	p.shoot("blocked-light")
	if err := d.client.Cancel(t.Context(), id, durable.Force); err != nil {
		t.Fatal(err)
	}
	p.text("h1", "cancelled")
}

func TestRestartFromElsewhereLeavesEarlierRunsBehind(t *testing.T) {
	t.Parallel()
	d := start(t)
	id := d.dispatch("fulfil-order", newOrder(1))
	p := open(t, d.url)
	p.visit("#/executions/" + id)
	p.text(".why", `no signal "approval" has come`)
	p.text(".summary", "12 of 13 done")
	js[bool](p, "window.same = true")
	first := d.task(id, "approval")
	if err := d.client.RestartFrom(t.Context(), id, "sleep#0"); err != nil {
		t.Fatal(err)
	}
	rows := func(step string) int {
		return js[int](p, "document.querySelectorAll("+quote("[data-step='"+step+"']")+").length")
	}
	d.until("it waits again", func() bool { return d.task(id, "approval") != first })
	p.text(".steps-bar", "Earlier runs")
	p.waitFor("document.querySelector('[data-step=\"approval#0\"][data-state=waiting]')", "the wait of the second run")
	for step, want := range map[string]int{"approval#0": 1, "sleep#0": 1, "charge-card#0": 1, "1": 1} {
		if n := rows(step); n != want {
			t.Errorf("%s has %d rows", step, n)
		}
	}
	p.text(".summary", "12 of 13 done") // the items of the map that is kept among them
	p.click(".steps-bar", "Earlier runs")
	p.waitFor("document.querySelector('.past[data-step=\"approval#0\"][data-state=cancelled]')", "the wait of the first run")
	p.accessible("earlier runs")
	p.shoot("earlier-runs-light")
	js[bool](p, "(document.querySelector('.past[data-step=\"sleep#0\"]').click(), true)")
	p.text(".details", "of an earlier run")
	if js[bool](p, "document.querySelector('.details').textContent.includes('Restart from')") {
		t.Error("a restart from a step of an earlier run is offered")
	}
	if n := rows("sleep#0"); n != 2 {
		t.Errorf("sleep#0 has %d rows", n)
	}
	p.click(".page-head", "Restart")
	p.waitFor("document.querySelector('dialog[open] select')", "the dialog")
	if n := js[int](p, "document.querySelectorAll('dialog select option[value=\"sleep#0\"]').length"); n != 1 {
		t.Errorf("sleep#0 is offered %d times", n)
	}
	if !js[bool](p, "window.same === true") {
		t.Error("the page was loaded again")
	}
}
