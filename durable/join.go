package durable

import "github.com/stent-dev/stent/internal/wire"

// AllOf joins awaitables into one that settles when all have settled. Joins
// nest, which All and Any alone do not:
//
//	durable.Any(ctx, durable.AllOf(paid, packed), deadline)
//
// An AllOf of nothing has settled.
func AllOf(of ...Awaitable) Awaitable { return &join{mode: joinAll, of: of} }

// AllOrFailureOf is AllOf, but settles as soon as one has failed.
func AllOrFailureOf(of ...Awaitable) Awaitable { return &join{mode: joinAllOrFailure, of: of} }

// AnyOf settles when one has settled; of nothing, never.
func AnyOf(of ...Awaitable) Awaitable { return &join{mode: joinAny, of: of} }

// FirstSuccessOf settles when one has completed or all have failed; of nothing, never.
func FirstSuccessOf(of ...Awaitable) Awaitable { return &join{mode: joinFirstSuccess, of: of} }

type joinMode int

const (
	joinAll joinMode = iota
	joinAllOrFailure
	joinAny
	joinFirstSuccess
)

type join struct {
	mode joinMode
	of   []Awaitable

	// head counts how many at the start of the list are known to have settled,
	// so that waiting for n of them one after the other does not look n times at each.
	head int
}

func (j *join) belongs(r *run) bool {
	for _, a := range j.of {
		if !a.belongs(r) {
			return false
		}
	}
	return true
}

func (j *join) settledAt() (int, bool) {
	switch j.mode {
	case joinAny:
		return j.orderOf(earliest(j.of, func(Awaitable) bool { return true }))
	case joinFirstSuccess:
		if i := earliest(j.of, completed); i >= 0 {
			return j.orderOf(i)
		}
		if len(j.of) == 0 {
			return 0, false
		}
	case joinAllOrFailure:
		// All of the list is searched, but it is short work: an open step has no error to make.
		if i := earliest(j.of, failed); i >= 0 {
			return j.orderOf(i)
		}
	}
	return j.allSettledAt()
}

func (j *join) allSettledAt() (last int, settled bool) {
	for ; j.head < len(j.of); j.head++ {
		if _, settled := j.of[j.head].settledAt(); !settled {
			return 0, false
		}
	}
	for _, a := range j.of {
		order, _ := a.settledAt()
		last = max(last, order)
	}
	return last, true
}

func (j *join) orderOf(i int) (int, bool) {
	if i < 0 {
		return 0, false
	}
	return j.of[i].settledAt()
}

func failed(a Awaitable) bool { return a.failure() != nil }

// failure is the error that the join as a whole stands for, once it has settled.
func (j *join) failure() error {
	switch j.mode {
	case joinAny:
		if i := earliest(j.of, func(Awaitable) bool { return true }); i >= 0 {
			return j.of[i].failure()
		}
	case joinFirstSuccess:
		if earliest(j.of, completed) < 0 {
			return failures(j.of)
		}
	default:
		if i := earliest(j.of, failed); i >= 0 {
			return j.of[i].failure()
		}
	}
	return nil
}

// await leaves out what has settled already: an open join is not decided by it.
func (j *join) await() wire.Await {
	var open []wire.Await
	for _, a := range j.of {
		if _, settled := a.settledAt(); !settled {
			open = append(open, a.await())
		}
	}
	if len(open) == 1 {
		return open[0]
	}
	switch j.mode {
	case joinAll:
		return wire.Await{All: open}
	case joinAllOrFailure:
		return wire.Await{AllOrFailure: open}
	case joinAny:
		return wire.Await{Any: open}
	default:
		return wire.Await{FirstSuccess: open}
	}
}
