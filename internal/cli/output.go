package cli

import (
	"fmt"
	"io"
)

// output is where what was asked for is written. It remembers when that fails, so
// that a failure is told whoever wrote: also after help, which cannot return it.
type output struct {
	to     io.Writer
	failed error // the first failure; an *exitError
}

// Write fails for good once it has failed: there would be a gap.
func (o *output) Write(p []byte) (int, error) {
	if o.failed != nil {
		return 0, o.failed
	}
	n, err := o.to.Write(p)
	if err != nil {
		o.failed = &exitError{ExitFailed, fmt.Errorf("writing the output: %w", err), ""}
	}
	return n, o.failed
}
