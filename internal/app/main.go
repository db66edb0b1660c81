package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// Main runs a program that has nothing but settings: it reads them, runs until
// SIGINT or SIGTERM, and exits with 0, 1 after a failure, or 2 when the settings are wrong.
func Main(name string, defaults Settings, run func(context.Context, Settings) error) {
	settings, err := Parse(name, defaults, os.Args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(0)
	case err != nil:
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(2)
	}
	TuneGC()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = run(ctx, settings)
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = nil // it was asked to stop while it started
	}
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

// gcPercent lets the heap grow to five times of what lives before it is collected.
// Little lives, and much garbage is made, in a program that passes JSON on: the
// default spends a fifth of the processor on collecting a few megabytes.
const gcPercent = 400

// TuneGC sets the garbage collector's pace, unless GOGC or GOMEMLIMIT says otherwise.
func TuneGC() {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(gcPercent)
	}
}
