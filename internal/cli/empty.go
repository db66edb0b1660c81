package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// refuseEmpty refuses arguments and flags with an empty text. It is what becomes of a
// variable that is not set: to go on without it would act on more than was meant, or
// ask the service for something else.
func refuseEmpty(cmd *cobra.Command, args []string) error {
	if i := slices.Index(args, ""); i >= 0 {
		return usagef("%s is empty", argument(cmd, i))
	}
	empty := ""
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if empty == "" && slices.Contains(texts(f), "") {
			empty = f.Name
		}
	})
	if empty != "" {
		return usagef("--%s is empty: leave it out, or say something", empty)
	}
	return nil
}

// texts gives what was said with a flag: of one that may be repeated, each time.
func texts(f *pflag.Flag) []string {
	list, ok := f.Value.(pflag.SliceValue)
	if !ok {
		return []string{f.Value.String()}
	}
	if all := list.GetSlice(); len(all) > 0 {
		return all
	}
	return []string{""}
}

// argument gives the name of a command's argument, as its usage has it. The last one
// may stand for several.
func argument(cmd *cobra.Command, i int) string {
	names := argumentNames(cmd)
	return names[min(i, len(names)-1)]
}

// argumentNames reads the names of a command's arguments in its usage.
func argumentNames(cmd *cobra.Command) []string {
	var names []string
	for _, word := range strings.Fields(cmd.Use)[1:] {
		if name := strings.Trim(word, "[].…"); name == strings.ToUpper(name) {
			names = append(names, name)
		}
	}
	return names
}
