package app_test

import (
	"flag"
	"strings"
	"testing"

	"github.com/stent-dev/stent/internal/app"
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
