package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stent-dev/stent/durable"
)

func (s *session) dlqCommand() *cobra.Command {
	return family(&cobra.Command{
		Use:   "dlq",
		Short: "Look at dead letters, replay and discard them",
		Long: `Dead letters are tasks that failed for good. A replay runs the same task again in its own
execution, which goes on from there; steps that had completed stay completed.`,
	}, s.dlqListCommand(), s.dlqShowCommand(), s.dlqReplayCommand(), s.dlqReplayAllCommand(), s.dlqDiscardCommand())
}

func (s *session) dlqListCommand() *cobra.Command {
	var f durable.DeadLetterFilter
	after, before := moment{now: s.Now}, moment{now: s.Now}
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List dead letters, those that failed last first",
		Args:    cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&f.Functions, "function", nil, "only those of this `function`; may be repeated")
	flags.StringArrayVar(&f.Queues, "queue", nil, "only those that went through this `queue`; may be repeated")
	flags.Var(&after, "failed-after", "only those that failed after that: a time, or how long ago (2h)")
	flags.Var(&before, "failed-before", "only those that failed before: a time, or how long ago (2h)")
	mustComplete(cmd, "function", s.functions(0))
	mustComplete(cmd, "queue", s.queues(0))
	p := part(cmd)
	cmd.RunE = s.run(func(ctx context.Context, _ []string) error {
		f.FailedAfter, f.FailedBefore = after.at, before.at
		page, err := s.client.DeadLetterPage(ctx, f, *p)
		if err != nil {
			return err
		}
		return s.show(func() error { return writePage(s, "dead letters", page, s.deadLetterTable(page.Items)) })
	})
	return cmd
}

func (s *session) deadLetterTable(letters []durable.DeadLetter) *grid {
	g := s.grid("TASK", "EXECUTION", "FUNCTION", "QUEUE", "FAILED", "TRIES", "ERROR")
	for i := range letters {
		d := &letters[i]
		g.add(in(plain, d.TaskID), in(dim, d.ExecutionID), in(bold, d.Function), in(plain, d.Queue), in(plain, s.age(d.FailedAt)+" ago"),
			in(plain, some(d.Attempt)), in(red, cut(failure(d.Error), 80)))
	}
	return g
}

// deadTasks suggests the tasks of dead letters.
func (s *session) deadTasks(most int) cobra.CompletionFunc {
	return s.suggest(most, func(ctx context.Context) ([]cobra.Completion, error) {
		page, err := s.client.DeadLetterPage(ctx, durable.DeadLetterFilter{}, durable.Part{})
		if err != nil {
			return nil, err
		}
		var found []cobra.Completion
		for _, d := range page.Items {
			found = append(found, cobra.CompletionWithDesc(d.TaskID, clean(d.Function+", "+cut(failure(d.Error), 40))))
		}
		return found, nil
	})
}

func (s *session) dlqShowCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "show TASK",
		Short:             "Show a dead letter with its input and its attempts",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: s.deadTasks(1),
	}
	cmd.RunE = s.run(func(ctx context.Context, args []string) error {
		d, err := s.client.DeadLetter(ctx, args[0])
		if err != nil {
			return err
		}
		return s.show(func() error {
			l := s.listing()
			l.add("task", d.TaskID, plain)
			l.add("execution", d.ExecutionID, plain)
			l.add("step", d.StepKey, plain)
			l.add("function", d.Function, bold)
			l.add("kind", string(d.Kind), plain)
			l.add("queue", d.Queue, plain)
			l.add("failed", fmt.Sprintf("%s (%s ago)", s.clock(d.FailedAt), s.age(d.FailedAt)), plain)
			l.add("attempts", some(d.Attempt), plain)
			l.add("input", value(d.Input), plain)
			l.add("error", failure(d.Error), red)
			if d.Error != nil {
				l.add("error details", value(d.Error.Details), plain)
			}
			return s.writeWithAttempts(l, d.Attempts)
		})
	})
	return cmd
}

const keepRetries = "do not count its failures from none again: it has the attempts left that its policy gives, and one in any case"

