package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/stent-dev/stent/durable"
)

func (s *session) statsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Count executions and tasks by state, due tasks by queue, and dead letters",
		Args:  cobra.NoArgs,
	}
	cmd.RunE = s.run(func(ctx context.Context, _ []string) error {
		stats, err := s.client.Stats(ctx)
		if err != nil {
			return err
		}
		return s.show(func() error { return s.writeStats(stats) })
	})
	return cmd
}

func (s *session) writeStats(stats *durable.Stats) error {
	g := s.grid("STATE", "EXECUTIONS", "TASKS")
	for _, name := range []string{"pending", "running", "waiting", "blocked", "cancelling", "completed", "failed", "timed_out", "cancelled"} {
		if stats.Executions.ByState[name] > 0 || stats.Tasks.ByState[name] > 0 {
			g.add(state(name), in(plain, number(&stats.Executions, name)), in(plain, number(&stats.Tasks, name)))
		}
	}
	text := ""
	if len(g.rows) > 0 {
		text = g.String() + "\n\n"
	}
	if len(stats.Queues) > 0 {
		q := s.queueTable(stats.Queues)
		q.header[0] = "QUEUE"
		text += q.String() + "\n\n"
	}
	p := plain
	if stats.DeadLetters > 0 {
		p = red
	}
	_, err := fmt.Fprintf(s.Out, "%s%s %s\n", text, s.style.in(dim, "dead letters"), s.style.in(p, about(stats.DeadLetters, stats.DeadLettersEstimated)))
	return err
}

// number writes how many there are in a state; nothing is in states of the other kind.
func number(counts *durable.StateCounts, name string) string {
	n, known := counts.ByState[name]
	if !known {
		return ""
	}
	return about(n, slices.Contains(counts.Estimated, name))
}

// about marks a number that is an estimate.
func about(n int64, estimated bool) string {
	if estimated {
		return "~" + grouped(n)
	}
	return grouped(n)
}

// grouped writes a number with its thousands apart.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// longestAge is the highest that cleanup takes.
const longestAge = 36_600 * day

func (s *session) cleanupCommand() *cobra.Command {
	age := duration{most: longestAge}
	var what durable.Cleanup
	cmd := &cobra.Command{
		Use:   "cleanup --older-than DURATION",
		Short: "Delete executions that ended long ago, and old dead letters",
		Long: `Deletes executions that ended that long ago or longer, with all that belongs to them, and dead
letters as old. Without --executions or --dead-letters it deletes both.`,
		Example: `  stent cleanup --older-than 30d --dry-run
  stent cleanup --older-than 30d --force`,
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.Var(&age, "older-than", "how long ago at least, such as 30d; needed")
	flags.BoolVar(&what.Executions, "executions", false, "delete executions")
	flags.BoolVar(&what.DeadLetters, "dead-letters", false, "delete dead letters")
	flags.BoolVar(&what.DryRun, "dry-run", false, "delete nothing, and tell what would be deleted")
	force := forceable(cmd)
	cmd.RunE = s.run(func(ctx context.Context, _ []string) error {
		if !age.given {
			return usagef("say --older-than, such as --older-than 30d")
		}
		what.OlderThan = age.length
		if !what.Executions && !what.DeadLetters { // none was asked for: those that were not said no to
			what.Executions, what.DeadLetters = !flags.Changed("executions"), !flags.Changed("dead-letters")
		}
		if !what.Executions && !what.DeadLetters {
			return usagef("neither executions nor dead letters: there is nothing to delete")
		}
		return s.cleanup(ctx, what, *force)
	})
	return cmd
}

func (s *session) cleanup(ctx context.Context, what durable.Cleanup, force bool) error {
	if !what.DryRun && !force {
		dry := what
		dry.DryRun = true
		found, err := s.client.Cleanup(ctx, dry)
		if err != nil {
			return err
		}
		if found.Executions+found.DeadLetters == 0 && !found.More {
			return s.show(func() error { return s.writeCleaned(found, "deleted") })
		}
		if err := s.confirm(ctx, false, "This deletes %s for good.", cleaned(found)); err != nil {
			return err
		}
	}
	done, err := s.client.Cleanup(ctx, what)
	if err != nil {
		return err
	}
	verb := "deleted"
	if what.DryRun {
		verb = "would be deleted"
	}
	return s.show(func() error { return s.writeCleaned(done, verb) })
}

func (s *session) writeCleaned(c *durable.Cleaned, verb string) error {
	rest := ""
	if c.More {
		rest = "; there is more: run it again"
	}
	_, err := fmt.Fprintf(s.Out, "%s %s%s\n", cleaned(c), verb, rest)
	return err
}

func cleaned(c *durable.Cleaned) string {
	return count(int(c.Executions), "execution", "executions") + " and " + count(int(c.DeadLetters), "dead letter", "dead letters")
}
