package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// screen is the terminal's other screen: it is drawn over and over, and what was
// there before comes back when it is closed.
type screen struct {
	out  io.Writer
	size func() (width, rows int)
}

// openScreen turns to the other screen and hides the cursor.
func openScreen(t Terminal) *screen {
	fmt.Fprint(t.Out, "\x1b[?1049h\x1b[?25l\x1b[H\x1b[2J")
	return &screen{t.Out, t.Size}
}

// close brings back what was there.
func (s *screen) close() { fmt.Fprint(s.out, "\x1b[?25h\x1b[?1049l") }

// draw shows a text, as much as fits. In one write, and over what is there, so that
// nothing flickers.
func (s *screen) draw(content string) {
	width, rows := s.size()
	lines := strings.Split(strings.TrimRight(content, "\n"), "\n")
	lines = lines[:min(len(lines), rows)]
	for i, line := range lines {
		lines[i] = text.Snip(line, width, "…") // a line that wraps would move those above out of the screen
	}
	fmt.Fprint(s.out, "\x1b[H"+strings.Join(lines, "\x1b[K\n")+"\x1b[K\x1b[J")
}
