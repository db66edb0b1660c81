package cli

import (
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// Terminal is where commands read and write.
type Terminal struct {
	In       io.Reader
	Out, Err io.Writer

	Asks   bool                     // somebody can be asked: In and Err are a terminal
	Screen bool                     // Out is a terminal
	Colour bool                     // Out takes colours
	Size   func() (width, rows int) // of the screen
	Now    func() time.Time         // its location is the one that times are shown in
}

// Stdio is the terminal of this process. Colours are used on a terminal, unless
// NO_COLOR is set (https://no-color.org) or TERM is dumb.
func Stdio(getenv func(string) string) Terminal {
	screen := isTerminal(os.Stdout)
	return Terminal{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Asks: isTerminal(os.Stdin) && isTerminal(os.Stderr), Screen: screen && getenv("TERM") != "dumb",
		Colour: screen && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb",
		Size:   screenSize, Now: time.Now,
	}
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// screenSize asks at each call, as windows are resized.
func screenSize() (width, rows int) {
	width, rows, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil || width <= 0 || rows <= 0 {
		return 80, 24
	}
	return width, rows
}
