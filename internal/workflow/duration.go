package workflow

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ErrBadDuration says that a text is not a duration.
var ErrBadDuration = errors.New(`not a duration: want parts of ms, s, m, h or d such as "30s", "1h30m" or "2d8h"`)

// ErrLongDuration says that a text is a duration, but longer than any that can be held.
var ErrLongDuration = errors.New("longer than 106751d, which no duration may be")

var units = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
}

// ParseDuration reads a duration made of whole or decimal numbers with the units
// ms, s, m, h and d, without spaces or sign, such as "30s", "1.5s" or "2d8h". It
// returns ErrBadDuration for anything else, and ErrLongDuration for what does not
// fit time.Duration.
func ParseDuration(s string) (time.Duration, error) {
	if s == "" {
		return 0, ErrBadDuration
	}
	var total time.Duration
	long := false
	for s != "" {
		digits := strings.IndexFunc(s, func(r rune) bool { return (r < '0' || r > '9') && r != '.' })
		if digits <= 0 {
			return 0, ErrBadDuration
		}
		end := digits + strings.IndexFunc(s[digits:]+"0", func(r rune) bool { return r >= '0' && r <= '9' || r == '.' })
		unit, ok := units[s[digits:end]]
		number, err := strconv.ParseFloat(s[:digits], 64)
		if !ok || err != nil && !errors.Is(err, strconv.ErrRange) {
			return 0, ErrBadDuration
		}
		part := number * float64(unit)
		if long = long || part+float64(total) >= float64(math.MaxInt64); !long {
			total += time.Duration(part)
		}
		s = s[end:]
	}
	if long {
		return 0, ErrLongDuration
	}
	return total, nil
}

// DurationBetween reads a duration as ParseDuration does, which has bounds. fault is
// what is wrong with it, to be told of the field that it is in; "" is nothing.
func DurationBetween(text string, least, most time.Duration) (d time.Duration, fault string) {
	d, err := ParseDuration(text)
	switch {
	case errors.Is(err, ErrBadDuration):
		return 0, "is " + err.Error()
	case err == nil && d >= least && d <= most:
		return d, ""
	case least == 0:
		return 0, "must be at most " + FormatDuration(most)
	}
	return 0, fmt.Sprintf("must be between %s and %s", FormatDuration(least), FormatDuration(most))
}

// FormatDuration writes a duration as ParseDuration reads it, in whole
// milliseconds: "1d2h30m", "500ms", "0s".
func FormatDuration(d time.Duration) string {
	if d < time.Millisecond {
		return "0s"
	}
	var b strings.Builder
	for _, u := range []string{"d", "h", "m", "s", "ms"} {
		if n := d / units[u]; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10))
			b.WriteString(u)
			d -= n * units[u]
		}
	}
	return b.String()
}
