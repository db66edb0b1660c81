package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/durable/durabletest"
	"github.com/stent-dev/stent/examples/internal/example"
	"github.com/stent-dev/stent/internal/apptest"
)

func TestExpensesAreDecided(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := example.Run(t.Context(), apptest.Dev(t), newWorker(), &out, work); err != nil {
		t.Fatal(err)
	}
	want := "E-1 paid 120 for E-1, approved by lead\nE-2 paid 4000 for E-2, approved by manager\nE-3 rejected: nobody answered\n"
	if out.String() != want {
		t.Fatalf("got\n%swant\n%s", out.String(), want)
	}
}

func TestEscalation(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		after    time.Duration // when somebody decides; 0: nobody does
		decision decision
		want     string
		asked    int
	}{
		"the lead approves":     {time.Hour, decision{"lead", true}, "paid 10 for E, approved by lead", 1},
		"the lead refuses":      {time.Hour, decision{"lead", false}, "rejected by lead", 1},
		"the manager approves":  {72 * time.Hour, decision{"manager", true}, "paid 10 for E, approved by manager", 2},
		"the lead answers late": {72 * time.Hour, decision{"lead", true}, "paid 10 for E, approved by lead", 2},
		"nobody answers":        {0, decision{}, "rejected: nobody answered", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := durabletest.New(t, newWorker())
			x := env.Dispatch("expense", expense{"E", 10, 48 * time.Hour})
			if test.after > 0 {
				env.Advance(test.after)
				x.Signal("decision", test.decision)
			}
			got, err := durable.Result[string](x.Wait())
			if err != nil || got != test.want || len(x.Calls("ask")) != test.asked {
				t.Fatalf("%q, %v, %d were asked", got, err, len(x.Calls("ask")))
			}
		})
	}
}
