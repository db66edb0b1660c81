//go:build unix

package webtest_test

import (
	"context"
	"fmt"
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
	p.visit("#/executions/" + id + "?zoom=51.000-99.000") // no time that is round for such an axis is within
	zoomed(true)
	p.waitFor("document.querySelector('.axis .mark')", "a mark that is less round")
}

// mouse does something with the left button of the mouse.
func (p *page) mouse(what input.DispatchMouseEventType, x, y float64) {
	p.t.Helper()
	p.must(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: what, X: x, Y: y, Button: input.MouseButtonLeft, Buttons: 1, ClickCount: 1})
		return err
	}))
}

func TestMarksOfTheAxisAreAsExactAsTheyAreApart(t *testing.T) {
	t.Parallel()
	p := open(t, start(t).url)
	p.visit("#/overview")
	js[bool](p, "(import('/dashboard/js/execution/scale.js').then(m => { window.scale = m; }), true)")
	p.waitFor("window.scale", "the module")
	const minute, hour, day = 60_000, 3_600_000, 86_400_000
	for _, c := range []struct {
		from, to float64 // milliseconds
		want     string
	}{
		{0, 9, "0|+2 ms|+4 ms|+6 ms|+8 ms"},
		{0, 1900, "0|+500 ms|+1 s|+1.5 s"},
		{0, 80_000, "0|+30 s|+1:00"},
		{0, 2 * hour, "0|+30 m|+1 h|+1 h 30 m|+2 h"},
		{0, 3 * day, "0|+1 d|+2 d|+3 d"},
		{day + hour, day + 3*hour, "+1 d 1 h|+1 d 1 h 30 m|+1 d 2 h|+1 d 2 h 30 m|+1 d 3 h"},
		{2*hour + 3*minute, 2*hour + 3*minute + 1900, "+2:03:00.0|+2:03:00.5|+2:03:01.0|+2:03:01.5"},
		{day + 7*hour + 250, day + 7*hour + 259, "+1 d 7:00:00.250|+1 d 7:00:00.252|+1 d 7:00:00.254|+1 d 7:00:00.256|+1 d 7:00:00.258"},
	} {
		got := js[string](p, fmt.Sprintf("scale.marks({origin: 1.7e12, from: 1.7e12 + %f, to: 1.7e12 + %f}, 4.5).map(m => m.text).join('|')", c.from, c.to))
		if got != c.want {
			t.Errorf("from %v to %v: %s", c.from, c.to, got)
		}
	}
	// Zooming stays within what there is, and ends at 5 ms.
	for zoom, want := range map[string]string{
		"zoomBy(s, 1/4, 1e6 + 1000)":    "0-2500",
		"zoomBy(s, 4, 1e6 + 1000)":      "null",
		"zoomBy(s, 1/1e6, 1e6 + 10000)": "9995.000-10000.000",
		"moveBy(s, 1/2)":                "null",
		"part(s, 1e6 + 9000, 2e6)":      "null",
		"part(s, 1e6 + 9000, 1e6+9400)": "9000.000-9400.000",
	} {
		got := js[string](p, "String((s => scale."+zoom+")({origin: 1e6, from: 1e6, to: 1e6 + 10000, whole: [1e6, 1e6 + 10000]}))")
		if got != want {
			t.Errorf("%s is %s, not %s", zoom, got, want)
		}
	}
}
