package app_test

import (
	"errors"
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stent-dev/stent/internal/app"
	"github.com/stent-dev/stent/internal/testenv"
)

func TestCallbackSecretIsCheckedAndNotShown(t *testing.T) {
	t.Parallel()
	for secret, good := range map[string]bool{"": true, callbackSecret: true, "whsec_§": false} {
		s := app.DefaultSettings()
		flags := flag.NewFlagSet("x", flag.ContinueOnError)
		var usage strings.Builder
		flags.SetOutput(&usage)
		getenv := func(name string) string { return map[string]string{"STENT_CALLBACK_SECRET": secret}[name] }
		if err := s.Register(flags, getenv); err != nil || s.CallbackSecret != secret {
			t.Errorf("%q was read as %q: %v", secret, s.CallbackSecret, err)
		}
		err := s.Check()
		if (err == nil) != good || err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", secret, err)
		}
		flags.PrintDefaults()
		if secret != "" && strings.Contains(usage.String(), secret) {
			t.Errorf("the usage shows the secret:\n%s", usage.String())
		}
	}
}

func TestProgramsExitWith2WhenTheirSettingsAreWrong(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"./cmd/stent dev", "./cmd/api", "./cmd/scheduler"} {
		fields := strings.Fields(line)
		program := testenv.Build(t, fields[0])
		for _, wrong := range []string{"--lease-duration=1ms", "--log-level=loud", "--nothing=1", "--concurrency=0"} {
			cmd := exec.CommandContext(t.Context(), program, append(fields[1:], wrong)...)
			cmd.Dir, cmd.Env = t.TempDir(), os.Environ()
			output, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 2 || len(output) == 0 {
				t.Errorf("%s %s: %v\n%s", line, wrong, err, output)
			}
		}
	}
}

// A scheduler listens only where it is told to.
func TestHelpOfProgramsSaysWhereTheyListen(t *testing.T) {
	t.Parallel()
	for program, want := range map[string]bool{"api": true, "scheduler": false} {
		cmd := exec.CommandContext(t.Context(), testenv.Build(t, "./cmd/"+program), "-h")
		cmd.Env = []string{}
		output, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(output), "(STENT_ADDR)") || strings.Contains(string(output), "default "+app.DefaultAddr) != want {
			t.Errorf("%s -h: %v\n%s", program, err, output)
		}
	}
}
