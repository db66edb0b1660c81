package cli

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
)

// atMost is a flag that takes how many there may be: from 1 to most. None would be
// taken for nothing said, and so for many.
type atMost struct {
	n    *int
	most int
}

// limitFlag adds the flag --limit, -n.
func limitFlag(cmd *cobra.Command, n *int, otherwise, most int, usage string) {
	*n = otherwise
	cmd.Flags().VarP(&atMost{n, most}, "limit", "n", usage)
}

// Type names the value in the help.
func (n *atMost) Type() string { return "int" }

func (n *atMost) String() string {
	if n.n == nil {
		return ""
	}
	return strconv.Itoa(*n.n)
}

// Set reads a number.
func (n *atMost) Set(text string) error {
	value, err := strconv.Atoi(text)
	if err != nil || value < 1 || value > n.most {
		return fmt.Errorf("%q is not a number from 1 to %d", text, n.most)
	}
	*n.n = value
	return nil
}
