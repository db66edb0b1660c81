//go:build unix

package webtest_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/stent-dev/stent/durable"
)

func TestTimelineShowsWhatIsDueLater(t *testing.T) {
	t.Parallel()
	d := start(t)
	id := d.dispatch("nightly", 3, durable.MaxDuration(48*time.Hour))
	p := open(t, d.url)
	p.visit("#/executions/" + id)
	p.text("[data-step='sleep#0'] .bar-text", "wakes up in 2 h 59 m")
	p.text("[data-step='flaky#0'] .bar-text", "retried in")
	p.text("[data-step='go#0'] .bar-text", "given up in")
	p.text("[data-step='deadline'] .bar-text", "times out in 1 d 23 h")
	p.waitFor("document.querySelector('[data-step=\"sleep#0\"] .piece.due.goes-on')", "a stretch that goes beyond the axis")
	p.text("[data-step='sleep#0']", "due in: 2 h") // for those who do not see it
	p.text(".legend", "to come")
	// What has been is not squashed by what comes.
	share := js[float64](p, "parseFloat(document.querySelector('.axis .later').style.left)")
	if share < 60 || share >= 100 {
		t.Errorf("now stands at %.0f %% of the axis", share)
	}
	for _, l := range []look{light, dark, phone} {
		p.look(l)
		p.accessible("what is due later, " + l.name)
		js[bool](p, "(document.querySelector('.steps').scrollIntoView({ block: 'end' }), true)")
		p.waitFor("[...document.querySelectorAll('.axis .mark')].every((m, i, all) => i === 0 || all[i - 1].getBoundingClientRect().right <= m.getBoundingClientRect().left + 5)", "marks that do not overlap")
		p.shoot("later-" + l.name)
	}
}

func TestTimelineIsZoomedByKeysButtonsAndPointer(t *testing.T) {
	t.Parallel()
	d := start(t)
	id := d.dispatch("fulfil-order", newOrder(1))
	d.signal(id, "approval", nil)
	d.await(id, durable.StateCompleted)
	p := open(t, d.url)
	p.visit("#/executions/" + id)
	width := func(step string) float64 {
		t.Helper()
		return js[float64](p, "(document.querySelector("+quote("[data-step='"+step+"'] .piece.state-completed")+")?.getBoundingClientRect().width ?? 0)")
	}
	zoomed := func(yes bool) {
		t.Helper()
		not := map[bool]string{true: "", false: "!"}[yes]
		p.waitFor(not+"location.hash.includes('zoom=') && "+not+"document.querySelector('.shown')", "the axis")
	}
	p.text("[data-step='send-receipt#0'] .bar-text", "ms")
	before := width("send-receipt#0")

	// By keys, towards the step that has the focus.
	js[bool](p, "(document.querySelector('[data-step=\"hand-over#0\"]').focus(), true)")
	p.keys("+")
	zoomed(true)
	if after := width("hand-over#0"); after < 2*before {
		t.Errorf("the bar is %.0f pixels wide after zooming in, and was %.0f", after, before)
	}
	p.accessible("a part of the axis")
	p.shoot("zoomed-light")
	hash := js[string](p, "location.hash")
	js[bool](p, "(document.querySelector('[data-step=\"hand-over#0\"]').dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', shiftKey: true, bubbles: true })), true)")
	p.waitFor("location.hash !== "+quote(hash), "an earlier part")
	p.keys("0")
	zoomed(false)

	// By buttons, with the keyboard on them.
	js[bool](p, "(document.querySelector('.zoom [aria-label=\"Zoom in\"]').focus(), true)")
	p.keys(kb.Enter)
	zoomed(true)
	p.click(".zoom", "Show all of it")
	zoomed(false)
	if name := js[string](p, "document.activeElement.getAttribute('aria-label')"); name != "Zoom in" {
		t.Errorf("the focus is on %q", name)
	}

	// By pointer: from a third to a half of the axis.
	box := js[[]float64](p, "(b => [b.left, b.top + b.height / 2, b.width])(document.querySelector('.axis').getBoundingClientRect())")
	p.mouse(input.DispatchMouseEventTypeMousePressed, box[0]+box[2]/3, box[1])
	p.mouse(input.DispatchMouseEventTypeMouseMoved, box[0]+box[2]/2, box[1])
	p.waitFor("document.querySelector('.drag')", "what is chosen")
	p.mouse(input.DispatchMouseEventTypeMouseReleased, box[0]+box[2]/2, box[1])
	zoomed(true)

	// To a step, from its details; and it is kept.
	js[bool](p, "(document.querySelector('[data-step=\"send-receipt#0\"]').click(), true)")
	p.click(".details", "Zoom to it")
	p.waitFor("document.querySelector('[data-step=\"send-receipt#0\"] .piece.run').getBoundingClientRect().width > document.querySelector('.lane').clientWidth / 2", "the step, large")
	p.waitFor("document.querySelector('[data-step=\"charge-card#0\"] .elsewhere')", "a sign that another step is outside")
	hash = js[string](p, "location.hash")
	p.must(navigate("about:blank"))
	p.visit(strings.TrimPrefix(hash, "/"))
	zoomed(true)
	p.waitFor("(row => row && row.getBoundingClientRect().bottom <= row.closest('.steps-scroll').getBoundingClientRect().bottom + 1)(document.querySelector('.chosen[data-step=\"send-receipt#0\"]'))", "the step that the link names, in sight")
	p.shoot("zoomed-to-step-light")
	p.look(dark)
	p.shoot("zoomed-to-step-dark")
	p.look(phone)
	p.click(".details", "Zoom to it")
	p.waitFor("!document.querySelector('.details')", "what lies over the axis to go")
	p.waitFor("document.querySelector('.axis .mark')", "the marks of a narrow axis")
	p.accessible("a part of the axis, on a phone")
	p.shoot("zoomed-to-step-phone")
}

// mouse does something with the left button of the mouse.
func (p *page) mouse(what input.DispatchMouseEventType, x, y float64) {
	p.t.Helper()
	p.must(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: what, X: x, Y: y, Button: input.MouseButtonLeft, Buttons: 1, ClickCount: 1})
		return err
	}))
}
