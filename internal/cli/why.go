package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stent-dev/stent/durable"
)

func (s *session) whyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "why EXECUTION",
		Short:             "Tell what an execution waits for, and what holds it",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: s.executions(1, durable.StatePending, durable.StateRunning, durable.StateCancelling, durable.StateBlocked),
	}
	cmd.RunE = s.run(func(ctx context.Context, args []string) error {
		why, err := s.client.Why(ctx, args[0])
		if err != nil {
			return err
		}
		return s.show(func() error { return s.writeWhy(why) })
	})
	return cmd
}

func (s *session) writeWhy(why *durable.Why) error {
	if why.Paused {
		s.say("The execution is paused.")
	}
	s.sayIfStuck(why.State, why.CancelRequested, why.ExecutionID)
	if len(why.WaitsFor) == 0 {
		s.say("It waits for nothing: it is %s.", why.State)
		return nil
	}
	g := s.grid("STEP", "REASON", "SINCE", "UNTIL", "TRIES", "DETAIL")
	for _, h := range why.WaitsFor {
		until := ""
		if h.Until != nil {
			until = s.until(*h.Until)
		}
		g.add(in(bold, h.Path), in(yellow, h.Reason), in(plain, ago(s.ageOf(h.Since))), in(plain, until), in(plain, some(h.Attempt)),
			in(plain, whyDetail(&h)))
	}
	if _, err := fmt.Fprintln(s.Out, g); err != nil {
		return err
	}
	if why.More {
		s.say("It waits for more than is shown.")
	}
	return nil
}

func ago(age string) string {
	if age == "" {
		return ""
	}
	return age + " ago"
}

// whyDetail says what holds a task, and the error of its last attempt.
func whyDetail(h *durable.Hold) string {
	var f *durable.Failure
	if !absent(h.Error) && json.Unmarshal(h.Error, &f) != nil {
		f = nil
	}
	return after(h.Detail, f)
}

// after adds an error to what is said, unless that tells of it.
func after(detail string, f *durable.Failure) string {
	if f != nil && f.Message != "" && strings.Contains(detail, f.Message) {
		return detail
	}
	return join(", after ", detail, failure(f))
}

// explainDue notes beneath a node what holds the steps that are due, where it is more
// than that no scheduler has taken them yet.
func (s *session) explainDue(ctx context.Context, e *durable.Execution, top *node) error {
	due := map[string]*node{}
	top.each(func(n *node) {
		if t := n.task; t.State == "pending" && (t.ScheduledFor == nil || !t.ScheduledFor.After(s.Now())) {
			due[t.ID] = n
		}
	})
	if len(due) == 0 {
		return nil
	}
	why, err := s.client.Why(ctx, e.ID)
	if err != nil {
		return err
	}
	for _, h := range why.WaitsFor {
		if n := due[h.TaskID]; n != nil && h.Reason != "due" {
			n.held = h.Detail
		}
	}
	return nil
}

// sayIfStuck tells what to do with an execution that is to be cancelled and cannot be.
func (s *session) sayIfStuck(state durable.State, cancelRequested bool, id string) {
	if cancelRequested && state == durable.StateBlocked {
		s.say("It is to be cancelled, but its code has no turn that fits. To end it at once: stent cancel --mode force %s", id)
	}
}
