//go:build unix

package webtest_test

import (
	"strings"
	"testing"

	"github.com/stent-dev/stent/internal/app"
)

func TestReferenceIsAClickAwayAndNeedsNoKey(t *testing.T) {
	t.Parallel()
	d := start(t, func(s *app.Settings) { s.APIKeys = []string{"right"} })
	p := open(t, d.url)
	p.provokes("401")
	p.must(navigate(d.url))
	p.text("h1", "needs a key")
	p.click(".lock", "REST reference")
	p.text("#reference", "/v1/executions")
	if at := js[string](p, "location.pathname"); at != "/docs" {
		t.Errorf("the link leads to %s", at)
	}
	p.must(navigate(d.url))
	p.fill("API key", "right\r")
	p.text(".tiles", "completed")
	for _, l := range []look{light, phone} {
		p.look(l)
		p.waitFor("document.querySelector('.side a[href=\"/docs\"]').checkVisibility()", "the link at the side")
		name := js[string](p, "document.querySelector('.side a[href=\"/docs\"]').textContent")
		if !strings.Contains(name, "REST reference") || !strings.Contains(name, "new tab") {
			t.Errorf("the link is called %q", name)
		}
		if target := js[string](p, "document.querySelector('.side a[href=\"/docs\"]').target"); target != "_blank" {
			t.Errorf("the link opens in %q", target)
		}
	}
}
