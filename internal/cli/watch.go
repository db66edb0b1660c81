package cli

import (
	"context"
	"fmt"

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
		err = s.follow(ctx, id, func(e durable.Event) error { w.apply(e); return s.writeEvent(e) }, s.outages())
	case s.Screen:
		err = s.watchOnScreen(ctx, id, w)
	default:
		lines := lineWriter{session: s, watched: w, told: map[string]string{}}
		err = lines.follow(ctx, id)
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

// outages gives what tells, where there is no screen for it, that the service is lost,
// and that it is back: each once, however often it is tried.
func (s *session) outages() func(error) {
	lost := false
	return func(err error) {
		switch {
		case err != nil && !lost:
			fmt.Fprintf(s.Err, "stent: %s\n", s.tryingAgain(err))
		case err == nil && lost:
			fmt.Fprintln(s.Err, "stent: connected again")
		}
		lost = err != nil
	}
}
