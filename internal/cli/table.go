package cli

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// cell is a text in a table, and its colour. Texts are cleaned when they are written.
type cell struct {
	text  string
	paint paint
}

// in makes cells of one colour.
func in(p paint, text string) cell { return cell{text, p} }

// state makes a cell of a state, in the state's colour.
func state(text string) cell { return cell{text, statePaints[text]} }

// grid is a table without lines: columns aligned, two spaces between them.
type grid struct {
	style  style
	header []string
	rows   [][]cell
	width  int // longer rows are cut; 0: they are not
}

func (g *grid) add(cells ...cell) { g.rows = append(g.rows, cells) }

// String lays the table out.
func (g *grid) String() string {
	t := table.NewWriter()
	t.SetStyle(table.Style{Box: table.BoxStyle{PaddingRight: "  "}})
	t.SuppressTrailingSpaces()
	header := make(table.Row, len(g.header))
	for i, name := range g.header {
		header[i] = g.style.in(dim, name)
	}
	if len(header) > 0 {
		t.AppendRow(header)
	}
	for _, cells := range g.rows {
		row := make(table.Row, len(cells))
		for i, c := range cells {
			row[i] = g.style.in(c.paint, clean(c.text))
		}
		t.AppendRow(row)
	}
	if g.width == 0 {
		return t.Render()
	}
	lines := strings.Split(t.Render(), "\n")
	for i, line := range lines {
		lines[i] = text.Snip(line, g.width, "…")
	}
	return strings.Join(lines, "\n")
}

// grid begins a table as wide as the screen, if there is one.
func (s *session) grid(header ...string) *grid {
	g := &grid{style: s.style, header: header}
	if s.Screen {
		g.width, _ = s.Size()
	}
	return g
}

// listing is a list of names and values, one a line. What is empty is left out.
type listing struct{ grid }

func (s *session) listing() *listing { return &listing{grid{style: s.style}} }

func (l *listing) add(name, text string, p paint) {
	if text != "" {
		l.grid.add(in(dim, name), in(p, text))
	}
}
