package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/stent-dev/stent/durable"
)

// span writes a duration for people: two units at most.
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "0ms"
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1fs", d.Truncate(100*time.Millisecond).Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%02dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// age writes how long ago something was, in whole seconds at least.
func (s *session) age(t time.Time) string {
	if d := s.Now().Sub(t); d >= time.Minute {
		return span(d)
	} else if d > 0 {
		return fmt.Sprintf("%ds", d/time.Second)
	}
	return "0s"
}

// ageOf is age for a time that may be missing.
func (s *session) ageOf(t *time.Time) string {
	if t == nil {
		return ""
	}
	return s.age(*t)
}

// clock writes a moment, with its date unless that is today's.
func (s *session) clock(t time.Time) string {
	now := s.Now()
	t = t.In(now.Location())
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format(time.TimeOnly)
	}
	return t.Format(time.DateTime)
}

// until writes a moment to come, or one that has passed.
func (s *session) until(t time.Time) string {
	if left := t.Sub(s.Now()); left > 0 {
		return s.clock(t) + " (in " + span(left) + ")"
	}
	return s.clock(t)
}

// took writes how long something took, or has taken so far; "" if it has not begun.
func (s *session) took(began, ended *time.Time) string {
	switch {
	case began == nil:
		return ""
	case ended == nil:
		return span(s.Now().Sub(*began)) + "…"
	}
	return span(ended.Sub(*began))
}

// compact writes a JSON value on one line; "" for none.
func compact(value json.RawMessage) string {
	var b bytes.Buffer
	if len(value) == 0 || json.Compact(&b, value) != nil {
		return string(value)
	}
	return b.String()
}

// absent tells whether there is no value, or null.
func absent(value json.RawMessage) bool { return len(value) == 0 || string(value) == "null" }

func failure(f *durable.Failure) string {
	if f == nil {
		return ""
	}
	return join(": ", f.Type, f.Message)
}

func executionFailure(e *durable.ExecutionError) string {
	if e == nil {
		return ""
	}
	return join(": ", e.Type, e.Message)
}

// join joins those of the texts that are not empty.
func join(separator string, texts ...string) string {
	var some []string
	for _, t := range texts {
		if t != "" {
			some = append(some, t)
		}
	}
	return strings.Join(some, separator)
}

// count writes a number of things.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
