package durable

import (
	"time"

	"github.com/stent-dev/stent/internal/wire"
)

// NoTimeout makes WaitSignal wait for as long as it takes.
const NoTimeout time.Duration = 0

// WaitSignal waits until a signal of that name is sent to the execution and
// returns its payload. Signals are kept in order until someone waits, and each is
// taken once. If none comes in time the error matches ErrTimeout. A negative
// timeout takes a signal that is there already, or none.
func WaitSignal[T any](ctx *Context, name string, timeout time.Duration) (T, error) {
	return NextSignal[T](ctx, name, timeout).Get()
}

// NextSignal is WaitSignal that returns at once, to wait for a signal together with
// other things. It takes its place in the order of waits now: a future that is
// no longer wanted should be cancelled, or it takes a signal all the same.
func NextSignal[T any](ctx *Context, name string, timeout time.Duration) *Future[T] {
	r := ctx.run
	r.enter("NextSignal")
	c := &wire.Command{Op: wire.OpWaitSignal, Name: name}
	if timeout != NoTimeout {
		c.Timeout = wire.FormatDuration(timeout)
	}
	return newFuture[T](r.commandNamed(c))
}
