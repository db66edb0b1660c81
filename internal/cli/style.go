package cli

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
)

// paint is a way to colour a text: the parameters of the terminal's SGR sequence.
type paint string

// The paints, of the terminal's own palette, so that they suit light and dark.
const (
	plain   paint = ""
	bold    paint = "1"
	dim     paint = "2"
	red     paint = "31"
	green   paint = "32"
	yellow  paint = "33"
	blue    paint = "34"
	magenta paint = "35"
)

// style writes in colour, or does not.
type style struct{ colour bool }

func (s style) in(p paint, text string) string {
	if !s.colour || p == plain || text == "" {
		return text
	}
	return "\x1b[" + string(p) + "m" + text + "\x1b[0m"
}

// statePaints is how states are coloured: of executions, steps, workers, schedulers.
var statePaints = map[string]paint{
	"completed": green, "cached": green, "healthy": green, "ready": green,
	"running": blue, "waiting": blue,
	"retrying": yellow, "cancelling": yellow, "unreachable": yellow, "draining": yellow, "paused": yellow,
	"failed": red, "timed_out": red, "expired": red,
	"blocked": magenta, "disabled": magenta,
	"cancelled": dim, "stopped": dim,
}

// steers tells whether a character could steer the terminal, or breaks the line.
func steers(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control) || r == '\u2028' || r == '\u2029'
}

// clean makes a text of somebody else's safe to show on one line: control
// characters, which could steer the terminal, and line breaks become spaces.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if steers(r) {
			return ' '
		}
		return r
	}, text)
}

// escapeJSON makes JSON safe to show, and leaves it the same JSON. Of what steers a
// terminal it has only characters beyond ASCII's, those within as they may stand
// between its values.
func escapeJSON(value []byte) []byte {
	var b bytes.Buffer
	for _, r := range string(value) {
		if r >= '\x7f' && steers(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.Bytes()
}

// cut shortens a text to at most n characters.
func cut(text string, n int) string {
	count := 0
	for i := range text {
		if count++; count == n {
			if rest := text[i:]; len(rest) > 0 && len([]rune(rest)) > 1 {
				return text[:i] + "…"
			}
			break
		}
	}
	return text
}
