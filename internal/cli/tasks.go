package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stent-dev/stent/durable"
)

var (
	taskStates = []string{"pending", "running", "waiting", "completed", "failed", "cancelled"}
	taskKinds  = []string{"orchestrator", "activity", "timer", "signal", "local", "map"}
)

// isFamily marks a command that only holds others.
const isFamily = "family"

// family is a command that only holds others.
func family(cmd *cobra.Command, members ...*cobra.Command) *cobra.Command {
	cmd.Annotations = map[string]string{isFamily: ""}
	cmd.Args = cobra.NoArgs // else cobra takes a misspelt member for an argument, and helps
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.AddCommand(members...)
	return cmd
}

func (s *session) tasksCommand() *cobra.Command {
	return family(&cobra.Command{Use: "tasks", Short: "Look at single calls inside executions"}, s.taskListCommand(), s.taskShowCommand())
}

func (s *session) taskListCommand() *cobra.Command {
	var f durable.TaskFilter
	var execution string
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List tasks, the newest first",
		Example: "  stent tasks list --state running --queue default",
		Args:    cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.States, "state", nil, "only those in this `state`: "+strings.Join(taskStates, ", ")+"; may be repeated")
	flags.StringSliceVar(&f.Kinds, "kind", nil, "only those of this `kind`: "+strings.Join(taskKinds, ", ")+"; may be repeated")
	flags.StringArrayVar(&f.Functions, "function", nil, "only those of this `function`; may be repeated")
	flags.StringArrayVar(&f.Queues, "queue", nil, "only those in this `queue`; may be repeated")
	flags.StringVar(&execution, "execution", "", "only those of this `execution`")
	complete(cmd, "state", taskStates...)
	complete(cmd, "kind", taskKinds...)
	mustComplete(cmd, "function", s.functions(0))
	mustComplete(cmd, "queue", s.queues(0))
	mustComplete(cmd, "execution", s.executions(0))
	p := part(cmd)
	cmd.RunE = s.run(func(ctx context.Context, _ []string) (err error) {
		var page *durable.Page[durable.TaskInfo]
		if execution != "" {
			page, err = s.client.ExecutionTasks(ctx, execution, f, *p)
		} else {
			page, err = s.client.Tasks(ctx, f, *p)
		}
		if err != nil {
			return err
		}
		return s.show(func() error { return writePage(s, "tasks", page, s.taskTable(page.Items)) })
	})
	return cmd
}

func (s *session) taskTable(tasks []durable.TaskInfo) *grid {
	g := s.grid("ID", "EXECUTION", "STEP", "KIND", "STATE", "QUEUE", "AGE", "TOOK", "TRIES", "ERROR")
	for i := range tasks {
		t := &tasks[i]
		g.add(in(plain, t.ID), in(dim, t.ExecutionID), in(bold, t.StepKey), in(plain, t.Kind), state(t.State), in(plain, t.Queue),
			in(plain, s.age(t.CreatedAt)), in(plain, s.took(began(t), t.CompletedAt)), in(plain, tries(t)), in(red, cut(failure(t.Error), 80)))
	}
	return g
}

func (s *session) taskShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "show TASK",
		Short: "Show a task and its failed attempts",
		Args:  cobra.ExactArgs(1),
	}
	cmd.RunE = s.run(func(ctx context.Context, args []string) error {
		t, err := s.client.Task(ctx, args[0])
		if err != nil {
			return err
		}
		return s.show(func() error { return s.writeTask(t) })
	})
	return cmd
}

func (s *session) writeTask(t *durable.TaskInfo) error {
	l := s.listing()
	l.add("task", t.ID, plain)
	l.add("execution", t.ExecutionID, plain)
	l.add("parent", t.ParentTaskID, plain)
	l.add("step", t.StepKey, bold)
	l.add("kind", t.Kind, plain)
	l.add("name", t.Name, plain)
	l.add("state", t.State, statePaints[t.State])
	l.add("queue", t.Queue, plain)
	l.add("created", fmt.Sprintf("%s (%s ago)", s.clock(t.CreatedAt), s.age(t.CreatedAt)), plain)
	if t.ScheduledFor != nil && t.CompletedAt == nil {
		l.add("scheduled for", s.until(*t.ScheduledFor), plain)
	}
	l.add("took", s.took(t.StartedAt, t.CompletedAt), plain)
	l.add("attempts", some(t.Attempt), plain)
	l.add("retries", some(t.Retries), plain)
	l.add("worker", t.WorkerID, plain)
	l.add("scheduler", t.SchedulerID, plain)
	if t.LeaseExpiresAt != nil {
		l.add("lease until", s.until(*t.LeaseExpiresAt), plain)
	}
	l.add("details", value(t.Details), plain)
	l.add("input", value(t.Input), plain)
	l.add("result", value(t.Result), plain)
	l.add("error", failure(t.Error), red)
	if t.Error != nil {
		l.add("error details", value(t.Error.Details), plain)
	}
	return s.writeWithAttempts(l, t.Attempts)
}

// writeWithAttempts writes a listing, and the failed attempts below it.
func (s *session) writeWithAttempts(l *listing, attempts []durable.Attempt) error {
	text := l.String()
	if len(attempts) > 0 {
		g := s.grid("ATTEMPT", "STARTED", "TOOK", "ANSWER", "ERROR")
		for _, a := range attempts {
			g.add(in(plain, fmt.Sprint(a.Number)), in(plain, s.clock(a.StartedAt)), in(plain, span(a.EndedAt.Sub(a.StartedAt))),
				in(plain, some(a.StatusCode)), in(red, failure(a.Error)))
		}
		text += "\n\n" + g.String()
	}
	_, err := fmt.Fprintln(s.Out, text)
	return err
}
