//go:build unix

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/stent-dev/stent/internal/testenv"
	"github.com/stent-dev/stent/internal/testenv/local"
)

// The command gets this long to end after an interrupt.
const interruptGrace = 30 * time.Second

// backend is something that tests may cover, and where it comes from.
type backend struct {
	key, name, source string
}

// wrap runs a command with a PostgreSQL server for all that it starts. Redis
// is only looked up: each test starts its own.
func wrap(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("testenv", flag.ContinueOnError)
	require := flags.String("require", "", "comma-separated backends that must be covered")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("no command to run")
	}
	report, err := local.NewScratch()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, report.Remove()) }()
	env, backends, stop, err := prepare(report.Path)
	if err != nil {
		return err
	}
	failed := command(ctx, flags.Args(), env)
	stopped := stop()
	missing := summarize(report.Path, backends, *require)
	return errors.Join(failed, stopped, missing)
}

// prepare starts what is not given by the environment, and returns what to add
// to that of the command.
func prepare(report string) (env []string, backends []backend, stop func() error, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, nil, fmt.Errorf("finding this program: %w", err)
	}
	env = []string{testenv.EnvHelper + "=" + self, testenv.EnvReport + "=" + report}
	backends = []backend{
		{testenv.BackendSQLite, "SQLite", "embedded"},
		{testenv.BackendPostgres, "PostgreSQL", testenv.EnvDatabaseURL},
		{testenv.BackendRedis, "Redis", testenv.EnvRedisURL},
		{testenv.BackendChromium, "Chromium", testenv.EnvChromium},
	}
	if os.Getenv(testenv.EnvChromium) == "" {
		backends[3].source = "local binary"
	}
	if os.Getenv(testenv.EnvRedisURL) == "" {
		if _, err := local.FindRedis(os.Stderr); err != nil {
			return nil, nil, nil, err
		}
		backends[2].source = "local binaries"
	}
	if os.Getenv(testenv.EnvDatabaseURL) != "" {
		return env, backends, func() error { return nil }, nil
	}
	server, err := local.Postgres(os.Stderr)
	if err != nil {
		return nil, nil, nil, err
	}
	backends[1].source = "local binaries"
	return append(env, testenv.EnvDatabaseURL+"="+server.URL), backends, server.Stop, nil
}

// command runs the command to its end. An interrupt from the terminal reaches
// it directly; one to this process alone is passed on.
func command(ctx context.Context, args, env []string) error {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = interruptGrace
	return cmd.Run()
}

// summarize prints which backends the tests used, as the last line, and fails
// when a required one is not among them.
func summarize(report string, backends []backend, require string) error {
	var used, unused []string
	var missing error
	for _, b := range backends {
		version, err := os.ReadFile(filepath.Join(report, b.key))
		if err == nil {
			used = append(used, strings.Join(strings.Fields(b.name+" "+string(version)+" ("+b.source+")"), " "))
			continue
		}
		unused = append(unused, b.name)
		for _, key := range strings.Split(require, ",") {
			if key == b.key {
				missing = errors.Join(missing, fmt.Errorf("no test used %s", b.name))
			}
		}
	}
	line := "backends covered: " + strings.Join(used, ", ")
	if len(used) == 0 {
		line += "none"
	}
	if len(unused) > 0 {
		line += "; not covered: " + strings.Join(unused, ", ")
	}
	fmt.Println(line)
	return missing
}
