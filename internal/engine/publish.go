package engine

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/wake"
	"github.com/stent-dev/stent/internal/workflow"
)

// committed tells everyone what a transaction that is stored has changed: the
// scheduler of this process takes what was handed to it, and hints go out.
func (e *Engine) committed(t *tenant, terms *workflow.Terms, c *workflow.Change, saved db.Saved) {
	swept := make(map[workflow.ID]bool, len(saved.Swept))
	stop := slices.Clone(saved.Swept)
	for _, l := range saved.Swept {
		swept[l.Task] = true
	}
	for _, u := range c.Tasks {
		if u.State == workflow.TaskCancelled && u.Kind.Delivered() {
			stop = append(stop, workflow.Lease{Execution: u.Execution, Task: u.ID, Token: u.WasToken})
		}
	}
	e.journals.stored(c)
	e.sharing.stored(c)
	e.watching.stored(c)
	t.take(terms, c, swept)
	t.abort(stop)

	hint := wake.Hint{Queues: dueQueues(c)}
	if len(saved.Swept) > 0 {
		hint.Queues = append(hint.Queues, anyQueue) // slots may be free
	}
	for _, l := range stop {
		hint.Cancelled = append(hint.Cancelled, cancellation(l))
	}
	for _, x := range c.Executions {
		if x.State.Terminal() {
			hint.Executions = append(hint.Executions, x.ID.String())
		}
	}
	in, later := soonest(c)
	if later && t == nil {
		hint.Queues = append(hint.Queues, anyQueue) // a scheduler is to look when it will be due
	}
	e.bus.Publish(hint)
	if later {
		t.dueIn(in)
	}
}

// dueQueues names the queues in which a change leaves tasks due that nobody holds.
func dueQueues(c *workflow.Change) []string {
	var queues []string
	seen := map[string]bool{}
	add := func(queue string) {
		if !seen[queue] {
			seen[queue] = true
			queues = append(queues, queue)
		}
	}
	each(c, func(t *workflow.Task) {
		if t.DueAt != nil && !t.DueAt.After(c.Now) {
			add(t.Queue)
		}
	})
	for _, queue := range c.FreedQueues {
		add(queue)
	}
	some := func(r workflow.Release) bool { return !r.Parked }
	resumed := func(p workflow.Park) bool { return !p.Paused }
	if slices.ContainsFunc(c.Releases, some) || slices.ContainsFunc(c.Parks, resumed) {
		add(anyQueue)
	}
	return queues
}

// cancellation names a lease that ended, as hints carry it: task and token.
func cancellation(l workflow.Lease) string {
	return l.Task.String() + "/" + strconv.FormatInt(l.Token, 10)
}

// Cancelled reads what hints carry of leases that ended; Execution is not set.
func Cancelled(hint []string) []workflow.Lease {
	ended := make([]workflow.Lease, 0, len(hint))
	for _, text := range hint {
		task, token, _ := strings.Cut(text, "/")
		id, err := workflow.ParseID(task)
		newest, notANumber := strconv.ParseInt(token, 10, 64)
		if err == nil && notANumber == nil {
			ended = append(ended, workflow.Lease{Task: id, Token: newest})
		}
	}
	return ended
}

// anyQueue hints at work in a queue that is not known.
const anyQueue = "*"

// soonest is how long it is until the first task of a change that becomes due later.
func soonest(c *workflow.Change) (in time.Duration, ok bool) {
	each(c, func(t *workflow.Task) {
		if t.DueAt == nil || !t.DueAt.After(c.Now) {
			return
		}
		if until := t.DueAt.Sub(c.Now); !ok || until < in {
			in, ok = until, true
		}
	})
	return in, ok
}

func each(c *workflow.Change, visit func(*workflow.Task)) {
	for _, t := range c.NewTasks {
		visit(t)
	}
	for _, u := range c.Tasks {
		visit(u.Task)
	}
}
