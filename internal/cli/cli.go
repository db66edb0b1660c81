package cli

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/stent-dev/stent/durable"
)

// session is what the commands of one run share.
type session struct {
	Terminal
	settings
	getenv func(string) string

	written  *output // what Out writes through
	style    style
	client   *durable.Client
	http     *http.Client // what the client sends with; nil until a command speaks to the service
	recorder *recorder
	call     call
}

// Program is the command stent and what its commands share.
type Program struct {
	Root    *cobra.Command
	session *session
}

// New makes the command stent with every command that speaks to the service.
// Others may be added to Root before Run.
func New(t Terminal, getenv func(string) string) *Program {
	out := &output{to: t.Out}
	t.Out = out
	s := &session{Terminal: t, getenv: getenv, style: style{colour: t.Colour}, written: out}
	root := &cobra.Command{
		Use:           "stent",
		Short:         "Durable functions over HTTP",
		Version:       built().String(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp) // nothing here is a file's name
	root.SetVersionTemplate("{{.Version}}\n")
	s.register(root)
	root.SetIn(t.In)
	root.SetOut(t.Out)
	root.SetErr(t.Err)
	root.AddGroup(
		&cobra.Group{ID: groupExecutions, Title: "Executions:"},
		&cobra.Group{ID: groupService, Title: "The service:"},
		&cobra.Group{ID: groupHere, Title: "On this machine:"},
	)
	root.SetCompletionCommandGroupID(groupHere)
	root.SetHelpCommandGroupID(groupHere)
	add := func(group string, commands ...*cobra.Command) {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	add(groupExecutions,
		s.dispatchCommand(), s.listCommand(), s.showCommand(), s.whyCommand(), s.watchCommand(), s.signalCommand(),
		s.cancelCommand(), s.pauseCommand(), s.resumeCommand(), s.restartCommand(), s.tasksCommand(), s.dlqCommand())
	add(groupService,
		s.workerCommand(), s.workersCommand(), s.functionsCommand(), s.queuesCommand(), s.schedulersCommand(), s.statsCommand(), s.cleanupCommand())
	add(groupHere, s.versionCommand())
	return &Program{Root: root, session: s}
}

// The groups of commands in the help; those of groupHere need no service.
const (
	groupExecutions = "executions"
	groupService    = "service"
	groupHere       = "here"
)

// Add adds a command that needs no service.
func (p *Program) Add(c *cobra.Command) {
	c.GroupID = groupHere
	p.Root.AddCommand(c)
}

// Run carries out a command line, tells on standard error what went wrong, and
// gives the code to exit with.
func (p *Program) Run(ctx context.Context, args []string) Exit {
	p.strict()
	began := false
	p.each(func(c *cobra.Command) {
		if run := c.RunE; run != nil {
			c.RunE = func(c *cobra.Command, args []string) error {
				began = true
				return run(c, args)
			}
		}
	})
	p.Root.SetArgs(args)
	command, err := p.Root.ExecuteContextC(ctx)
	if err == nil {
		err, began = p.session.written.failed, true
	}
	if err == nil {
		return ExitOK
	}
	if !began { // cobra did not understand the command line
		err = &exitError{ExitUsage, err, "See `" + command.CommandPath() + " --help`."}
	}
	return p.session.tell(err)
}

// tell tells on standard error what went wrong, and gives the code to exit with.
func (s *session) tell(err error) Exit {
	code, message, hint := explain(err, s)
	lines := strings.Split(message, "\n")
	for i, line := range lines {
		lines[i] = clean(line)
	}
	fmt.Fprintf(s.Err, "stent: %s\n", strings.Join(lines, "\n"))
	if hint != "" {
		fmt.Fprintln(s.Err, hint)
	}
	return code
}

// each visits every command.
func (p *Program) each(visit func(*cobra.Command)) {
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		visit(c)
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(p.Root)
}

// connect makes the client.
func (s *session) connect() error {
	if err := s.resolve(s.getenv); err != nil {
		return err
	}
	transport := newTransport()
	s.recorder = &recorder{next: transport}
	s.http = &http.Client{Transport: s.recorder}
	s.client = durable.NewClient(s.url, durable.APIKey(s.key), durable.HTTPClient(s.http))
	return nil
}

// run makes a command's function of one that speaks to the service.
func (s *session) run(do func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if err := refuseEmpty(cmd, args); err != nil {
			return err
		}
		if err := s.connect(); err != nil {
			return err
		}
		defer s.http.CloseIdleConnections()
		s.call = call{cmd, args}
		return s.place(cmd.Context(), do(cmd.Context(), args))
	}
}

// show writes what was answered: as it came, or as the function does for people.
func (s *session) show(people func() error) error {
	if s.output == outputJSON {
		return s.recorder.writeTo(s.Out, s.Screen)
	}
	return people()
}

// say tells people something about what they asked for, unless they want JSON.
func (s *session) say(format string, args ...any) {
	if s.output != outputJSON {
		fmt.Fprintln(s.Err, clean(fmt.Sprintf(format, args...)))
	}
}