func (s *session) dlqReplayCommand() *cobra.Command {
	var how durable.ReplayOptions
	cmd := &cobra.Command{
		Use:               "replay TASK...",
		Short:             "Run the tasks of dead letters again",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.deadTasks(0),
	}
	cmd.Flags().StringVar(&how.Queue, "queue", "", "the `queue` to go through from now on; its own by default")
	cmd.Flags().BoolVar(&how.KeepRetries, "keep-retries", false, keepRetries)
	mustComplete(cmd, "queue", s.queues(0))
	cmd.RunE = s.run(func(ctx context.Context, tasks []string) error {
		return s.forEach(ctx, tasks, func(id string) error {
			if err := s.client.Replay(ctx, id, how); err != nil {
				return err
			}
			return s.show(func() error {
				var t durable.TaskInfo
				if err := s.recorder.decode(&t); err != nil {
					return err
				}
				_, err := fmt.Fprintf(s.Out, "task %s of execution %s is %s\n", t.ID, t.ExecutionID, s.style.in(statePaints[t.State], t.State))
				return err
			})
		})
	})
	return cmd
}

func (s *session) dlqReplayAllCommand() *cobra.Command {
	var which durable.BulkReplay
	after, before := moment{now: s.Now}, moment{now: s.Now}
	cmd := &cobra.Command{
		Use:   "replay-all",
		Short: "Run the tasks of many dead letters again, those that failed last first",
		Args:  cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&which.Function, "function", "", "only those of this `function`")
	flags.StringVar(&which.Queue, "queue", "", "only those that went through this `queue`")
	flags.Var(&after, "failed-after", "only those that failed after that: a time, or how long ago (2h)")
	flags.Var(&before, "failed-before", "only those that failed before: a time, or how long ago (2h)")
	limitFlag(cmd, &which.Limit, 1000, maxBulk, "the most to replay, 10,000 at most")
	flags.BoolVar(&which.KeepRetries, "keep-retries", false, keepRetries)
	flags.BoolVar(&which.DryRun, "dry-run", false, "only tell how many there are")
	mustComplete(cmd, "function", s.functions(0))
	mustComplete(cmd, "queue", s.queues(0))
	force := forceable(cmd)
	cmd.RunE = s.run(func(ctx context.Context, _ []string) error {
		which.FailedAfter, which.FailedBefore = after.at, before.at
		return s.replayAll(ctx, which, *force)
	})
	return cmd
}

// replayAll asks first how many dead letters there are, unless it is not to ask.
func (s *session) replayAll(ctx context.Context, which durable.BulkReplay, force bool) error {
	if !force && !which.DryRun {
		dry := which
		dry.DryRun = true
		found, err := s.client.ReplayAll(ctx, dry)
		if err != nil {
			return err
		}
		if found.Matched == 0 {
			return s.show(func() error { return s.writeReplayed(found, true) })
		}
		if err := s.confirm(ctx, false, "This replays %s.", count(found.Matched, "dead letter", "dead letters")); err != nil {
			return err
		}
	}
	done, err := s.client.ReplayAll(ctx, which)
	if err != nil {
		return err
	}
	return s.show(func() error { return s.writeReplayed(done, which.DryRun) })
}

func (s *session) writeReplayed(done *durable.BulkReplayed, dry bool) error {
	text := count(done.Matched, "dead letter", "dead letters") + " selected"
	if !dry {
		text += fmt.Sprintf(", %d replayed", done.Replayed)
	}
	if done.Refused > 0 {
		text += fmt.Sprintf(", %d stay: nobody waits for them any more", done.Refused)
	}
	if done.More {
		text += "; there are more: run it again, or raise --limit"
	}
	_, err := fmt.Fprintln(s.Out, text)
	return err
}

func (s *session) dlqDiscardCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:               "discard TASK...",
		Short:             "Delete dead letters: their tasks stay failed",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.deadTasks(0),
	}
	force := forceable(cmd)
	cmd.RunE = s.run(func(ctx context.Context, tasks []string) error {
		if err := s.confirm(ctx, *force, "This discards %s.", count(len(tasks), "dead letter", "dead letters")); err != nil {
			return err
		}
		return s.forEach(ctx, tasks, func(id string) error {
			if err := s.client.Discard(ctx, id); err != nil {
				return err
			}
			return s.show(func() error {
				_, err := fmt.Fprintf(s.Out, "dead letter %s is discarded\n", id)
				return err
			})
		})
	})
	return cmd
}
