package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/stent-dev/stent/durable"
)

// The longest delay and duration of an execution that the service takes.
const (
	longestDelay    = 366 * day
	longestDuration = 10 * longestDelay
)

// dispatch is what `stent dispatch` can be told.
type dispatch struct {
	input, queue, key, callback string
	tags                        []string
	delay, maxDuration, timeout duration
	priority                    int
	prioritySet, wait           bool
}

func (s *session) dispatchCommand() *cobra.Command {
	d := dispatch{
		delay:       duration{most: longestDelay},
		maxDuration: duration{least: time.Millisecond, most: longestDuration},
		timeout:     duration{least: time.Millisecond, most: longestDuration},
	}
	cmd := &cobra.Command{
		Use:   "dispatch FUNCTION",
		Short: "Start an execution of a function",
		Long: `Starts an execution of a function and writes its id.

With --wait it waits until the execution has ended and writes the result; if the execution
did not complete, it tells why on standard error and exits with 1. Interrupting it leaves
the execution alone.`,
		Example: `  stent dispatch order --input '{"id": "ORD-1"}' --wait
  stent dispatch report --input @report.json --delay 1h --tag nightly
  generate | stent dispatch import --input - --idempotency-key import-2026-01-02`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: s.functions(1),
	}
	flags := cmd.Flags()
	flags.StringVarP(&d.input, "input", "i", "null", "the input: `JSON`, @FILE, or - for standard input")
	flags.BoolVarP(&d.wait, "wait", "w", false, "wait until the execution has ended, and write its result")
	flags.Var(&d.timeout, "timeout", "with --wait: how long to wait, for as long as it takes by default")
	flags.StringArrayVar(&d.tags, "tag", nil, "label the execution with a `tag`; may be repeated")
	flags.Var(&d.delay, "delay", "start that much later")
	flags.Var(&d.maxDuration, "max-duration", "end the execution as timed out after that long")
	flags.IntVar(&d.priority, "priority", 0, "higher goes first; the function's by default")
	flags.StringVar(&d.queue, "queue", "", "the `queue`; the function's by default")
	flags.StringVar(&d.key, "idempotency-key", "", "makes the same command safe to repeat: the same `key` starts one execution")
	flags.StringVar(&d.callback, "callback-url", "", "the `URL` that is told when the execution has ended")
	mustComplete(cmd, "queue", s.queues(0))
	cmd.RunE = s.run(func(ctx context.Context, args []string) error {
		d.prioritySet = flags.Changed("priority")
		return s.dispatch(ctx, args[0], &d)
	})
	return cmd
}

func (s *session) dispatch(ctx context.Context, function string, d *dispatch) error {
	if d.timeout.given && !d.wait {
		return usagef("--timeout is for --wait")
	}
	input, err := s.readInput(d.input)
	if err != nil {
		return err
	}
	e, err := s.client.Dispatch(ctx, function, input, d.options()...)
	if err == nil && e.ID == "" {
		err = s.stranger()
	}
	if err != nil {
		return err
	}
	if !d.wait {
		return s.show(func() error {
			_, err := fmt.Fprintln(s.Out, e.ID)
			return err
		})
	}
	if !e.State.Terminal() {
		if e, err = s.await(ctx, e.ID, d.timeout.length); err != nil {
			return err
		}
	}
	if err := s.show(func() error { return s.writeResult(e) }); err != nil {
		return err
	}
	return ended(e)
}

func (d *dispatch) options() []durable.SubmitOption {
	var o []durable.SubmitOption
	if len(d.tags) > 0 {
		o = append(o, durable.Tags(d.tags...))
	}
	if d.delay.given {
		o = append(o, durable.Delay(d.delay.length))
	}
	if d.maxDuration.given {
		o = append(o, durable.MaxDuration(d.maxDuration.length))
	}
	if d.prioritySet {
		o = append(o, durable.Priority(d.priority))
	}
	if d.queue != "" {
		o = append(o, durable.Queue(d.queue))
	}
	if d.key != "" {
		o = append(o, durable.IdempotencyKey(d.key))
	}
	if d.callback != "" {
		o = append(o, durable.CallbackURL(d.callback))
	}
	if d.wait {
		o = append(o, durable.WaitUpTo(min(firstWait, cmp.Or(d.timeout.length, firstWait))))
	}
	return o
}

// firstWait is how long the dispatch itself is held with --wait: what ends soon needs no second request.
const firstWait = time.Second

// await waits for the end of an execution, for as long as timeout says if that is not 0.
func (s *session) await(ctx context.Context, id string, timeout time.Duration) (*durable.Execution, error) {
	s.say("execution %s is under way", id)
	waiting := ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	e, err := s.waitOn(waiting, id)
	switch {
	case err == nil:
		return e, nil
	case ctx.Err() != nil:
		return nil, &exitError{ExitInterrupted, fmt.Errorf("interrupted; execution %s goes on", id), ""}
	case errors.Is(err, context.DeadlineExceeded) && waiting.Err() != nil:
		return nil, &exitError{ExitNotEnded, fmt.Errorf("execution %s has not ended after %s; it goes on", id, span(timeout)), "`stent watch " + id + "` follows it."}
	}
	return nil, fmt.Errorf("waiting for execution %s: %w", id, err)
}

// waitOn waits for the end of an execution, though the service may be away for up to
// giveUp, as it may be while it is restarted.
func (s *session) waitOn(ctx context.Context, id string) (*durable.Execution, error) {
	var since time.Time // when the service was lost
	outage := s.outages()
	for {
		e, err := s.client.Wait(ctx, id)
		if e != nil {
			outage(nil) // it was there, whatever came then
		}
		if err == nil || ctx.Err() != nil || !passing(err) {
			return e, err
		}
		switch now := s.Now(); {
		case since.IsZero(), e != nil: // it was there in between
			since = now
		case now.Sub(since) > giveUp:
			return nil, err
		}
		outage(err)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pollAll):
		}
	}
}

// writeResult writes the result of a completed execution.
func (s *session) writeResult(e *durable.Execution) error {
	if e.State != durable.StateCompleted {
		return nil
	}
	s.say("execution %s completed in %s", e.ID, s.took(&e.CreatedAt, e.CompletedAt))
	result := []byte(e.Result)
	if s.Screen {
		result = escapeJSON(result)
	}
	_, err := fmt.Fprintln(s.Out, string(result))
	return err
}

// ended is the error of an execution that ended and did not complete.
func ended(e *durable.Execution) error {
	if e.State == durable.StateCompleted {
		return nil
	}
	text := join(": ", fmt.Sprintf("execution %s %s", e.ID, e.State), clean(executionFailure(e.Error)))
	return &exitError{ExitFailed, errors.New(text), "`stent show " + e.ID + "` tells more."}
}

// readInput reads a JSON value that was given as it stands, in a file, or on
// standard input, and refuses what is not one.
func (s *session) readInput(given string) (json.RawMessage, error) {
	text, from := []byte(given), "what was given"
	var err error
	switch file, isFile := strings.CutPrefix(given, "@"); {
	case given == "-":
		from = "standard input"
		text, err = io.ReadAll(s.In)
	case isFile:
		from = file
		text, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, usagef("reading the input: %w", err)
	}
	var value json.RawMessage
	if err := json.Unmarshal(text, &value); err != nil {
		return nil, usagef("%s is not JSON: %w", from, err)
	}
	return bytes.TrimSpace(value), nil
}
