package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stent-dev/stent/durable"
)

// maxLimit is the most items that REST gives at once.
const maxLimit = 500

// part adds the flags that say which part of a list to show.
func part(cmd *cobra.Command) *durable.Part {
	p, flags := &durable.Part{}, cmd.Flags()
	limitFlag(cmd, &p.Limit, 50, maxLimit, "the most to show, 500 at most")
	flags.StringVar(&p.Cursor, "cursor", "", "show the next part: the `cursor` that the part before ended with")
	return p
}

// filter is the flags that select executions.
type filter struct {
	states, functions, queues, tags []string
	createdAfter, createdBefore     moment
}

var executionStates = []string{"pending", "running", "completed", "failed", "timed_out", "cancelling", "cancelled", "blocked"}

// filter adds the flags that select executions to a command.
func (s *session) filter(cmd *cobra.Command) *filter {
	f := &filter{createdAfter: moment{now: s.Now}, createdBefore: moment{now: s.Now}}
	flags := cmd.Flags()
	flags.StringSliceVar(&f.states, "state", nil, "only those in this `state`: "+strings.Join(executionStates, ", ")+"; may be repeated")
	flags.StringArrayVar(&f.functions, "function", nil, "only those of this `function`; may be repeated")
	flags.StringArrayVar(&f.queues, "queue", nil, "only those in this `queue`; may be repeated")
	flags.StringArrayVar(&f.tags, "tag", nil, "only those with this `tag`; may be repeated: one of them is enough")
	flags.Var(&f.createdAfter, "created-after", "only those created then or later: a time, or how long ago (2h)")
	flags.Var(&f.createdBefore, "created-before", "only those created before: a time, or how long ago (2h)")
	complete(cmd, "state", executionStates...)
	mustComplete(cmd, "function", s.functions(0))
	mustComplete(cmd, "queue", s.queues(0))
	return f
}

// empty tells whether nothing was said.
func (f *filter) empty() bool {
	return len(f.states)+len(f.functions)+len(f.queues)+len(f.tags) == 0 && f.createdAfter.at.IsZero() && f.createdBefore.at.IsZero()
}

func (f *filter) filter() durable.ExecutionFilter {
	of := durable.ExecutionFilter{
		Functions: f.functions, Queues: f.queues, Tags: f.tags, CreatedAfter: f.createdAfter.at, CreatedBefore: f.createdBefore.at,
	}
	for _, state := range f.states {
		of.States = append(of.States, durable.State(state))
	}
	return of
}

func (s *session) listCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List executions, the newest first",
		Example: `  stent list --state failed,timed_out --created-after 1d
  stent list --function order --tag vip --output json`,
		Args: cobra.NoArgs,
	}
	f, p := s.filter(cmd), part(cmd)
	cmd.RunE = s.run(func(ctx context.Context, _ []string) error {
		page, err := s.client.Executions(ctx, f.filter(), *p)
		if err != nil {
			return err
		}
		return s.show(func() error { return writePage(s, "executions", page, s.executionTable(page.Items)) })
	})
	return cmd
}

func (s *session) executionTable(executions []durable.Execution) *grid {
	g := s.grid("ID", "FUNCTION", "STATE", "AGE", "TOOK", "RETRIES", "TAGS", "ERROR")
	for _, e := range executions {
		g.add(in(plain, e.ID), in(bold, e.Function), stateOf(&e), in(plain, s.age(e.CreatedAt)), in(plain, s.took(e.StartedAt, e.CompletedAt)),
			in(plain, some(e.Retries)), in(dim, strings.Join(e.Tags, ",")), in(red, cut(executionFailure(e.Error), 80)))
	}
	return g
}

// stateOf makes a cell of an execution's state, of its pause, and of a cancellation that
// the state does not tell.
func stateOf(e *durable.Execution) cell {
	c := state(string(e.State))
	if e.Paused {
		c = cell{c.text + " (paused)", statePaints["paused"]}
	}
	if e.CancelRequested && e.State == durable.StateBlocked {
		c.text += " (to be cancelled)"
	}
	return c
}

// some writes a number, "" for zero.
func some(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// writePage writes a table of a part of a list, and how to see the next part.
func writePage[T any](s *session, what string, page *durable.Page[T], g *grid) error {
	if len(page.Items) == 0 && page.NextCursor == "" {
		var list struct {
			Items *[]json.RawMessage `json:"items"`
		}
		if err := s.recorder.decode(&list); err != nil || list.Items == nil {
			return s.stranger() // it is no list
		}
		s.say("There are no %s.", what)
		return nil
	}
	if len(page.Items) == 0 { // the service stopped looking for a moment
		s.say("There are no %s so far; look on with --cursor %s", what, page.NextCursor)
		return nil
	}
	if _, err := fmt.Fprintln(s.Out, g); err != nil {
		return err
	}
	if page.NextCursor != "" {
		s.say("There are more: --cursor %s", page.NextCursor)
	}
	return nil
}
