// Package apptest runs Stent in the process of a test. It is for end-to-end tests
// of what speaks to Stent: the SDK's test kit and the examples.
package apptest

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/stent-dev/stent/internal/app"
	"github.com/stent-dev/stent/internal/testenv"
)

// Dev runs stent dev on an SQLite database of its own until the test ends, and gives
// its URL. Warnings go to the test's log. What the settings shall be but the default,
// change says.
func Dev(t testing.TB, change ...func(*app.Settings)) (url string) {
	t.Helper()
	settings := app.DefaultSettings()
	settings.Addr, settings.DatabaseURL = "127.0.0.1:0", testenv.SQLite(t)
	settings.Log = slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	for _, one := range change {
		one(&settings)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- app.Dev(ctx, settings, func(url string) { ready <- url }) }()
	select {
	case url = <-ready:
	case err := <-ended:
		stop()
		t.Fatalf("Stent does not start: %v", err)
	}
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Stent ended with: %v", err)
		}
	})
	return url
}

type testLog struct{ t testing.TB }

func (l testLog) Write(b []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}
