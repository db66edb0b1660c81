package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/stent-dev/stent/internal/app"
	"github.com/stent-dev/stent/internal/cli"
)

// referenceCommand writes pages of docs/ that are made from the program itself, for make generate.
func referenceCommand() *cobra.Command {
	reference := &cobra.Command{Use: "reference", Short: "Write a page of the documentation, as Markdown", Hidden: true}
	page := func(name, short string, write func(io.Writer) error) {
		reference.AddCommand(&cobra.Command{
			Use: name, Short: short, Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return write(cmd.OutOrStdout()) },
		})
	}
	page("cli", "Write docs/cli.md", commands)
	page("settings", "Write docs/settings.md", app.WriteSettings)
	return reference
}

// commands writes the reference of a command line to which the environment says nothing.
func commands(out io.Writer) error {
	nothing := func(string) string { return "" }
	return program(cli.Stdio(nothing), nothing).Reference(out)
}
