package cli

import (
	"fmt"
	"slices"
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

// textFlags are the flags whose text matters: those that select and name things.
var textFlags = []string{"function", "queue", "tag", "state", "kind", "execution", "from-step", "idempotency-key", "callback-url", "secret"}

// refuseEmpty refuses flags with an empty text. It is what becomes of a variable that
// is not set, and to go on without the flag would act on more than was meant.
func refuseEmpty(cmd *cobra.Command) error {
	for _, name := range textFlags {
		f := cmd.Flags().Lookup(name)
		if f == nil || !f.Changed {
			continue
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(interface{ GetSlice() []string }); ok {
			values = list.GetSlice()
		}
		if len(values) == 0 || slices.Contains(values, "") {
			return usagef("--%s is empty: leave it out, or say something", name)
		}
	}
	return nil
}
