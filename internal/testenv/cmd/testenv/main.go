//go:build unix

// Command testenv runs a command with the servers that Stent's tests need, and
// says at the end which storage and wake-up backends the tests covered:
//
//	go run ./internal/testenv/cmd/testenv -require sqlite,postgres,redis -- go test ./...
//
// With -require it fails when the command succeeded without having used each
// of those. As "testenv serve postgres|redis|chromium|dir" it holds one resource for
// its parent, until its standard input ends.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err == nil {
		return
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		// The command has said itself what is wrong.
		os.Exit(exit.ExitCode())
	}
	fmt.Fprintln(os.Stderr, "testenv:", err)
	os.Exit(1)
}

func run(ctx context.Context, args []string) error {
	if len(args) == 2 && args[0] == "serve" {
		return serve(ctx, args[1], os.Stdin, os.Stdout)
	}
	return wrap(ctx, args)
}
