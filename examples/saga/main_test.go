package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/durable/durabletest"
	"github.com/stent-dev/stent/examples/internal/example"
	"github.com/stent-dev/stent/internal/apptest"
)

func TestTripsEndAsTheyShould(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := example.Run(t.Context(), apptest.Dev(t), newWorker(), &out, work); err != nil {
		t.Fatal(err)
	}
	want := "T-1 completed (0 released)\nT-2 failed (2 released)\nT-3 cancelled (3 released)\n"
	if out.String() != want {
		t.Fatalf("got\n%swant\n%s", out.String(), want)
	}
}

// releases gives what was undone, in order.
func releases(x *durabletest.Execution) (what []string) {
	for _, b := range durabletest.Inputs[booking](x.Calls("release")) {
		what = append(what, b.What)
	}
	return what
}

func TestFailureUndoesWhatWasBookedTheLastFirst(t *testing.T) {
	t.Parallel()
	env := durabletest.New(t, newWorker())
	env.Answer("reserve", "ok", "ok", durable.Terminal(errors.New("sold out")))
	env.Answer("release", errors.New("down"), "ok") // undoing is tried until it is done
	x := env.Dispatch("trip", trip{"T", "Rome"})
	x.Wait()
	if got := releases(x); x.State() != durable.StateFailed || !slices.Equal(got, []string{"hotel", "hotel", "flight"}) {
		t.Fatalf("%s, released %v", x.State(), got)
	}
}

func TestTripThatNobodyConfirmsIsUndone(t *testing.T) {
	t.Parallel()
	env := durabletest.New(t, newWorker())
	x := env.Dispatch("trip", trip{"T", "Rome"})
	env.Advance(14 * time.Minute)
	if x.State() != durable.StateRunning {
		t.Fatalf("it is %s while it is held", x.State())
	}
	env.Advance(time.Minute)
	if got := releases(x); x.State() != durable.StateFailed || !slices.Equal(got, []string{"car", "hotel", "flight"}) {
		t.Fatalf("%s, released %v", x.State(), got)
	}
}

// A reservation that is cancelled on its way may have been made, so it is undone, too.
func TestCancelUndoesWhatIsInDoubt(t *testing.T) {
	t.Parallel()
	env := durabletest.New(t, newWorker())
	env.Answer("reserve", "ok", durabletest.After(10*time.Second, "ok"))
	x := env.Dispatch("trip", trip{"T", "Rome"})
	env.Advance(5 * time.Second)
	x.Cancel(durable.Graceful)
	if got := releases(x); x.State() != durable.StateCancelled || !slices.Equal(got, []string{"hotel", "flight"}) {
		t.Fatalf("%s, released %v", x.State(), got)
	}
}
