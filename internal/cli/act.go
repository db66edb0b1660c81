package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/stent-dev/stent/durable"
)

// maxBulk is the most that REST acts on at once.
const maxBulk = 10_000

// action is something to do to executions: to those that are named, one after the
// other, or to those that a filter selects, at once.
type action struct {
	use, short, long, example string
	confirm                   string          // what it does, such as "This cancels"; empty: it is not asked about
	of                        []durable.State // the states of executions that it can be done to, for completion
	flags                     func(cmd *cobra.Command)

	one  func(ctx context.Context, id string) error
	bulk func(ctx context.Context, which durable.Bulk) (*durable.BulkDone, error)
}

func (s *session) actionCommand(a action) *cobra.Command {
	cmd := &cobra.Command{
		Use:               a.use + " EXECUTION...",
		Short:             a.short,
		Long:              a.long + "\n\nInstead of ids, filters select the executions; --dry-run tells how many.",
		Example:           a.example,
		ValidArgsFunction: s.executions(0, a.of...),
	}
	f := s.filter(cmd)
	which := durable.Bulk{}
	limitFlag(cmd, &which.Limit, 1000, maxBulk, "with filters: the most executions to act on, 10,000 at most")
	cmd.Flags().BoolVar(&which.DryRun, "dry-run", false, "with filters: only tell how many executions they select")
	force := new(bool)
	if a.confirm != "" {
		force = forceable(cmd)
	}
	if a.flags != nil {
		a.flags(cmd)
	}
	cmd.RunE = s.run(func(ctx context.Context, ids []string) error {
		switch {
		case len(ids) > 0 && (cmd.Flags().Changed("dry-run") || cmd.Flags().Changed("limit")):
			return usagef("--dry-run and --limit are for executions that filters select, not for those that are named")
		case len(ids) > 0 && f.empty():
			return s.actOn(ctx, a, ids, *force)
		case len(ids) == 0 && !f.empty():
			which.Filter = f.filter()
			return s.actInBulk(ctx, a, which, *force)
		}
		return usagef("name executions, or select them with filters such as --state: one or the other")
	})
	return cmd
}

func (s *session) actOn(ctx context.Context, a action, ids []string, force bool) error {
	if a.confirm != "" {
		what := "execution " + ids[0]
		if len(ids) > 1 {
			what = fmt.Sprintf("%d executions", len(ids))
		}
		if err := s.confirm(ctx, force, "%s %s.", a.confirm, what); err != nil {
			return err
		}
	}
	return s.forEach(ctx, ids, func(id string) error {
		if err := a.one(ctx, id); err != nil {
			return err
		}
		return s.show(s.writeAsItStands)
	})
}

// forEach does something to each of several things. What the service refuses does
// not keep it from the others; the first such error is given at the end, the others
// are told at once.
func (s *session) forEach(ctx context.Context, ids []string, do func(id string) error) error {
	var first error
	for _, id := range ids {
		s.call.args = []string{id}
		err := s.place(ctx, do(id))
		var refused *durable.APIError
		switch {
		case err == nil:
		case !errors.As(err, &refused):
			return err
		case first == nil:
			code, message, hint := s.explainRefusal(refused)
			first = &exitError{code, errors.New(message), hint}
		default:
			s.tell(err)
		}
	}
	return first
}

// writeAsItStands writes the execution that the last answer is.
func (s *session) writeAsItStands() error {
	var e durable.Execution
	if err := s.recorder.decode(&e); err != nil {
		return err
	}
	at := stateOf(&e)
	_, err := fmt.Fprintf(s.Out, "%s is %s\n", e.ID, s.style.in(at.paint, at.text))
	s.sayIfStuck(e.State, e.CancelRequested, e.ID)
	return err
}

// actInBulk asks first how many executions there are, where it asks for confirmation.
func (s *session) actInBulk(ctx context.Context, a action, which durable.Bulk, force bool) error {
	if a.confirm != "" && !force && !which.DryRun {
		dry := which
		dry.DryRun = true
		found, err := a.bulk(ctx, dry)
		if err != nil {
			return err
		}
		if found.Matched == 0 {
			return s.show(func() error { return s.writeBulk(found, true) })
		}
		if err := s.confirm(ctx, force, "%s %s.", a.confirm, count(found.Matched, "execution", "executions")); err != nil {
			return err
		}
	}
	done, err := a.bulk(ctx, which)
	if err != nil {
		return err
	}
	return s.show(func() error { return s.writeBulk(done, which.DryRun) })
}

func (s *session) writeBulk(done *durable.BulkDone, dry bool) error {
	text := count(done.Matched, "execution", "executions") + " selected"
	if !dry {
		text += fmt.Sprintf(", %d affected", done.Affected)
	}
	if done.More {
		text += "; there are more: run it again, or raise --limit"
	}
	_, err := fmt.Fprintln(s.Out, text)
	return err
}

