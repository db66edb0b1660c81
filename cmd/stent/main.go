// Command stent is the command line of Stent: it speaks REST to the service, runs
// Stent on a developer's machine, and looks after its database.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/stent-dev/stent/internal/app"
	"github.com/stent-dev/stent/internal/cli"
)

func main() {
	app.TuneGC()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second signal ends the program at once
	exit := program(cli.Stdio(os.Getenv), os.Getenv).Run(ctx, os.Args[1:])
	stop()
	os.Exit(int(exit))
}

// program is the whole command line.
func program(t cli.Terminal, getenv func(string) string) *cli.Program {
	p := cli.New(t, getenv)
	p.Add(devCommand(getenv))
	p.Add(demoCommand())
	p.Add(migrateCommand(t, getenv))
	p.Add(referenceCommand())
	return p
}
