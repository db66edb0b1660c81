package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/stent-dev/stent/internal/cli"
)

// referenceCommand writes docs/cli.md, for make generate.
func referenceCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "reference",
		Short:  "Write the reference of the command line, as Markdown",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE:   func(cmd *cobra.Command, _ []string) error { return reference(cmd.OutOrStdout()) },
	}
}

// reference writes the reference of a command line to which the environment says nothing.
func reference(out io.Writer) error {
	nothing := func(string) string { return "" }
	return program(cli.Stdio(nothing), nothing).Reference(out)
}
