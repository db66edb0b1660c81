package durabletest_test

import (
	"log/slog"
	"testing"

	"go.uber.org/goleak"

	"github.com/stent-dev/stent/durable"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newWorker is a worker without functions that keeps silent when they fail on purpose.
func newWorker(opts ...durable.WorkerOption) *durable.Worker {
	return durable.NewWorker(append(opts, durable.Logger(slog.New(slog.DiscardHandler)))...)
}
