package wake

// maxListed bounds each list of hints that were merged: whoever would have to
// look at more does better to look at everything.
const maxListed = 1000

// Hint says what may be worth a look.
type Hint struct {
	Queues     []string // have due work
	Executions []string // changed, for those who wait for them
	Cancelled  []string // leases whose deliveries should stop, as TASK/TOKEN
	Watched    []string // executions of which somebody wants to hear each change, for a while
	Changed    []string // executions that are watched and have changed in whatever way
	Functions  bool     // the registry changed
	All        bool     // something was missed: look at everything
}

// Any stands in Watched and Changed for all executions, or more than can be listed.
const Any = "*"

// Empty reports whether a hint says nothing.
func (h Hint) Empty() bool {
	return !h.Functions && !h.All && len(h.Queues) == 0 && len(h.Executions) == 0 && len(h.Cancelled) == 0 &&
		len(h.Watched) == 0 && len(h.Changed) == 0
}

// batch merges hints that wait to be sent. The zero value is empty.
type batch struct {
	queues, executions, cancelled set
	watched, changed              set
	functions, all                bool
}

func (b *batch) add(h Hint) {
	b.functions = b.functions || h.Functions
	b.all = b.all || h.All
	for _, list := range []struct {
		into *set
		from []string
	}{{&b.queues, h.Queues}, {&b.executions, h.Executions}, {&b.cancelled, h.Cancelled}} {
		if !list.into.add(list.from) {
			b.all = true
		}
	}
	b.watched.addOrAny(h.Watched)
	b.changed.addOrAny(h.Changed)
}

// hint returns what was merged. All says the rest already, but for
// cancellations, which hasten most, and who watches what.
func (b *batch) hint() Hint {
	h := Hint{Cancelled: b.cancelled.list, Watched: b.watched.list, Functions: b.functions, All: b.all}
	if !b.all {
		h.Queues, h.Executions, h.Changed = b.queues.list, b.executions.list, b.changed.list
	}
	return h
}

// set keeps distinct strings in the order of their arrival.
type set struct {
	seen map[string]struct{}
	list []string
}

// add returns false when the set had to be dropped because it grew too large.
func (s *set) add(values []string) bool {
	for _, v := range values {
		if _, ok := s.seen[v]; ok {
			continue
		}
		if len(s.list) >= maxListed {
			*s = set{}
			return false
		}
		if s.seen == nil {
			s.seen = make(map[string]struct{})
		}
		s.seen[v] = struct{}{}
		s.list = append(s.list, v)
	}
	return true
}

// addOrAny adds values, and Any in place of all when they are too many.
func (s *set) addOrAny(values []string) {
	if _, all := s.seen[Any]; !all && !s.add(values) {
		s.add([]string{Any})
	}
}
