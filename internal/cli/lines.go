package cli

import (
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
	return l.line(e.ID, l.momentOf(e), e.Function, stateOf(e), cell{executionFailure(e.Error), red})
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
	return l.line(t.ID+" run", l.Now(), name, cell{fmt.Sprintf("begins run %d", t.Run+1), plain}, cell{})
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
	if t.Kind == "map" {
		text = ""
	}
	if took := l.took(began(t), t.CompletedAt); t.CompletedAt != nil && took != "" {
		text = join("  ", took, text)
	}
	return l.line(t.ID, l.moment(t), l.path(*t), state(status(t)), cell{text, p})
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

// line writes how something has stood since a moment, unless it was told already.
func (l *lineWriter) line(id string, since time.Time, what string, at, detail cell) error {
	if key := at.text + " " + clean(detail.text); l.told[id] == key {
		return nil
	} else {
		l.told[id] = key
	}
	text := fmt.Sprintf("%s  %-24s  %s", l.style.in(dim, l.clock(since)), clean(what), l.style.in(at.paint, at.text))
	if detail.text != "" {
		text += "  " + l.style.in(detail.paint, clean(detail.text))
	}
	_, err := fmt.Fprintln(l.Out, text)
	return err
}
