package telemetry

import (
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

var update = flag.Bool("update", false, "write the table of metrics into docs/telemetry.md")

// page is where the metrics are documented, between the two marks.
const (
	page       = "../../docs/telemetry.md"
	beginTable = "<!-- metrics: written by make generate -->\n"
	endTable   = "<!-- end of metrics -->\n"
)

// table is what the page says about the metrics.
func table() string {
	var b strings.Builder
	b.WriteString("| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n")
	for _, d := range NewMetrics().Definitions() {
		labels := "none"
		if len(d.Labels) > 0 {
			labels = "`" + strings.Join(d.Labels, "` `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", d.Name, d.Type, labels, d.Help)
	}
	return b.String()
}

func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), beginTable)
	written, after, ok2 := strings.Cut(rest, endTable)
	if !ok || !ok2 {
		t.Fatal("the page has lost its marks")
	}
	switch {
	case written == table():
	case *update:
		if err := os.WriteFile(page, []byte(before+beginTable+table()+endTable+after), 0o600); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("docs/telemetry.md is stale: run make generate\ngot:\n%s\nwant:\n%s", written, table())
	}
}

func TestMetricsFollowTheConventions(t *testing.T) {
	t.Parallel()
	m := NewMetrics()
	task := m.Tasks("f", "q")
	task.Waited(1)
	task.Delivered("completed", 1)
	m.ExecutionStarted("f")
	m.ExecutionEnded("f", "completed")
	m.RequestBegan()
	m.RequestEnded("GET", "/", 200, 1)
	m.Read(Sources{
		Queues:    func(context.Context) ([]Queue, error) { return []Queue{{Name: "q"}}, nil },
		Pools:     func() []Pool { return []Pool{{Name: "p"}} },
		Endpoints: func() []Endpoint { return []Endpoint{{Origin: "o", State: BreakerStates[0]}} },
		Scheduler: func() Scheduler { return Scheduler{State: SchedulerStates[0]} },
	})
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, f := range families {
		told[f.GetName()] = true
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("Prometheus' linter says %v, %v", problems, err)
	}
	ids := regexp.MustCompile(`_id$|^id$|execution|task`)
	for _, d := range m.Definitions() {
		if !told[d.Name] {
			t.Errorf("%s is not told", d.Name)
		}
		if !strings.HasPrefix(d.Name, "stent_") {
			t.Errorf("%s has not the prefix stent_", d.Name)
		}
		if (d.Type == "counter") != strings.HasSuffix(d.Name, "_total") {
			t.Errorf("%s is a %s: counters, and only they, end in _total", d.Name, d.Type)
		}
		if !strings.HasSuffix(d.Help, ".") {
			t.Errorf("%s: what it means is no sentence", d.Name)
		}
		for _, label := range d.Labels {
			if ids.MatchString(label) {
				t.Errorf("%s has a label %q: ids are without bound", d.Name, label)
			}
		}
	}
}
