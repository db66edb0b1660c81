package workflow

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDurationsRoundTripInMilliseconds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, math.MaxInt64).Draw(rt, "d")).Truncate(time.Millisecond)
		if got, err := ParseDuration(FormatDuration(d)); err != nil || got != d {
			rt.Fatalf("%d is written %q and read as %d, %v", d, FormatDuration(d), got, err)
		}
	})
}

func TestDurationsAreReadAsWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"30s": 30 * time.Second, "1h30m": 90 * time.Minute, "2d8h": 56 * time.Hour, "500ms": 500 * time.Millisecond,
		"1.5s": 1500 * time.Millisecond, "0s": 0, "1m1ms": time.Minute + time.Millisecond,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "30", "s", "-1s", "+1s", " 1s", "1s ", "1 s", "1.2.3s", ".s", "1e3s", "1us", "1S", "1sm", "s1", "9e99d", "1s\x00", "1\xffs",
		"106752d or so", "106752dx",
	} {
		if got, err := ParseDuration(text); !errors.Is(err, ErrBadDuration) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
}

func TestDurationBeyondItsBoundsIsToldTheBoundHoweverLongItIs(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"106752d", "99999999d", "1d106751d", strings.Repeat("9", 400) + "s", "106752d1ms"} {
		if got, err := ParseDuration(text); !errors.Is(err, ErrLongDuration) {
			t.Errorf("%q is %v, %v", text, got, err)
		}
		if _, fault := DurationBetween(text, 0, time.Hour); fault != "must be at most 1h" {
			t.Errorf("%q %s", text, fault)
		}
	}
	for text, want := range map[string]string{"1s": "", "1h": "", "1ms": "must be between 1s and 1h", "2h": "must be between 1s and 1h", "1": "is " + ErrBadDuration.Error()} {
		if _, fault := DurationBetween(text, time.Second, time.Hour); fault != want {
			t.Errorf("%q %s", text, fault)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, text := range []string{"30s", "1h30m", "2d8h", "1.5s", "106751d23h47m16s854ms", "1ms1ms", "..s"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDuration(text)
		if err != nil {
			return
		}
		if d < 0 {
			t.Fatalf("%q is %d", text, d)
		}
		if again, err := ParseDuration(FormatDuration(d)); err != nil || again != d.Truncate(time.Millisecond) {
			t.Fatalf("%q is %d, written %q, read %d, %v", text, d, FormatDuration(d), again, err)
		}
	})
}

func TestIDsAreReadAsWritten(t *testing.T) {
	t.Parallel()
	const text = "0190a6b2-7c3d-7e4f-8a9b-0c1d2e3f4a5b"
	id, err := ParseID(text)
	if err != nil || id.String() != text {
		t.Fatalf("%s, %v", id, err)
	}
	for _, bad := range []string{"", text[1:], text + "0", strings.ReplaceAll(text, "-", "_"), "g" + text[1:], strings.ReplaceAll(text, "-", "")} {
		if _, err := ParseID(bad); !errors.Is(err, ErrBadID) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	v, err := id.Value()
	if err != nil {
		t.Fatal(err)
	}
	var scanned, zero ID
	if err := scanned.Scan(v); err != nil || scanned != id {
		t.Fatalf("%s, %v", scanned, err)
	}
	if v, err := zero.Value(); v != nil || err != nil || zero.Scan(nil) != nil || !zero.IsZero() {
		t.Fatalf("%v, %v, %s", v, err, zero)
	}
	if scanned.Scan(7) == nil || scanned.Scan([]byte("short")) == nil {
		t.Fatal("anything can be scanned")
	}
	if id.Compare(zero) <= 0 || zero.Compare(id) >= 0 || id.Compare(scanned) != 0 {
		t.Fatal("ids are not in the order of their bytes")
	}
}

func TestSpecNamesTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	text, number, factor := "soon", 0, 0.5
	long := strings.Repeat("x", maxNameLength+1)
	for pointer, spoil := range map[string]func(*FunctionSpec){
		"/name":                        func(s *FunctionSpec) { s.Name = "" },
		"/kind":                        func(s *FunctionSpec) { s.Kind = "timer" },
		"/url":                         func(s *FunctionSpec) { s.URL = "ftp://x" },
		"/version":                     func(s *FunctionSpec) { s.Version = long },
		"/queue":                       func(s *FunctionSpec) { s.Queue = long },
		"/priority":                    func(s *FunctionSpec) { s.Priority = maxPriority + 1 },
		"/timeout":                     func(s *FunctionSpec) { s.Timeout = "0s" },
		"/heartbeat_timeout":           func(s *FunctionSpec) { s.HeartbeatTimeout = &text },
		"/cache_ttl":                   func(s *FunctionSpec) { s.CacheTTL = &text },
		"/max_concurrent":              func(s *FunctionSpec) { s.MaxConcurrent = &number },
		"/rate_limit/limit":            func(s *FunctionSpec) { s.RateLimit = &RateLimitSpec{Per: "1s"} },
		"/rate_limit/per":              func(s *FunctionSpec) { s.RateLimit = &RateLimitSpec{Limit: 1, Per: "-1s"} },
		"/retry_policy/max_attempts":   func(s *FunctionSpec) { s.Retry = &RetrySpec{MaxAttempts: &number} },
		"/retry_policy/initial_delay":  func(s *FunctionSpec) { s.Retry = &RetrySpec{InitialDelay: &text} },
		"/retry_policy/backoff_factor": func(s *FunctionSpec) { s.Retry = &RetrySpec{BackoffFactor: &factor} },
		"/retry_policy/max_delay":      func(s *FunctionSpec) { s.Retry = &RetrySpec{MaxDelay: &text} },
		"/retry_policy/jitter": func(s *FunctionSpec) {
			two := 2.0
			s.Retry = &RetrySpec{Jitter: &two}
		},
	} {
		s := FunctionSpec{Name: "charge", Kind: "activity", URL: "http://billing:9000/charge"}
		if _, err := s.Function(); err != nil {
			t.Fatal(err)
		}
		spoil(&s)
		_, err := s.Function()
		var errs FieldErrors
		if !errors.As(err, &errs) || len(errs) != 1 || errs[0].Pointer != pointer || !strings.Contains(err.Error(), pointer) {
			t.Errorf("%s: %v", pointer, err)
		}
	}
}

func TestSpecFillsInTheDefaults(t *testing.T) {
	t.Parallel()
	f, err := FunctionSpec{Name: "n", Kind: "orchestrator", URL: "https://x/y"}.Function()
	if err != nil || f.Queue != DefaultQueue || f.Timeout != DefaultTurnTimeout || f.Retry.MaxAttempts != 3 || f.CacheTTL != nil {
		t.Fatalf("%+v, %v", f, err)
	}
}
