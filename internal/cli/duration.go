package cli

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// durationParts are what the protocol writes durations with: numbers with units, without spaces.
var durationParts = regexp.MustCompile(`([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)`)

var durationUnits = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
}

// duration is a flag that takes what the protocol takes, such as 1h30m or 30d.
type duration time.Duration

// Type names the value in the help.
func (d *duration) Type() string { return "duration" }

// String writes nothing for zero, so that the help shows no default.
func (d *duration) String() string {
	if *d == 0 {
		return ""
	}
	return time.Duration(*d).String()
}

// Set reads a duration; the whole text must be one.
func (d *duration) Set(text string) error {
	total, end := 0.0, 0
	for _, at := range durationParts.FindAllStringSubmatchIndex(text, -1) {
		if at[0] != end {
			break
		}
		n, err := strconv.ParseFloat(text[at[2]:at[3]], 64)
		if err != nil {
			return err
		}
		total += n * float64(durationUnits[text[at[4]:at[5]]])
		end = at[1]
	}
	if end == 0 || end != len(text) || total > float64(1<<62) {
		return fmt.Errorf("%q is not a duration, such as 30s, 1h30m or 7d", text)
	}
	*d = duration(total)
	return nil
}

// moment is a flag that takes a time, or how long ago one was.
type moment struct {
	now func() time.Time
	at  time.Time
}

// Type names the value in the help.
func (m *moment) Type() string { return "time" }

func (m *moment) String() string {
	if m == nil || m.at.IsZero() {
		return ""
	}
	return m.at.Format(time.RFC3339)
}

// Set reads RFC 3339, a date, or a duration.
func (m *moment) Set(text string) error {
	var ago duration
	if ago.Set(text) == nil {
		m.at = m.now().Add(-time.Duration(ago))
		return nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, m.now().Location()); err == nil {
			m.at = t
			return nil
		}
	}
	return fmt.Errorf("%q is neither a time (2026-01-02T15:04:05Z, 2026-01-02) nor a time ago (2h)", text)
}
