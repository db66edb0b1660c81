//go:build unix

package webtest_test

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
)

// axe finds what keeps people with disabilities out of a page.
//
//go:embed testdata/axe.min.js
var axe string

// gallery is a demo in which every page has something to show.
func gallery(t *testing.T) (d *demo, waiting, done string) {
	t.Helper()
	d = start(t)
	if err := d.client.RegisterFunction(t.Context(), "export-report", durable.KindActivity, "http://127.0.0.1:1/export", durable.Queue("reports")); err != nil {
		t.Fatal(err)
	}
	var refunds []string
	for n := range 3 {
		refunds = append(refunds, d.dispatch("refund", newOrder(7100+n), durable.Tags("refund")))
	}
	for n := range 9 {
		d.dispatch("send-receipt", fmt.Sprintf("ORD-%04d", n), durable.Tags("mail"))
	}
	d.dispatch("export-report", map[string]string{"month": "2026-02"}, durable.Tags("nightly"))
	d.dispatch("gated", newOrder(12), durable.Tags("shop", "eu"), durable.MaxDuration(2*time.Hour))
	done = d.dispatch("fulfil-order", newOrder(1041), durable.Tags("shop", "eu"))
	d.signal(done, "approval", map[string]any{"approved": true, "by": "Ada"})
	waiting = d.dispatch("fulfil-order", order{ID: "ORD-1042", Items: []string{"lamp", "desk", "chair"}, Note: nasty}, durable.Tags("shop", "us", "<b>bold</b>"), durable.MaxDuration(24*time.Hour))
	cancelled := d.dispatch("fulfil-order", newOrder(1043), durable.Tags("shop"))
	if err := d.client.Cancel(t.Context(), cancelled, durable.Force); err != nil {
		t.Fatal(err)
	}
	for _, id := range refunds {
		d.await(id, durable.StateFailed)
	}
	d.await(done, durable.StateCompleted)
	return d, waiting, done
}

func TestEveryPageIsAccessibleInEachLook(t *testing.T) {
	t.Parallel()
	d, waiting, done := gallery(t)
	p := open(t, d.url)
	letter := ""
	for l, err := range d.client.DeadLetters(t.Context(), durable.DeadLetterFilter{Functions: []string{"pay-back"}}) {
		if err != nil {
			t.Fatal(err)
		}
		letter = l.TaskID
	}
	pages := []struct{ name, fragment, shows string }{
		{"overview", "#/overview", "Latest executions"},
		{"executions", "#/executions", "fulfil-order"},
		{"execution", "#/executions/" + done, "ship-parcel#0"},
		{"details", "#/executions/" + done + "?task=" + d.task(done, "charge-card"), "gateway_timeout"},
		{"tree", "#/executions/" + done + "?view=tree", "ship-parcel#0"},
		{"waiting", "#/executions/" + waiting, "approval"},
		{"values", "#/executions/" + waiting + "?view=values", "ORD-1042"},
		{"dead-letters", "#/dead-letters", "account_closed"},
		{"dead-letter", "#/dead-letters/" + letter, "ORD-7100"},
		{"queues", "#/queues", "warehouse"},
		{"functions", "#/functions", "charge-card"},
		{"workers", "#/workers", "healthy"},
	}
	for _, l := range []look{light, dark, phone} {
		p.look(l)
		for _, page := range pages {
			p.visit(page.fragment)
			p.text("main", page.shows)
			p.waitFor("document.querySelector('.connection')?.textContent === 'Live'", "the stream of events")
			p.shoot(page.name + "-" + l.name)
			if width := js[int](p, "document.documentElement.scrollWidth"); width > int(l.width) {
				t.Errorf("%s, %s: the page is %d pixels wide", page.name, l.name, width)
			}
			p.accessible(page.name + ", " + l.name)
		}
	}
	if js[bool](p, "Boolean(window.broken)") {
		t.Error("what a user wrote was run")
	}
}

// accessible fails the test when axe finds a serious violation.
func (p *page) accessible(what string) {
	p.t.Helper()
	if !js[bool](p, "'axe' in window") {
		js[bool](p, axe+"; true")
	}
	js[bool](p, `(window.found = null, axe.run().then(r => { window.found = r.passes.length < 10 ? '"too few rules apply"' : JSON.stringify(r.violations
		.filter(v => v.impact === 'serious' || v.impact === 'critical')
		.map(v => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 5).map(n => n.html.slice(0, 200) + ' ' + n.any.concat(n.all).map(x => x.message).join('; '))}))) }), true)`)
	p.waitFor("window.found !== null", "the check of accessibility")
	var found []struct {
		ID, Help string
		Nodes    []string
	}
	if err := json.Unmarshal([]byte(js[string](p, "window.found")), &found); err != nil {
		p.t.Fatal(err)
	}
	for _, f := range found {
		p.t.Errorf("%s: %s (%s)\n%s", what, f.Help, f.ID, strings.Join(f.Nodes, "\n"))
	}
}
