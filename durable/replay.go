package durable

import (
	"fmt"
	"net/http"
	"sort"
	"strconv"
	"strings"

	"github.com/stent-dev/stent/internal/wire"
)

// extends tells whether the run can go on with t: whether t's history begins
// with the events that were applied, has every step that earlier histories had,
// and agrees on what they are. If not, the run is replayed from the start.
func (r *run) extends(t *turn) bool {
	was, is := &r.first.Execution, &t.Execution
	if was.ID != is.ID || was.Function != is.Function || was.Seed != is.Seed || len(t.events) < r.applied {
		return false
	}
	var d uint64
	for _, e := range t.events[:r.applied] {
		d = digest(d, e)
	}
	if d != r.digest {
		return false
	}
	stored := 0
	for key, h := range t.steps {
		s := r.steps[key]
		if s == nil {
			continue // commanded by a turn that another worker ran; the code may yet come to it
		}
		if !s.agrees(h) {
			return false
		}
		if s.command == nil {
			stored++
		}
	}
	return stored == r.stored
}

// begin takes up a turn that extends what the run has seen.
func (r *run) begin(t *turn) {
	r.turn = t
	waiting := r.pending[:0]
	for _, s := range r.pending {
		if t.steps[s.key] != nil {
			s.command = nil
			r.stored++
		} else {
			waiting = append(waiting, s)
		}
	}
	clear(r.pending[len(waiting):])
	r.pending = waiting
	unmet := 0
	for key, h := range t.steps {
		if r.steps[key] == nil && h.Op != wire.OpVersion {
			unmet++
		}
	}
	r.setUnmet(unmet)
}

func (r *run) setUnmet(n int) {
	r.unmet = n
	r.replaying.Store(n > 0)
}

// atFrontier tells whether the code has reached the end of what the turn brought.
func (r *run) atFrontier() bool { return r.unmet == 0 && r.applied == len(r.turn.events) }

// nextKey counts the steps of a name: "charge#0", "charge#1", …
func (r *run) nextKey(base string) string {
	n := r.names[base]
	r.names[base] = n + 1
	return base + "#" + strconv.Itoa(n)
}

// command makes a step. One that the history has is not sent again. An
// immediate step is settled on return: from the history if it is there, else by
// what the command says.
func (r *run) command(c *wire.Command) *step {
	if r.steps[c.Key] != nil {
		panic(fmt.Sprintf("durable: the key %q is used for two steps", c.Key))
	}
	s := &step{run: r, key: c.Key, op: c.Op, name: c.Name, unaware: !r.cancelSeen}
	r.steps[c.Key] = s
	h := r.turn.steps[c.Key]
	if h == nil {
		s.command = c
		r.pending = append(r.pending, s)
		if !awaited(c.Op) {
			s.settle(statusOf(c.Error), c.Value, c.Error)
		}
		return s
	}
	if h.Op != c.Op || h.Name != c.Name {
		// The service compares too, and blocks with a message that tells both: so send it.
		s.command = c
		r.pending = append(r.pending, s)
		r.abort(&report{await: &wire.Await{Key: c.Key}, misfit: true})
	}
	r.stored++
	if h.Op != wire.OpVersion {
		r.setUnmet(r.unmet - 1)
	}
	if !awaited(c.Op) {
		s.settle(statusOf(h.Error), h.Value, h.Error)
	}
	return s
}

func statusOf(err *wire.Error) string {
	if err != nil {
		return wire.StatusFailed
	}
	return wire.StatusCompleted
}

// wait returns when a has settled. Until then it applies the events of the
// history one at a time, and parks when there are no more. As one event at most
// is applied before the code runs on, the code sees them in the order in which
// they happened, however they were spread over turns.
func (r *run) wait(a Awaitable) {
	if !a.belongs(r) {
		panic("durable: waiting for a Future of another run")
	}
	for {
		if _, settled := a.settledAt(); settled {
			return
		}
		switch {
		case r.applied < len(r.turn.events):
			r.apply(r.turn.events[r.applied])
		case r.unmet > 0:
			r.abort(r.skippedSteps("it waits for " + describeAwait(a.await())))
		default:
			r.park(a)
		}
	}
}

// apply settles one step.
func (r *run) apply(e *wire.Step) {
	s := r.steps[e.Key]
	if s == nil {
		// A step settles only after the turn that commanded it, and the code has
		// been given all that this turn had.
		r.abort(r.skippedSteps("it did not command it before the step settled"))
	}
	r.applied++
	r.digest = digest(r.digest, e)
	if e.Status == wire.StatusCancelled && !s.cancelled {
		r.cancelSeen = true // nobody else cancels single steps
	}
	s.settle(e.Status, e.Value, e.Error)
}

// skippedSteps is the report of code that left out a step of the history.
func (r *run) skippedSteps(came string) *report {
	var missing []*wire.Step
	for key, h := range r.turn.steps {
		if r.steps[key] == nil && h.Op != wire.OpVersion {
			missing = append(missing, h)
		}
	}
	sort.Slice(missing, func(i, j int) bool { return missing[i].Key < missing[j].Key })
	first := missing[0]
	var b strings.Builder
	fmt.Fprintf(&b, "the code does not fit the history: expected step %q (%s)", first.Key, describeStep(first.Op, first.Name))
	if n := len(missing) - 1; n > 0 {
		fmt.Fprintf(&b, " and %d more", n)
	}
	b.WriteString(", came without it: " + came)
	for i, s := range r.pending {
		if i == 5 {
			fmt.Fprintf(&b, " and %d more", len(r.pending)-i)
			break
		}
		if i == 0 {
			b.WriteString("; new in the code:")
		}
		fmt.Fprintf(&b, " %q (%s)", s.key, describeStep(s.op, s.name))
	}
	return &report{misfit: true, problem: newProblem(http.StatusInternalServerError, "nondeterminism", b.String())}
}

func describeStep(op, name string) string {
	if name == "" {
		return op
	}
	return op + " " + name
}

func describeAwait(a wire.Await) string {
	if a.Key != "" {
		return strconv.Quote(a.Key)
	}
	n := len(a.Any) + len(a.All) + len(a.AllOrFailure) + len(a.FirstSuccess)
	return fmt.Sprintf("%d steps", n)
}
