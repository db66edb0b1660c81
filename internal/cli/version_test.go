package cli_test

import (
	"encoding/json"
	"runtime"
	"strings"
	"testing"

	"github.com/stent-dev/stent/internal/cli"
)

// The program needs no service to tell what it is.
func TestProgramTellsItsVersion(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"version", "--version"} {
		term := newTerminal(nil)
		exit := term.run(t.Context(), line)
		if out := term.out.String(); exit != cli.ExitOK || !strings.HasPrefix(out, "stent ") || !strings.Contains(out, runtime.Version()) || strings.Count(out, "\n") != 1 {
			t.Errorf("stent %s: exit %d: %s%s", line, exit, out, &term.err)
		}
	}
	term := newTerminal(nil)
	var told struct{ Version, Go, Platform string }
	exit := term.run(t.Context(), "version", "--output", "json")
	if err := json.Unmarshal(term.out.Bytes(), &told); err != nil || exit != cli.ExitOK || told.Version == "" || told.Go != runtime.Version() || told.Platform != runtime.GOOS+"/"+runtime.GOARCH {
		t.Errorf("exit %d: %s%s", exit, &term.out, &term.err)
	}
}
