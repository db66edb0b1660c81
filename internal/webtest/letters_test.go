//go:build unix

package webtest_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"github.com/stent-dev/stent/durable"
)

// letter gives the dead letter of a task; nil if there is none.
func (d *demo) letter(task string) *durable.DeadLetter {
	d.t.Helper()
	letter, err := d.client.DeadLetter(d.t.Context(), task)
	var refused *durable.APIError
	switch {
	case errors.As(err, &refused) && refused.Status == http.StatusNotFound:
		return nil
	case err != nil:
		d.t.Fatal(err)
	}
	return letter
}

func TestDeadLetterIsReplayedThroughAnotherQueueWithTheAttemptsItHasLeft(t *testing.T) {
	t.Parallel()
	d := start(t)
	id := d.dispatch("refund", newOrder(7))
	d.await(id, durable.StateFailed)
	task := d.task(id, "pay-back")
	p := open(t, d.url)
	p.visit("#/dead-letters/" + task)
	replay := func(keep bool) {
		t.Helper()
		p.click(".details", "Replay")
		p.fill("Queue", "slow-lane")
		if keep {
			p.check("Count its failures from none")
		}
		p.click("dialog footer", "Replay")
		p.text(".toasts", "Replayed pay-back")
	}
	replay(true)
	d.until("the one attempt more has failed", func() bool { l := d.letter(task); return l != nil && l.Attempt == 3 })
	if l := d.letter(task); l.Queue != "slow-lane" || len(l.Attempts) != 3 {
		t.Errorf("the letter is of the queue %q, after %d attempts", l.Queue, len(l.Attempts))
	}
	d.await(id, durable.StateFailed)
	p.visit("#/dead-letters") // a letter that was replayed is closed
	p.visit("#/dead-letters/" + task)
	replay(false)
	d.until("all attempts have failed anew", func() bool { l := d.letter(task); return l != nil && l.Attempt == 5 })
	d.await(id, durable.StateFailed)
}

func TestDeadLetterIsDiscarded(t *testing.T) {
	t.Parallel()
	d := start(t)
	id := d.dispatch("refund", newOrder(7))
	d.await(id, durable.StateFailed)
	task := d.task(id, "pay-back")
	p := open(t, d.url)
	p.visit("#/dead-letters?function=pay-back")
	p.click("tbody", "pay-back")
	p.text(".details", "account_closed")
	p.click(".details", "Discard")
	p.accessible("the dialog of a discard")
	p.click("dialog footer", "Back")
	p.closed()
	if d.letter(task) == nil {
		t.Fatal("it was discarded without a confirmation")
	}
	p.click(".details", "Discard")
	p.click("dialog footer", "Discard")
	p.text(".toasts", "Discarded pay-back")
	p.waitFor("!document.querySelector('.details') && !document.querySelector('tbody tr')", "the letter to go")
	if d.letter(task) != nil {
		t.Error("the letter is still there")
	}
	if info, err := d.client.Task(t.Context(), task); err != nil || info.State != "failed" {
		t.Errorf("the task is %v (%v)", info, err)
	}
	d.await(id, durable.StateFailed)
}

func TestDeadLettersOfAFilterAreReplayedTogether(t *testing.T) {
	t.Parallel()
	d := start(t)
	var refunds []string
	for n := range 3 {
		refunds = append(refunds, d.dispatch("refund", newOrder(n)))
	}
	other := d.dispatch("pay-back", newOrder(9), durable.Queue("night"))
	for _, id := range append(refunds, other) {
		d.await(id, durable.StateFailed)
	}
	d.broken.Store(false)
	p := open(t, d.url)
	p.visit("#/dead-letters")
	p.fill("Queue", "payments"+kb.Enter)
	p.waitFor("document.querySelectorAll('tbody tr').length === 3", "the letters of the queue")
	p.click(".page-head", "Replay all")
	p.text("dialog", "in the queue payments")
	p.accessible("the dialog of a replay of many")
	p.shoot("replay-all-light")
	p.click("dialog footer", "Replay all")
	p.text(".toasts", "Replayed 3 dead letters")
	for _, id := range refunds {
		d.await(id, durable.StateCompleted)
	}
	if d.letter(d.task(other, "pay-back")) == nil {
		t.Error("a letter that the filter left out was replayed")
	}
}
