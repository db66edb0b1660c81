package http

import (
	"bufio"
	"net/http"
	"strings"
	"testing"

	"github.com/stent-dev/stent/internal/http/api"
)

func TestHeadersThatAreTooLargeAreAProblemThatNamesTheLargest(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{Engine: &fake{}})
	const room = maxHeaders - 1024 // for what the client itself sends
	c.call(t, http.MethodGet, "/healthz", "", "X-A: "+strings.Repeat("x", room)).want(t, 200)
	for name, test := range map[string]struct {
		path, pointer string
		headers       []string
	}{
		"one":        {"/healthz", "/header/X-A", []string{"X-B: " + strings.Repeat("x", room/3), "X-A: " + strings.Repeat("x", maxHeaders)}},
		"many":       {"/healthz", "/header/X-A", []string{"X-B: " + strings.Repeat("x", maxHeaders/2-1), "X-A: " + strings.Repeat("x", maxHeaders/2)}},
		"query":      {"/v1/tasks?cursor=" + strings.Repeat("x", maxHeaders), "/query", nil},
		"to nowhere": {"/v1/nowhere", "/header/X-A", []string{"X-A: " + strings.Repeat("x", maxHeaders)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := c.call(t, http.MethodGet, test.path, "", test.headers...).want(t, 431).problem(t)
			if p.Code != api.ProblemCodePayloadTooLarge || !strings.Contains(p.Detail, "32768") || (*p.Errors)[0].Pointer != test.pointer {
				t.Errorf("got %+v, %+v", p, *p.Errors)
			}
		})
	}
}

func TestHeadersAreReadUpToAHardStop(t *testing.T) {
	t.Parallel()
	dial := dialer(t, Options{Engine: &fake{}})
	const margin = 8 << 10 // net/http reads 4 KiB more than it is told
	for size, code := range map[int]api.ProblemCode{maxHeadersRead - margin: api.ProblemCodePayloadTooLarge, maxHeadersRead + margin: ""} {
		c := dial(t)
		send(t, c, post("/v1/executions", "X-A: "+strings.Repeat("x", size), length(2)), "{}")
		if p := receive(t, bufio.NewReader(c), 431); p.Code != code {
			t.Errorf("%d bytes: got %+v", size, p)
		}
	}
}
