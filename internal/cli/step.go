package cli

import (
	"cmp"
	"fmt"
	"time"

	"github.com/stent-dev/stent/durable"
)

// status is a task's state in the words of the tree.
func status(t *durable.TaskInfo) string {
	switch {
	case t.State == "completed" && t.CacheHit:
		return "cached"
	case t.State == "waiting" && t.Kind == "map":
		return "running"
	case t.State == "pending" && t.Retries > 0:
		return "retrying"
	}
	return t.State
}

// tries writes how often a task was delivered, if that is worth knowing. An
// orchestrator is delivered for each of its turns.
func tries(t *durable.TaskInfo) string {
	switch {
	case t.Kind == "activity" && t.Attempt > 0:
		return fmt.Sprint(t.Attempt)
	case t.Retries > 0:
		return fmt.Sprintf("%d retried", t.Retries)
	}
	return ""
}

// detail says what there is to say of a step: what it waits for, why it failed, how
// far it is, what came of it; all of that, or what fits on a line.
func (s *session) detail(n *node, all bool) (text string, p paint) {
	t := n.task
	switch {
	case t.State == "failed":
		return failure(t.Error), red
	case t.Kind == "map":
		return mapDetail(n), plain
	case t.State == "completed":
		return resultOf(t, all), dim
	case t.State == "cancelled":
		return "", dim
	case t.State == "pending":
		return s.pendingDetail(n), yellow
	case t.State == "waiting":
		return s.waitingDetail(t), plain
	case !absent(t.Details):
		return compact(t.Details), plain
	}
	return "", plain
}

// resultOf shows a result, its beginning or all of it, where it says more than that the
// step completed.
func resultOf(t *durable.TaskInfo, all bool) string {
	if absent(t.Result) || t.Kind == "timer" {
		return ""
	}
	if all {
		return compact(t.Result)
	}
	return cut(compact(t.Result), 60)
}

// began is when a step began: a wait when it was made, what is delivered when it first was.
func began(t *durable.TaskInfo) *time.Time {
	if t.StartedAt == nil && (t.Kind == "map" || t.Kind == "timer" || t.Kind == "signal") {
		return &t.CreatedAt
	}
	return t.StartedAt
}

func mapDetail(n *node) string {
	counts := map[string]int{}
	for _, child := range n.children {
		counts[status(child.task)]++
	}
	if len(counts) == 1 {
		return tally(counts)
	}
	return join(": ", count(len(n.children), "item", "items"), tally(counts))
}

func (s *session) pendingDetail(n *node) string {
	t, when := n.task, cmp.Or(n.held, "due")
	if t.ScheduledFor != nil && t.ScheduledFor.After(s.Now()) {
		when = "starts " + s.until(*t.ScheduledFor)
		if t.Retries > 0 {
			when = "next attempt " + s.until(*t.ScheduledFor)
		}
	}
	return after(when, t.Error)
}

func (s *session) waitingDetail(t *durable.TaskInfo) string {
	var until string
	if t.ScheduledFor != nil {
		until = "until " + s.until(*t.ScheduledFor)
	}
	switch t.Kind {
	case "signal":
		return join(" ", "for the signal "+t.Name, until)
	case "activity":
		return join(" ", "for the result of another call with the same key", until)
	}
	return until
}

// offset writes how long after the execution's start something began.
func offset(from time.Time, at *time.Time) string {
	if at == nil {
		return ""
	}
	return "+" + span(at.Sub(from))
}

// stepTable lays out the lines of a tree.
func (s *session) stepTable(e *durable.Execution, lines []line, all bool) *grid {
	g := s.grid("STEP", "STATUS", "START", "TOOK", "TRIES", "DETAIL")
	from := e.CreatedAt
	if e.StartedAt != nil {
		from = *e.StartedAt
	}
	for _, l := range lines {
		switch {
		case l.error != nil:
			a := l.error
			code := ""
			if a.StatusCode != 0 {
				code = fmt.Sprintf("HTTP %d", a.StatusCode)
			}
			g.add(in(dim, l.branch+l.text), state("failed"), in(plain, offset(from, &a.StartedAt)), in(plain, span(a.EndedAt.Sub(a.StartedAt))),
				in(plain, ""), in(red, join(", ", code, failure(a.Error))))
		case l.node == nil:
			g.add(in(dim, l.branch+l.text))
		default:
			t := l.node.task
			text, p := s.detail(l.node, all)
			g.add(in(plain, l.branch+l.node.label), state(status(t)), in(plain, offset(from, began(t))), in(plain, s.took(began(t), t.CompletedAt)),
				in(plain, tries(t)), in(p, text))
		}
	}
	return g
}
