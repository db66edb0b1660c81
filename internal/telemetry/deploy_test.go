package telemetry

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// scraped are labels that Prometheus adds, and le, which histograms have.
var scraped = []string{"instance", "job", "le"}

var (
	metricName = regexp.MustCompile(`\bstent_[a-z_]+\b`)
	selector   = regexp.MustCompile(`\b(stent_[a-z_]+)\{([^}]*)\}`)
	matcher    = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)\s*"[^"]*"`)
	grouping   = regexp.MustCompile(`\b(?:by|on|without)\s*\(([^)]*)\)`)
)

// defined gives a metric by a name in a query, which of a histogram has an ending.
func defined(name string) (Definition, bool) {
	all := NewMetrics().Definitions()
	for _, ending := range []string{"", "_bucket", "_sum", "_count"} {
		base, ok := strings.CutSuffix(name, ending)
		i := slices.IndexFunc(all, func(d Definition) bool { return d.Name == base && (ending == "") == (d.Type != "histogram") })
		if ok && i >= 0 {
			return all[i], true
		}
	}
	return Definition{}, false
}

// checkQuery tells what of a PromQL expression cannot be: metrics and labels that
// do not exist, brackets that do not match.
func checkQuery(t *testing.T, where, query string) {
	t.Helper()
	var labels []string
	for _, name := range metricName.FindAllString(query, -1) {
		d, ok := defined(name)
		if !ok {
			t.Errorf("%s asks for %s, which does not exist: %s", where, name, query)
		}
		labels = append(labels, d.Labels...)
	}
	for _, s := range selector.FindAllStringSubmatch(query, -1) {
		d, _ := defined(s[1])
		for _, m := range matcher.FindAllStringSubmatch(s[2], -1) {
			if !slices.Contains(d.Labels, m[1]) && !slices.Contains(scraped, m[1]) {
				t.Errorf("%s: %s has no label %s: %s", where, s[1], m[1], query)
			}
		}
	}
	for _, g := range grouping.FindAllStringSubmatch(query, -1) {
		for label := range strings.SplitSeq(g[1], ",") {
			if label = strings.TrimSpace(label); !slices.Contains(labels, label) && !slices.Contains(scraped, label) {
				t.Errorf("%s groups by %s, which nothing has: %s", where, label, query)
			}
		}
	}
	for _, pair := range []string{"()", "{}", "[]"} {
		if strings.Count(query, pair[:1]) != strings.Count(query, pair[1:]) {
			t.Errorf("%s: %s do not match: %s", where, pair, query)
		}
	}
	if strings.Count(query, `"`)%2 != 0 || strings.TrimSpace(query) == "" {
		t.Errorf("%s: not a query: %q", where, query)
	}
}

func TestDashboardShowsMetricsThatExist(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/grafana/stent.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		UID, Title string
		Templating struct {
			List []struct{ Name, Definition string }
		}
		Panels []struct {
			ID          int
			Type, Title string
			GridPos     struct{ X, Y, W, H int }
			Targets     []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	ids, shown := map[int]bool{}, map[string]bool{}
	for i, p := range dashboard.Panels {
		if p.Title == "" || ids[p.ID] || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d is not well made: %+v", i, p)
		}
		ids[p.ID] = true
		for _, other := range dashboard.Panels[:i] {
			a, b := p.GridPos, other.GridPos
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Errorf("panel %q covers %q", p.Title, other.Title)
			}
		}
		if len(p.Targets) == 0 && p.Type != "row" {
			t.Errorf("panel %q shows nothing", p.Title)
		}
		for _, target := range p.Targets {
			checkQuery(t, "panel "+p.Title, target.Expr)
			for _, name := range metricName.FindAllString(target.Expr, -1) {
				d, _ := defined(name)
				shown[d.Name] = true
			}
		}
	}
	for _, v := range dashboard.Templating.List {
		for _, name := range metricName.FindAllString(v.Definition, -1) {
			if _, ok := defined(name); !ok {
				t.Errorf("variable %s asks for %s, which does not exist", v.Name, name)
			}
		}
	}
	for _, d := range NewMetrics().Definitions() {
		if !shown[d.Name] && !slices.Contains([]string{
			"stent_build_info", "stent_http_requests_in_flight", "stent_db_pool_waits_total", "stent_db_pool_wait_seconds_total",
		}, d.Name) {
			t.Errorf("no panel shows %s", d.Name)
		}
	}
}

// rule matches an alert rule: its name, its query, and what follows. The rules are
// written in one way, so that no YAML parser is needed to read them.
var rule = regexp.MustCompile(`(?s)      - alert: (\w+)\n        expr: (.*?)\n        (for: \w+\n        )?labels: \{severity: (\w+)\}\n` +
	`        annotations:\n          summary: (\S[^\n]*)\n          description: (\S.*)`)

func TestAlertsWatchMetricsThatExist(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/prometheus/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "\t") {
		t.Error("YAML is not indented by tabs")
	}
	_, rules, _ := strings.Cut(string(text), "    rules:\n")
	names := map[string]bool{}
	for one := range strings.SplitSeq(strings.TrimSpace(rules), "\n\n") {
		m := rule.FindStringSubmatch("      " + strings.TrimLeft(one, " "))
		if m == nil {
			t.Errorf("not an alert rule:\n%s", one)
			continue
		}
		query := strings.TrimPrefix(m[2], ">-\n")
		checkQuery(t, m[1], strings.Join(strings.Fields(query), " "))
		if names[m[1]] || !strings.HasPrefix(m[1], "Stent") {
			t.Errorf("alert %s comes twice, or is not Stent's by its name", m[1])
		}
		names[m[1]] = true
		if m[4] != "page" && m[4] != "warning" {
			t.Errorf("alert %s has severity %q", m[1], m[4])
		}
		if strings.HasPrefix(m[5], "{") {
			t.Errorf("alert %s: the summary is a mapping to YAML: quote it", m[1])
		}
	}
	if len(names) < 10 {
		t.Errorf("only %d rules were found", len(names))
	}
}

// Who drains answers probes with 503, and where little else is asked, that would page.
func TestProbesAreNoFailuresOfTheAPI(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/prometheus/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, alert, found := strings.Cut(string(text), "alert: StentAPIFails")
	alert, _, _ = strings.Cut(alert, "for:")
	series := selector.FindAllString(alert, -1)
	if !found || len(series) != 2 {
		t.Fatalf("it looks at %q", series)
	}
	for _, s := range series {
		if !strings.Contains(s, `route!`) || !strings.Contains(s, "/readyz") {
			t.Errorf("%s counts probes", s)
		}
	}
}
