package wire_test

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/wire"
)

func TestDurationsAreWrittenInWholeParts(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0:                               "0s",
		-time.Second:                    "0s",
		time.Nanosecond:                 "1ms",
		1500 * time.Millisecond:         "1s500ms",
		90 * time.Minute:                "1h30m",
		56 * time.Hour:                  "2d8h",
		time.Second + time.Nanosecond:   "1s1ms",
		time.Duration(math.MaxInt64):    "106751d23h47m16s855ms",
		366 * 24 * time.Hour:            "366d",
		time.Minute - time.Microsecond:  "1m",
		24*time.Hour + time.Millisecond: "1d1ms",
	} {
		if got := wire.FormatDuration(d); got != want {
			t.Errorf("FormatDuration(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestAwaitTreesKeepTheirShape(t *testing.T) {
	t.Parallel()
	text := `{"any":["ok#0",{"all":["a#0",{"first_success":["b#0","c#0"]}]},{"all_or_failure":["d#0"]}]}`
	var a wire.Await
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		t.Fatal(err)
	}
	back, err := json.Marshal(a)
	if err != nil || string(back) != text {
		t.Fatalf("came back as %s, %v", back, err)
	}
}

func TestAwaitsOfAnotherShapeAreRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`""`, `{}`, `7`, `[]`, `{"some":["a"]}`, `{"any":["a"],"all":["b"]}`, `{"any":[""]}`} {
		var a wire.Await
		if err := json.Unmarshal([]byte(text), &a); err == nil {
			t.Errorf("%s was read as %+v", text, a)
		}
	}
}

func FuzzAwait(f *testing.F) {
	f.Add([]byte(`{"any":["ok#0",{"all":["a#0"]}]}`))
	f.Add([]byte(`"a#0"`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var a, again wire.Await
		if json.Unmarshal(b, &a) != nil {
			return
		}
		text, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &again); err != nil {
			// An empty list is read, and is left out when written.
			return
		}
		if !reflect.DeepEqual(a, again) {
			t.Fatalf("%s: %+v came back as %+v", b, a, again)
		}
	})
}

func TestOnlyFinalStatusesAreSettled(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]bool{
		"completed": true, "failed": true, "cancelled": true,
		"pending": false, "running": false, "waiting": false, "": false,
	} {
		if got := (&wire.Step{Status: status}).Settled(); got != want {
			t.Errorf("%q: settled %v, want %v", status, got, want)
		}
	}
}
