package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stent-dev/stent/durable"
)

func (s *session) watchCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "watch [EXECUTION]",
		Short: "Follow an execution, or all of them, as they change",
		Long: `Follows an execution until it has ended, and exits with 1 if it did not complete. Without an
id it looks once a second at the 50 executions that are newest, of all or of those that filters
select, until it is interrupted.

On a terminal it is a live screen; otherwise each change is a line, with --output json a
line of JSON.`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: s.executions(1, durable.StateRunning, durable.StatePending, durable.StateCancelling, durable.StateBlocked),
	}
	f := s.filter(cmd)
	cmd.RunE = s.run(func(ctx context.Context, args []string) error {
		switch {
		case len(args) == 0:
			return s.watchAll(ctx, f.filter())
		case !f.empty():
			return usagef("filters are for watching all executions, not a single one")
		}
		return s.watchOne(ctx, args[0])
	})
	return cmd
}

// watched is an execution as its events have told it so far.
type watched struct {
	execution durable.Execution
	tasks     map[string]durable.TaskInfo
	lost      error // why the service is not there at the moment
}

// apply takes in an event.
func (w *watched) apply(e durable.Event) {
	if e.Execution != nil {
		w.execution = *e.Execution
	}
	if e.Task != nil {
		w.tasks[e.Task.ID] = *e.Task
	}
}

// list gives the tasks.
func (w *watched) list() []durable.TaskInfo {
	all := make([]durable.TaskInfo, 0, len(w.tasks))
	for _, t := range w.tasks {
		all = append(all, t)
	}
	return all
}

// past tells whether a task is history: an earlier run of its parent made it, or of one above that.
func (w *watched) past(t *durable.TaskInfo) bool {
	for parent, known := w.tasks[t.ParentTaskID]; known; parent, known = w.tasks[t.ParentTaskID] {
		if leftBehind(t, &parent) {
			return true
		}
		t = &parent
	}
	return false
}

// watchOne follows an execution to its end.
func (s *session) watchOne(ctx context.Context, id string) error {
	w := &watched{tasks: map[string]durable.TaskInfo{}}
	var err error
	switch {
	case s.output == outputJSON:
		err = s.follow(ctx, id, func(e durable.Event) error { w.apply(e); return s.writeEvent(e) }, s.lostLine)
	case s.Screen:
		err = s.watchOnScreen(ctx, id, w)
	default:
		lines := lineWriter{session: s, watched: w, told: map[string]string{}}
		err = s.follow(ctx, id, lines.take, s.lostLine)
	}
	if err != nil {
		return err
	}
	return ended(&w.execution)
}

// writeEvent writes an event as a line of JSON.
func (s *session) writeEvent(e durable.Event) error {
	name := "execution"
	if e.Task != nil {
		name = "task"
	}
	_, err := fmt.Fprintf(s.Out, `{"event":%q,"data":%s}`+"\n", name, e.Data)
	return err
}

// tryingAgain tells that the service is lost, on one line.
func (s *session) tryingAgain(err error) string {
	_, message, _ := explain(err, s)
	return clean(message) + "; trying again"
}

// lostLine tells that the service is lost, or back, where there is no screen for it.
func (s *session) lostLine(err error) {
	if err != nil {
		fmt.Fprintf(s.Err, "stent: %s\n", s.tryingAgain(err))
	}
}

// lineWriter writes each change of an execution as a line.
type lineWriter struct {
	*session
	*watched
	told map[string]string // what was last told of each thing, by its id
}

func (l *lineWriter) take(e durable.Event) error {
	l.apply(e)
	if x := e.Execution; x != nil {
		return l.line(x.ID, x.Function, stateOf(x), cell{executionFailure(x.Error), red})
	}
	if e.Task != nil {
		return l.task(e.Task)
	}
	return nil
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
	return l.line(t.ID, l.path(*t), state(status(t)), cell{text, p})
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

// line writes how something stands, unless it was told already.
func (l *lineWriter) line(id, what string, at, detail cell) error {
	if key := at.text + " " + clean(detail.text); l.told[id] == key {
		return nil
	} else {
		l.told[id] = key
	}
	text := fmt.Sprintf("%s  %-24s  %s", l.style.in(dim, l.Now().Format(time.TimeOnly)), clean(what), l.style.in(at.paint, at.text))
	if detail.text != "" {
		text += "  " + l.style.in(detail.paint, clean(detail.text))
	}
	_, err := fmt.Fprintln(l.Out, text)
	return err
}
