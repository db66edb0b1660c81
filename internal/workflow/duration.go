package workflow

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// ErrBadDuration says that a text is not a duration.
var ErrBadDuration = errors.New(`not a duration: want parts of ms, s, m, h or d such as "30s", "1h30m" or "2d8h"`)

var units = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
}

// ErrLongDuration says that a duration is longer than time.Duration holds.
var ErrLongDuration = errors.New("longer than any duration can be, which is 106751d")

// ParseDuration reads a duration made of whole or decimal numbers with the units
// ms, s, m, h and d, without spaces or sign, such as "30s", "1.5s" or "2d8h". It
// returns ErrBadDuration for anything else, and ErrLongDuration for what does not fit
// time.Duration.
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
		part := number * float64(unit)
		if !ok || err != nil && !errors.Is(err, strconv.ErrRange) {
			return 0, ErrBadDuration
		}
		if part+float64(total) >= float64(1<<63-1) {
			long, part = true, 0 // but what follows has to be one too
		}
		total += time.Duration(part)
		s = s[end:]
	}
	if long {
		return 0, ErrLongDuration
	}
	return total, nil
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
