package app

import (
	"fmt"
	"io"
	"strings"
)

const settingsHead = `# Settings

This page is generated from the settings themselves by ` + "`make generate`" + `; ` + "`--help`" + ` of a program says the same.

Each setting of ` + "`cmd/api`, `cmd/scheduler` and `stent dev`" + ` is an environment variable and a flag; the flag wins. Durations are
written ` + "`250ms`, `30s`, `5m`, `12h` or `30d`" + `. Traces are set up by OpenTelemetry's own variables ([telemetry.md](telemetry.md)),
the command line by ` + "`STENT_URL` and `STENT_API_KEY`" + ` ([cli.md](cli.md)).

| setting | flag | default | meaning |
| --- | --- | --- | --- |
`

// WriteSettings writes a page about every setting, as Markdown.
func WriteSettings(out io.Writer) error {
	s := DefaultSettings()
	var b strings.Builder
	b.WriteString(settingsHead)
	for _, one := range s.all() {
		value := "none"
		if text := one.value.String(); text != "" {
			value = "`" + text + "`"
		}
		fmt.Fprintf(&b, "| `%s` | `--%s` | %s | %s |\n", one.env, one.flag, value, strings.ReplaceAll(one.usage, "|", "\\|"))
	}
	_, err := io.WriteString(out, b.String())
	return err
}
