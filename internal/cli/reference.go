package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

const referenceHead = `# The command line

This page is generated from the commands themselves by ` + "`make generate`" + `; ` + "`stent COMMAND --help`" + ` says the same.

` + "`stent`" + ` speaks REST to the service at ` + "`--url`" + ` or ` + "`STENT_URL`" + `, by default <` + DefaultURL + `>, with the API key of
` + "`--api-key`" + `, ` + "`STENT_API_KEY`" + ` or, on a machine that has it, the first of ` + "`STENT_API_KEYS`" + `.

- What was asked for goes to standard output, everything else to standard error.
- ` + "`--output json`" + ` writes what REST answered, byte for byte, a line for each answer; [openapi.yaml](../openapi.yaml) says what is in it.
  On a terminal, characters that could steer it are escaped.
- Arguments and options must not be empty, as those of a variable that is not set: they are refused, not left out.
- Colours and live screens are for terminals only; ` + "`NO_COLOR`" + ` turns colours off.
- What cannot be taken back is asked about first. ` + "`--force`" + ` skips the question; where nobody can be asked it is needed.
- ` + "`stent completion bash|zsh|fish|powershell`" + ` writes a completion script for the shell, which knows functions, queues and
  executions too: ` + "`source <(stent completion bash)`" + `.

## Exit codes

| code | meaning |
| --- | --- |
`

// Reference writes a page about every command, as Markdown.
func (p *Program) Reference(out io.Writer) error {
	var b strings.Builder
	b.WriteString(referenceHead)
	for _, e := range Exits() {
		fmt.Fprintf(&b, "| %d | %s |\n", e.Code, e.Meaning)
	}
	p.Root.InitDefaultHelpFlag()
	for _, group := range p.Root.Groups() {
		fmt.Fprintf(&b, "\n## %s\n", strings.TrimSuffix(group.Title, ":"))
		for _, c := range p.Root.Commands() {
			if c.GroupID == group.ID {
				describe(&b, c)
			}
		}
	}
	b.WriteString("\n## Flags of every command\n\n" + flagTable(p.Root.PersistentFlags().FlagUsages()))
	_, err := io.WriteString(out, b.String())
	return err
}

// describe writes about a command, and about those in it.
func describe(b *strings.Builder, c *cobra.Command) {
	if c.Hidden {
		return
	}
	c.InitDefaultHelpFlag()
	usage := strings.TrimSuffix(c.UseLine(), " [flags]")
	fmt.Fprintf(b, "\n### %s\n\n%s\n", usage, c.Short+".")
	if c.Long != "" {
		fmt.Fprintf(b, "\n%s\n", c.Long)
	}
	if c.Example != "" {
		fmt.Fprintf(b, "\n```sh\n%s\n```\n", unindent(c.Example))
	}
	if table := flagTable(c.LocalNonPersistentFlags().FlagUsages()); table != "" {
		b.WriteString("\n" + table)
	}
	for _, sub := range c.Commands() {
		describe(b, sub)
	}
}

// flagTable shows flags as their help does, without --help itself.
func flagTable(usages string) string {
	var lines []string
	for line := range strings.Lines(usages) {
		if !strings.Contains(line, "--help ") {
			lines = append(lines, strings.TrimRight(line, "\n"))
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return "```text\n" + strings.Join(lines, "\n") + "\n```\n"
}

func unindent(text string) string {
	return strings.ReplaceAll(strings.TrimPrefix(text, "  "), "\n  ", "\n")
}
