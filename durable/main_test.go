package durable_test

import (
	"log/slog"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// discard is for tests that make workers fail on purpose.
var discard = slog.New(slog.DiscardHandler)
