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
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": day,
}

// parseDuration reads a duration; the whole text must be one.
func parseDuration(text string) (time.Duration, error) {
	total, end := 0.0, 0
	for _, at := range durationParts.FindAllStringSubmatchIndex(text, -1) {
		if at[0] != end {
			break
		}
		n, err := strconv.ParseFloat(text[at[2]:at[3]], 64)
		if err != nil {
			return 0, err
		}
		total += n * float64(durationUnits[text[at[4]:at[5]]])
		end = at[1]
	}
	if end == 0 || end != len(text) || total > float64(1<<62) {
		return 0, fmt.Errorf("%q is not a duration, such as 30s, 1h30m or 7d", text)
	}
	return time.Duration(total), nil
}

const day = 24 * time.Hour

// duration is a flag that takes what the protocol takes, such as 1h30m or 30d, as far
// as it is between least and most. What was given is told apart from nothing: 0s may
// be a duration to send, or one to refuse, but never means that nothing was said.
type duration struct {
	length      time.Duration
	given       bool
	least, most time.Duration
}

// Type names the value in the help.
func (d *duration) Type() string { return "duration" }

// String writes nothing for what was not given, so that the help shows no default.
func (d *duration) String() string {
	if !d.given {
		return ""
	}
	return d.length.String()
}

// Set reads a duration.
func (d *duration) Set(text string) error {
	length, err := parseDuration(text)
	if err != nil {
		return err
	}
	if length < d.least || length > d.most {
		return fmt.Errorf("must be between %s and %s", inDays(d.least), inDays(d.most))
	}
	d.length, d.given = length, true
	return nil
}

// inDays writes a bound as the service does: 3660d, 1ms, 0s.
func inDays(d time.Duration) string {
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	return d.String()
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
	if ago, err := parseDuration(text); err == nil {
		m.at = m.now().Add(-ago)
		return nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, time.DateOnly} {
		if t, err := time.ParseInLocation(layout, text, m.now().Location()); err == nil && t.After(time.Time{}) { // the first of all times stands for none
			m.at = t
			return nil
		}
	}
	return fmt.Errorf("%q is neither a time (2026-01-02T15:04:05Z, 2026-01-02) nor a time ago (2h)", text)
}
