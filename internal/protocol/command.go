package protocol

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/stent-dev/stent/internal/wire"
	"github.com/stent-dev/stent/internal/workflow"
)

// Limits of one turn (docs/limits.md); the size of its answer bounds the rest.
const (
	maxCommands = 1_000
	maxMapItems = 100_000
	maxValue    = 1 << 20
	maxText     = 500 // bytes of a key, a name, a queue or a tag
)

// checkText refuses a text that cannot be a key: both databases index it, and
// PostgreSQL stores no NUL.
func checkText(at, text string) error {
	if len(text) > maxText || strings.ContainsFunc(text, unicode.IsControl) {
		return fieldError(at, fmt.Sprintf("must have at most %d bytes and no control characters", maxText))
	}
	return nil
}

// checkValue refuses a value that is larger than any may be.
func checkValue(at string, v json.RawMessage) error {
	if len(v) > maxValue {
		return fieldError(at, fmt.Sprintf("a value has at most %d bytes", maxValue))
	}
	return nil
}

// readCommand checks what a worker commands and gives it with durations read. at
// is where it stands in the answer.
func readCommand(c *workflow.Command, w *wire.Command, at string) error {
	*c = workflow.Command{
		Key: w.Key, Op: workflow.Op(w.Op), Name: w.Name, Input: w.Input, Inputs: w.Inputs, Value: w.Value, Add: w.Add, Targets: w.Targets,
	}
	if w.Error != nil {
		failure := FromError(w.Error)
		c.Error = &failure
	}
	texts := []struct{ at, text string }{{at + "/key", w.Key}, {at + "/name", w.Name}}
	if w.Options != nil {
		texts = append(texts, []struct{ at, text string }{
			{at + "/options/queue", w.Options.Queue}, {at + "/options/idempotency_key", w.Options.IdempotencyKey},
			{at + "/options/concurrency_key", w.Options.ConcurrencyKey},
		}...)
		for i, tag := range w.Options.Tags {
			texts = append(texts, struct{ at, text string }{fmt.Sprintf("%s/options/tags/%d", at, i), tag})
		}
	}
	for i, target := range w.Targets {
		texts = append(texts, struct{ at, text string }{fmt.Sprintf("%s/targets/%d", at, i), target})
	}
	for _, one := range texts {
		if err := checkText(one.at, one.text); err != nil {
			return err
		}
	}
	if len(w.Inputs) > maxMapItems {
		return fieldError(at+"/inputs", fmt.Sprintf("a map has at most %d items", maxMapItems))
	}
	values := append([]json.RawMessage{w.Input, w.Value}, w.Inputs...)
	if w.Error != nil {
		values = append(values, w.Error.Details)
	}
	for _, v := range values {
		if err := checkValue(at, v); err != nil {
			return err
		}
	}
	var err error
	if w.Duration != "" {
		if c.Duration, err = duration(w.Duration, at+"/duration"); err != nil {
			return err
		}
	} else if c.Op == workflow.OpSleep {
		return fieldError(at+"/duration", "a sleep wants a duration")
	}
	if w.Timeout != "" {
		timeout, err := duration(w.Timeout, at+"/timeout")
		if err != nil {
			return err
		}
		c.Timeout = &timeout
	}
	c.Options, err = readOptions(w, at)
	return err
}

func readOptions(w *wire.Command, at string) (*workflow.CallOptions, error) {
	collect := false
	switch w.OnError {
	case "", "fail":
	case "collect":
		collect = true
	default:
		return nil, fieldError(at+"/on_error", `must be "fail" or "collect"`)
	}
	if w.MaxInFlight < 0 {
		return nil, fieldError(at+"/max_in_flight", "must be at least 1")
	}
	if w.Options == nil && !collect && w.MaxInFlight == 0 {
		return nil, nil
	}
	o := &workflow.CallOptions{MaxInFlight: w.MaxInFlight, Collect: collect}
	from := w.Options
	if from == nil {
		return o, nil
	}
	at += "/options"
	o.Queue, o.Priority, o.Tags = from.Queue, from.Priority, from.Tags
	o.IdempotencyKey, o.ConcurrencyKey = from.IdempotencyKey, from.ConcurrencyKey
	for _, d := range []struct {
		text string
		name string
		into *time.Duration
	}{
		{from.Timeout, "timeout", &o.Timeout}, {from.HeartbeatTimeout, "heartbeat_timeout", &o.HeartbeatTimeout},
		{from.Delay, "delay", &o.Delay}, {from.MaxDuration, "max_duration", &o.MaxDuration},
	} {
		if d.text == "" {
			continue
		}
		var err error
		if *d.into, err = duration(d.text, at+"/"+d.name); err != nil {
			return nil, err
		}
		if longest := workflow.DefaultLimits().Sleep; *d.into > longest {
			return nil, fieldError(at+"/"+d.name, "must be at most "+workflow.FormatDuration(longest))
		}
	}
	if p := from.RetryPolicy; p != nil {
		spec := workflow.RetrySpec(*p)
		var err error
		if o.Retry, err = spec.Overrides(at + "/retry_policy"); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func duration(text, at string) (time.Duration, error) {
	d, err := workflow.ParseDuration(text)
	if err != nil {
		return 0, fieldError(at, fmt.Sprintf("%q is %s", text, err))
	}
	return d, nil
}

func fieldError(pointer, detail string) error {
	return workflow.FieldErrors{{Pointer: pointer, Detail: detail}}
}