func (s *session) cancelCommand() *cobra.Command {
	mode := string(durable.Graceful)
	return s.actionCommand(action{
		use: "cancel", short: "Cancel executions",
		long: `Cancels executions. A graceful cancel lets the orchestrator compensate; a forced one ends the
execution at once.`,
		example: `  stent cancel 0194f6a4-0000-7000-b891-000000000001
  stent cancel --function order --state blocked --dry-run`,
		confirm: "This cancels",
		of:      []durable.State{durable.StatePending, durable.StateRunning, durable.StateBlocked, durable.StateCancelling},
		flags: func(cmd *cobra.Command) {
			cmd.Flags().StringVar(&mode, "mode", mode, "`graceful` or force")
			complete(cmd, "mode", string(durable.Graceful), string(durable.Force))
		},
		one: func(ctx context.Context, id string) error {
			return s.client.Cancel(ctx, id, durable.CancelMode(mode))
		},
		bulk: func(ctx context.Context, which durable.Bulk) (*durable.BulkDone, error) {
			which.Mode = durable.CancelMode(mode)
			return s.client.CancelAll(ctx, which)
		},
	})
}

func (s *session) pauseCommand() *cobra.Command {
	return s.actionCommand(action{
		use: "pause", short: "Pause executions: deliver nothing more for them",
		long: `Pauses executions: nothing more is delivered for them until they are resumed. What is in
flight ends and is recorded, and their time goes on.`,
		of:  []durable.State{durable.StateRunning, durable.StatePending},
		one: func(ctx context.Context, id string) error { return s.client.Pause(ctx, id) },
		bulk: func(ctx context.Context, which durable.Bulk) (*durable.BulkDone, error) {
			return s.client.PauseAll(ctx, which)
		},
	})
}

func (s *session) resumeCommand() *cobra.Command {
	return s.actionCommand(action{
		use: "resume", short: "Resume paused executions, and try blocked ones at once",
		long: "Ends the pause of executions. Blocked ones are tried again at once.",
		of:   []durable.State{durable.StateBlocked, durable.StateRunning, durable.StatePending},
		one:  func(ctx context.Context, id string) error { return s.client.Resume(ctx, id) },
		bulk: func(ctx context.Context, which durable.Bulk) (*durable.BulkDone, error) {
			return s.client.ResumeAll(ctx, which)
		},
	})
}

func (s *session) restartCommand() *cobra.Command {
	var from string
	return s.actionCommand(action{
		use: "restart", short: "Run executions again",
		long: `Runs executions again, whatever their state. What is open of them is swept away, and their
steps run anew; with --from-step, those that were made before that step and have settled
stay as they are. Filters must say --state.`,
		example: `  stent restart 0194f6a4-0000-7000-b891-000000000001 --from-step ship#0
  stent restart --state failed --function order --created-after 1d`,
		confirm: "Steps that have completed run again. This restarts",
		of:      []durable.State{durable.StateFailed, durable.StateTimedOut, durable.StateCancelled, durable.StateBlocked},
		flags: func(cmd *cobra.Command) {
			cmd.Flags().StringVar(&from, "from-step", "", "the `key` of the step to go on from; without it, from the beginning")
			mustComplete(cmd, "from-step", s.steps)
		},
		one: func(ctx context.Context, id string) error {
			if from == "" {
				return s.client.Restart(ctx, id)
			}
			return s.client.RestartFrom(ctx, id, from)
		},
		bulk: func(ctx context.Context, which durable.Bulk) (*durable.BulkDone, error) {
			if from != "" {
				return nil, usagef("--from-step is for executions that are named")
			}
			return s.client.RestartAll(ctx, which)
		},
	})
}

func (s *session) signalCommand() *cobra.Command {
	var input, key string
	cmd := &cobra.Command{
		Use:   "signal EXECUTION NAME",
		Short: "Send a signal to an execution",
		Long: `Puts a message into the execution's mailbox of that name. It is delivered to who waits for
it, or buffered until somebody does.`,
		Example:           `  stent signal 0194f6a4-0000-7000-b891-000000000001 approval --input '{"by": "Ada"}'`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: s.signals(),
	}
	cmd.Flags().StringVarP(&input, "input", "i", "null", "the payload: `JSON`, @FILE, or - for standard input")
	cmd.Flags().StringVar(&key, "idempotency-key", "", "makes the same command safe to repeat: the same `key` sends one signal")
	cmd.RunE = s.run(func(ctx context.Context, args []string) error {
		payload, err := s.readInput(input)
		if err != nil {
			return err
		}
		var options []durable.SignalOption
		if key != "" {
			options = append(options, durable.IdempotencyKey(key))
		}
		receipt, err := s.client.Signal(ctx, args[0], args[1], payload, options...)
		if err != nil {
			return err
		}
		return s.show(func() error {
			_, err := fmt.Fprintf(s.Out, "signal %s is %s\n", receipt.ID, receipt.Delivery)
			return err
		})
	})
	return cmd
}
