package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/stent-dev/stent/durable"
)

// lineWriter writes each change of an execution as a line.
type lineWriter struct {
	*session
	*watched
	told map[string]string // what was last told of each thing, by its id
}

// follow follows an execution to its end, which is the last line: the service may
// tell of the end before it has told of every step.
func (l *lineWriter) follow(ctx context.Context, id string) error {
	if err := l.session.follow(ctx, id, l.take, l.outages()); err != nil {
		return err
	}
	return l.whole(&l.execution)
}

func (l *lineWriter) take(e durable.Event) error {
	var before durable.TaskInfo
	known := false
	if e.Task != nil {
		before, known = l.tasks[e.Task.ID]
	}
	l.apply(e)
	switch {
	case e.Execution != nil && !e.Execution.State.Terminal():
		return l.whole(e.Execution)
	case e.Task == nil:
		return nil
	case known && e.Task.Run > before.Run:
		if err := l.anew(e.Task); err != nil {
			return err
		}
	}
	return l.task(e.Task)
}

// whole tells how an execution stands.
func (l *lineWriter) whole(e *durable.Execution) error {
	return l.line(news{id: e.ID, since: l.momentOf(e), what: e.Function, at: stateOf(e), detail: cell{executionFailure(e.Error), red}})
}

// momentOf is when an execution came to be as it stands, where it says so: else what
// is told of it is news.
func (l *lineWriter) momentOf(e *durable.Execution) time.Time {
	_, again := l.told[e.ID]
	switch {
	case e.State.Terminal() && e.CompletedAt != nil:
		return *e.CompletedAt
	case e.State == durable.StatePending && !e.Paused && !again:
		return e.CreatedAt
	case e.State == durable.StateRunning && !e.Paused && !again && e.StartedAt != nil:
		return *e.StartedAt
	}
	return l.Now()
}

// anew tells that an orchestrator has begun anew, as after a restart or as it
// continued as new: what follows are steps of another run.
func (l *lineWriter) anew(t *durable.TaskInfo) error {
	name := l.execution.Function
	if !ownTask(t) {
		name = l.path(*t)
	}
	return l.line(news{id: t.ID + " run", since: l.Now(), what: name, at: cell{fmt.Sprintf("begins run %d", t.Run+1), plain}})
}

// task tells how a step stands. Of the items of a map, only failures are told.
func (l *lineWriter) task(t *durable.TaskInfo) error {
	parent, known := l.tasks[t.ParentTaskID]
	item := known && parent.Kind == "map"
	if l.past(t) || ownTask(t) || t.ParentTaskID == "" && t.StepKey == "deadline" || item && t.State != "failed" && t.Retries == 0 {
		return nil
	}
	n := &node{task: t}
	text, p := l.detail(n, false)
	key, _ := l.timeless().detail(n, false)
	if t.Kind == "map" {
		text, key = "", ""
	}
	if took := l.took(began(t), t.CompletedAt); t.CompletedAt != nil && took != "" {
		text = join("  ", took, text)
	}
	return l.line(news{id: t.ID, since: l.moment(t), what: l.path(*t), at: state(status(t)), detail: cell{text, p}, key: key})
}

// timeless is a session in which no time passes: what it writes is only new when
// something is.
func (l *lineWriter) timeless() *session {
	s := *l.session
	s.Now = func() time.Time { return time.Time{} }
	return &s
}

// moment is when a task came to be as it stands, where it says so.
func (l *lineWriter) moment(t *durable.TaskInfo) time.Time {
	switch {
	case t.CompletedAt != nil:
		return *t.CompletedAt
	case strings.HasPrefix(l.told[t.ID], status(t)+" "):
		return l.Now() // it says more than before
	case t.State == "running" && t.StartedAt != nil && (t.Kind == "activity" || t.Attempt == 1):
		return *t.StartedAt // of an orchestrator, that of its first turn
	case t.State == "pending" && t.Attempt == 0, t.State == "waiting" && t.Kind != "orchestrator":
		return t.CreatedAt
	}
	return l.Now()
}

// path names a step by the steps that it is in.
func (l *lineWriter) path(t durable.TaskInfo) string {
	name := t.StepKey
	if t.ParentTaskID == "" && name == "root" { // of an activity that was dispatched
		name = t.Name
	}
	for range maxNested {
		parent, known := l.tasks[t.ParentTaskID]
		switch {
		case !known || ownTask(&parent):
			return name
		case parent.Kind == "map":
			name = parent.StepKey + "[" + t.StepKey + "]" + strings.TrimPrefix(name, t.StepKey)
		default:
			name = parent.StepKey + "/" + name
		}
		t = parent
	}
	return name
}

// news is how something stands.
type news struct {
	id         string
	since      time.Time
	what       string
	at, detail cell
	key        string // the detail, but for how long something will be or has taken; empty: it holds no such thing
}

// line writes how something stands, unless it was told already.
func (l *lineWriter) line(n news) error {
	if key := n.at.text + " " + cmp.Or(n.key, n.detail.text); l.told[n.id] == key {
		return nil
	} else {
		l.told[n.id] = key
	}
	text := fmt.Sprintf("%s  %-24s  %s", l.style.in(dim, l.clock(n.since)), clean(n.what), l.style.in(n.at.paint, n.at.text))
	if n.detail.text != "" {
		text += "  " + l.style.in(n.detail.paint, clean(n.detail.text))
	}
	_, err := fmt.Fprintln(l.Out, text)
	return err
}
