package durable

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/stent-dev/stent/internal/wire"
)

// Awaitable is what an orchestrator can wait for: a Future, or several joined
// by AllOf, AnyOf, AllOrFailureOf or FirstSuccessOf. Only this package makes them.
type Awaitable interface {
	// settledAt is the order in which it settled; false while it is open.
	settledAt() (int, bool)
	// failure is why it did not complete, once it has settled.
	failure() error
	// await is how an answer names what is still open of it.
	await() wire.Await
	// belongs tells whether it was made by that run alone.
	belongs(r *run) bool
}

// Future is a step that was started and will settle with a T. It belongs to the
// orchestrator that started it and is used from its goroutine only.
type Future[T any] struct {
	*step
	decode func(json.RawMessage) (T, error)
}

func newFuture[T any](s *step) *Future[T] {
	return &Future[T]{s, func(b json.RawMessage) (T, error) { return decode[T](b) }}
}

// Get waits until the step has settled and returns its value. The error of a
// step that failed or was cancelled is a *StepError.
//
// Getting many futures one after the other may cost a turn for each; Gather and
// All wait for all of them in one.
func (f *Future[T]) Get() (T, error) {
	var zero T
	f.run.enter("Future.Get")
	f.run.wait(f)
	if err := f.failure(); err != nil {
		return zero, err
	}
	v, err := f.decode(f.value)
	if err != nil {
		return zero, fmt.Errorf("decoding the result of step %s: %w", f.key, err)
	}
	return v, nil
}

// Settled tells, without waiting, whether Get returns at once. It changes only
// while the orchestrator waits for something.
func (f *Future[T]) Settled() bool { return f.order > 0 }

// Key is the step's key, such as "charge#0".
func (f *Future[T]) Key() string { return f.key }

// Cancel cancels the step unless it has settled: Get then returns an error that
// matches ErrCancelled. See Cancel for several at once.
func (f *Future[T]) Cancel() { f.run.cancel(f.step) }

// Cancellable is a Future of any type.
type Cancellable interface {
	Awaitable
	base() *step
}

func (f *Future[T]) base() *step { return f.step }

// Cancel cancels those of the steps that have not settled, as one step. Work
// that a worker is doing at the time is not interrupted; its result is dropped.
func Cancel(ctx *Context, futures ...Cancellable) {
	steps := make([]*step, len(futures))
	for i, f := range futures {
		steps[i] = f.base()
	}
	ctx.run.cancel(steps...)
}

func (r *run) cancel(steps ...*step) {
	r.enter("Cancel")
	var targets []string
	for _, s := range steps {
		if s.run != r {
			panic("durable: Cancel of a Future of another run")
		}
		if s.order == 0 && !s.cancelled {
			s.cancelled = true
			targets = append(targets, s.key)
		}
	}
	if len(targets) > 0 {
		r.command(&wire.Command{Key: r.nextKey("cancel"), Op: wire.OpCancel, Targets: targets})
	}
}

// All waits until all have settled, in one turn however many they are. The
// error is that of the first failed one in the order of the arguments, nil if
// all completed; each Future's own Get tells the rest.
func All(ctx *Context, of ...Awaitable) error {
	ctx.wait(AllOf(of...))
	for _, a := range of {
		if err := a.failure(); err != nil {
			return err
		}
	}
	return nil
}

// AllOrFailure waits until all have completed or one has failed, and returns
// the error of the one that failed first. The others stay open: Cancel them, or
// wait for them later.
func AllOrFailure(ctx *Context, of ...Awaitable) error {
	a := AllOrFailureOf(of...)
	ctx.wait(a)
	return a.failure()
}

// Any waits until one has settled, whether it completed or failed, and returns
// the index of the first. It panics when there is nothing to wait for.
func Any(ctx *Context, of ...Awaitable) int {
	if len(of) == 0 {
		panic("durable: Any of nothing never settles")
	}
	ctx.wait(AnyOf(of...))
	return earliest(of, func(Awaitable) bool { return true })
}

// FirstSuccess waits until one has completed and returns the index of the
// first, or until all have failed and returns -1 and all their errors. It panics
// when there is nothing to wait for.
func FirstSuccess(ctx *Context, of ...Awaitable) (int, error) {
	if len(of) == 0 {
		panic("durable: FirstSuccess of nothing never settles")
	}
	ctx.wait(FirstSuccessOf(of...))
	if i := earliest(of, completed); i >= 0 {
		return i, nil
	}
	return -1, failures(of)
}

// Gather waits until all futures have completed and returns their values in
// order, or the error of the one that failed first as soon as it is known. It is
// the usual end of a fan-out.
func Gather[T any](ctx *Context, futures []*Future[T]) ([]T, error) {
	if err := AllOrFailure(ctx, Each(futures)...); err != nil {
		return nil, err
	}
	out := make([]T, len(futures))
	for i, f := range futures {
		v, err := f.Get()
		if err != nil {
			return nil, err
		}
		out[i] = v
	}
	return out, nil
}

// Each passes a slice of futures of one type to All, Any and their like:
//
//	i := durable.Any(ctx, durable.Each(futures)...)
func Each[T any](futures []*Future[T]) []Awaitable {
	out := make([]Awaitable, len(futures))
	for i, f := range futures {
		out[i] = f
	}
	return out
}

func completed(a Awaitable) bool { return a.failure() == nil }

// earliest is the index of the one that settled first among the settled ones
// that count, or -1.
func earliest(of []Awaitable, counts func(Awaitable) bool) int {
	found, first := -1, 0
	for i, a := range of {
		order, settled := a.settledAt()
		if settled && (found < 0 || order < first) && counts(a) {
			found, first = i, order
		}
	}
	return found
}

func failures(of []Awaitable) error {
	errs := make([]error, len(of))
	for i, a := range of {
		errs[i] = a.failure()
	}
	return errors.Join(errs...)
}
