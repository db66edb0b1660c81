package cli

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stent-dev/stent/durable"
)

func (s *session) functionsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "functions",
		Aliases: []string{"function"},
		Short:   "List the registered functions",
		Args:    cobra.NoArgs,
	}
	p := part(cmd)
	cmd.RunE = s.run(func(ctx context.Context, _ []string) error {
		page, err := s.client.Functions(ctx, *p)
		if err != nil {
			return err
		}
		return s.show(func() error { return writePage(s, "functions", page, s.functionTable(page.Items)) })
	})
	return cmd
}

func (s *session) functionTable(functions []durable.FunctionInfo) *grid {
	g := s.grid("NAME", "KIND", "VERSION", "QUEUE", "TIMEOUT", "ATTEMPTS", "LIMITS", "TAGS", "URL")
	for i := range functions {
		f := &functions[i]
		attempts := ""
		if f.Kind == durable.KindActivity {
			attempts = fmt.Sprint(f.RetryPolicy.MaxAttempts)
		}
		g.add(in(bold, f.Name), in(plain, string(f.Kind)), in(plain, f.Version), in(plain, f.Queue), in(plain, f.Timeout), in(plain, attempts),
			in(plain, limits(f)), in(dim, strings.Join(f.Tags, ",")), in(plain, f.URL))
	}
	return g
}

// limits writes what bounds and shares the runs of a function, and how long they are kept.
func limits(f *durable.FunctionInfo) string {
	var all []string
	if f.MaxConcurrent != nil {
		all = append(all, fmt.Sprintf("%d at once", *f.MaxConcurrent))
	}
	if f.RateLimit != nil {
		all = append(all, fmt.Sprintf("%d per %s", f.RateLimit.Limit, f.RateLimit.Per))
	}
	if f.Idempotent {
		all = append(all, "idempotent")
	}
	if f.CacheTTL != nil {
		all = append(all, "cached")
	}
	if f.Retention != nil && *f.Retention != "0s" {
		all = append(all, "kept "+*f.Retention)
	}
	return strings.Join(all, ", ")
}

func (s *session) workerCommand() *cobra.Command {
	var secret string
	register := &cobra.Command{
		Use:   "register URL",
		Short: "Register a worker, with every function that its manifest names",
		Long: `Has the service read the worker's manifest with a GET of the URL, and register every function
in it. Registering again renews: functions that the manifest does not name any more go.`,
		Example: "  stent worker register http://localhost:9000/stent",
		Args:    cobra.ExactArgs(1),
	}
	register.Flags().StringVar(&secret, "secret", "", "`whsec_…`: signs what is delivered to the worker (STENT_WORKER_SECRET)")
	register.RunE = s.run(func(ctx context.Context, args []string) error {
		w, err := s.client.RegisterWorker(ctx, args[0], cmp.Or(secret, s.getenv("STENT_WORKER_SECRET")))
		if err != nil {
			return err
		}
		return s.show(func() error {
			s.say("Worker %s is %s and has %s:", w.ID, w.Health, count(len(w.Functions), "function", "functions"))
			if len(w.Functions) == 0 {
				return nil
			}
			_, err := fmt.Fprintln(s.Out, s.functionTable(w.Functions))
			return err
		})
	})
	return family(&cobra.Command{Use: "worker", Short: "Register workers"}, register)
}

func (s *session) workersCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "workers", Short: "List the workers and their health", Args: cobra.NoArgs}
	p := part(cmd)
	cmd.RunE = s.run(func(ctx context.Context, _ []string) error {
		page, err := s.client.Workers(ctx, *p)
		if err != nil {
			return err
		}
		return s.show(func() error {
			g := s.grid("ID", "URL", "HEALTH", "SIGNED", "SINCE", "LAST ERROR")
			for i := range page.Items {
				w := &page.Items[i]
				g.add(in(plain, w.ID), in(bold, w.URL), state(w.Health), in(plain, yes(w.Signed)), in(plain, ago(s.ageOf(w.UnreachableSince))), in(red, cut(w.LastError, 80)))
			}
			return writePage(s, "workers", page, g)
		})
	})
	return cmd
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}

func (s *session) queuesCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "queues", Aliases: []string{"queue"}, Short: "List the queues; pause and resume them", Args: cobra.NoArgs}
	cmd.RunE = s.run(func(ctx context.Context, _ []string) error {
		queues, err := s.client.Queues(ctx)
		if err != nil {
			return err
		}
		return s.show(func() error {
			return writePage(s, "queues", &durable.Page[durable.QueueInfo]{Items: queues}, s.queueTable(queues))
		})
	})
	cmd.AddCommand(
		s.queueAction("pause", "Deliver nothing more from a queue until it is resumed", s.pauseQueue),
		s.queueAction("resume", "Let a queue's tasks be delivered again", s.resumeQueue),
	)
	return cmd
}

func (s *session) pauseQueue(ctx context.Context, name string) (*durable.QueueInfo, error) {
	return s.client.PauseQueue(ctx, name)
}

func (s *session) resumeQueue(ctx context.Context, name string) (*durable.QueueInfo, error) {
	return s.client.ResumeQueue(ctx, name)
}

func (s *session) queueAction(use, short string, do func(context.Context, string) (*durable.QueueInfo, error)) *cobra.Command {
	cmd := &cobra.Command{Use: use + " QUEUE", Short: short, Args: cobra.ExactArgs(1), ValidArgsFunction: s.queues(1)}
	cmd.RunE = s.run(func(ctx context.Context, args []string) error {
		q, err := do(ctx, args[0])
		if err != nil {
			return err
		}
		return s.show(func() error {
			if q.Functions == 0 && q.Depth == 0 {
				s.say("No registered function goes through %q, and nothing is due in it: is that its name?", q.Name)
			}
			_, err := fmt.Fprintln(s.Out, s.queueTable([]durable.QueueInfo{*q}))
			return err
		})
	})
	return cmd
}

func (s *session) queueTable(queues []durable.QueueInfo) *grid {
	g := s.grid("NAME", "STATE", "DUE", "OLDEST")
	for _, q := range queues {
		at := "open"
		if q.Paused {
			at = "paused"
		}
		depth := fmt.Sprint(q.Depth)
		if q.More {
			depth += "+"
		}
		g.add(in(bold, q.Name), state(at), in(plain, depth), in(plain, ago(s.ageOf(q.OldestDueAt))))
	}
	return g
}

func (s *session) schedulersCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "schedulers", Short: "List the scheduler instances", Args: cobra.NoArgs}
	p := part(cmd)
	cmd.RunE = s.run(func(ctx context.Context, _ []string) error {
		page, err := s.client.Schedulers(ctx, *p)
		if err != nil {
			return err
		}
		return s.show(func() error {
			g := s.grid("ID", "HOST", "STATE", "IN FLIGHT", "QUEUES", "TAGS", "STARTED", "LAST SEEN")
			for _, i := range page.Items {
				g.add(in(plain, i.ID), in(bold, i.Host), state(i.State), in(plain, fmt.Sprintf("%d of %d", i.InFlight, i.Capacity)), in(plain, orAll(i.Queues)),
					in(plain, orAll(i.Tags)), in(plain, s.age(i.StartedAt)+" ago"), in(plain, s.age(i.LastSeenAt)+" ago"))
			}
			return writePage(s, "schedulers", page, g)
		})
	})
	return cmd
}

func orAll(names []string) string { return cmp.Or(strings.Join(names, ","), "all") }
