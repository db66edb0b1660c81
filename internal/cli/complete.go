package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stent-dev/stent/durable"
)

// completionTime bounds how long a Tab may take.
const completionTime = 2 * time.Second

// complete lets the shell complete a flag's values.
func complete(cmd *cobra.Command, flag string, values ...string) {
	mustComplete(cmd, flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// mustComplete panics for a flag that the command does not have.
func mustComplete(cmd *cobra.Command, flag string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(flag, f); err != nil {
		panic(err)
	}
}

// suggest makes a completion of what the service knows. It is silent about errors:
// there is no place to tell them.
func (s *session) suggest(most int, ask func(ctx context.Context) ([]cobra.Completion, error)) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if most > 0 && len(args) >= most || s.connect() != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer s.http.CloseIdleConnections()
		ctx := cmd.Context()
		if ctx == nil {
			ctx = context.Background()
		}
		ctx, cancel := context.WithTimeout(ctx, completionTime)
		defer cancel()
		found, err := ask(ctx)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return found, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}

// executions suggests those created last, of some states, for up to most arguments; 0: any number.
func (s *session) executions(most int, states ...durable.State) cobra.CompletionFunc {
	return s.suggest(most, func(ctx context.Context) ([]cobra.Completion, error) {
		page, err := s.client.Executions(ctx, durable.ExecutionFilter{States: states}, durable.Part{})
		if err != nil {
			return nil, err
		}
		var found []cobra.Completion
		for _, e := range page.Items {
			found = append(found, cobra.CompletionWithDesc(e.ID, fmt.Sprintf("%s, %s, %s ago", clean(e.Function), e.State, s.age(e.CreatedAt))))
		}
		return found, nil
	})
}

// functions suggests names of functions.
func (s *session) functions(most int) cobra.CompletionFunc {
	return s.suggest(most, func(ctx context.Context) ([]cobra.Completion, error) {
		page, err := s.client.Functions(ctx, durable.Part{Limit: maxLimit})
		if err != nil {
			return nil, err
		}
		var found []cobra.Completion
		for _, f := range page.Items {
			found = append(found, cobra.CompletionWithDesc(clean(f.Name), string(f.Kind)))
		}
		return found, nil
	})
}

// queues suggests names of queues.
func (s *session) queues(most int) cobra.CompletionFunc {
	return s.suggest(most, func(ctx context.Context) ([]cobra.Completion, error) {
		queues, err := s.client.Queues(ctx)
		if err != nil {
			return nil, err
		}
		var found []cobra.Completion
		for _, q := range queues {
			found = append(found, cobra.CompletionWithDesc(clean(q.Name), fmt.Sprintf("%d due", q.Depth)))
		}
		return found, nil
	})
}

// signals suggests an execution, and then the signals that it waits for.
func (s *session) signals() cobra.CompletionFunc {
	executions := s.executions(1, durable.StateRunning, durable.StatePending, durable.StateBlocked)
	return func(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return executions(cmd, args, begun)
		}
		return s.suggest(2, func(ctx context.Context) ([]cobra.Completion, error) {
			page, err := s.client.ExecutionTasks(ctx, args[0], durable.TaskFilter{Kinds: []string{"signal"}, States: []string{"waiting"}}, durable.Part{})
			if err != nil {
				return nil, err
			}
			var found []cobra.Completion
			for _, t := range page.Items {
				found = append(found, cobra.CompletionWithDesc(clean(t.Name), "awaited by "+clean(t.StepKey)))
			}
			return found, nil
		})(cmd, args, begun)
	}
}

// steps suggests the steps of the execution that is named.
func (s *session) steps(cmd *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return s.suggest(0, func(ctx context.Context) ([]cobra.Completion, error) {
		e, err := s.client.Get(ctx, args[0])
		if err != nil {
			return nil, err
		}
		var found []cobra.Completion
		for _, step := range e.Progress {
			found = append(found, cobra.CompletionWithDesc(clean(step.Step), clean(step.Status)))
		}
		return found, nil
	})(cmd, args, begun)
}

// strict makes the commands that cobra adds refuse what they do not know, as others do.
func (p *Program) strict() {
	p.Root.InitDefaultHelpCmd()
	p.Root.InitDefaultCompletionCmd()
	for _, c := range p.Root.Commands() {
		switch c.Name() {
		case "help":
			c.Args = func(c *cobra.Command, args []string) error {
				if _, rest, err := c.Root().Find(args); err != nil || len(rest) > 0 {
					return fmt.Errorf("there is no command %q", strings.Join(args, " "))
				}
				return nil
			}
		case "completion":
			c.Args = func(c *cobra.Command, args []string) error {
				if len(args) == 0 {
					return nil
				}
				var shells []string
				for _, shell := range c.Commands() {
					shells = append(shells, shell.Name())
				}
				return fmt.Errorf("there is no completion for %q, but for %s", args[0], strings.Join(shells, ", "))
			}
			c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
		}
	}
}
