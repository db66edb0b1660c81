package protocol

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/wire"
	"github.com/stent-dev/stent/internal/workflow"
)

func TestCommandThatCannotBeStoredIsRefusedByField(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]struct {
		command wire.Command
		want    string
	}{
		"NUL in the key":   {wire.Command{Key: "a\x00", Op: "local"}, "/c/key"},
		"endless name":     {wire.Command{Key: "a", Op: "call", Name: strings.Repeat("x", 501)}, "/c/name"},
		"control in queue": {wire.Command{Key: "a", Op: "call", Name: "f", Options: &wire.CallOptions{Queue: "a\nb"}}, "/c/options/queue"},
		"NUL in a key":     {wire.Command{Key: "a", Op: "call", Name: "f", Options: &wire.CallOptions{ConcurrencyKey: "a\x00"}}, "/c/options/concurrency_key"},
		"control in a tag": {wire.Command{Key: "a", Op: "call", Name: "f", Options: &wire.CallOptions{Tags: []string{"ok", "\x7f"}}}, "/c/options/tags/1"},
		"large input":      {wire.Command{Key: "a", Op: "call", Name: "f", Input: make(json.RawMessage, maxValue+1)}, "/c"},
		"large map item":   {wire.Command{Key: "a", Op: "map", Name: "f", Inputs: []json.RawMessage{make(json.RawMessage, maxValue+1)}}, "/c"},
		"endless timeout":  {wire.Command{Key: "a", Op: "call", Name: "f", Options: &wire.CallOptions{Timeout: "367d"}}, "/c/options/timeout"},
		"wide map":         {wire.Command{Key: "a", Op: "map", Name: "f", Inputs: make([]json.RawMessage, maxMapItems+1)}, "/c/inputs"},
		"spaced duration":  {wire.Command{Key: "a", Op: "sleep", Duration: "1 h"}, "/c/duration"},
		"no duration":      {wire.Command{Key: "a", Op: "sleep"}, "/c/duration"},
		"bad timeout":      {wire.Command{Key: "a", Op: "wait_signal", Name: "s", Timeout: "soon"}, "/c/timeout"},
		"bad delay":        {wire.Command{Key: "a", Op: "call", Name: "f", Options: &wire.CallOptions{Delay: "-1s"}}, "/c/options/delay"},
		"bad on_error":     {wire.Command{Key: "a", Op: "map", Name: "f", OnError: "ignore"}, "/c/on_error"},
		"bad retry": {wire.Command{Key: "a", Op: "call", Name: "f", Options: &wire.CallOptions{
			RetryPolicy: &wire.RetryPolicy{MaxAttempts: new(int)},
		}}, "/c/options/retry_policy/max_attempts"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c workflow.Command
			err := readCommand(&c, &bad.command, "/c")
			if err == nil || !strings.HasPrefix(err.Error(), bad.want+": ") {
				t.Errorf("got %v, want an error at %s", err, bad.want)
			}
		})
	}
}

func TestCommandIsReadWithItsOptions(t *testing.T) {
	t.Parallel()
	attempts, delay, priority := 7, "2s", 5
	var c workflow.Command
	err := readCommand(&c, &wire.Command{
		Key: "a#0", Op: "map", Name: "f", Inputs: []json.RawMessage{[]byte("1")}, MaxInFlight: 3, OnError: "collect",
		Options: &wire.CallOptions{
			Timeout: "1m", Queue: "eu", Priority: &priority, Delay: "1d", Tags: []string{"x"},
			RetryPolicy: &wire.RetryPolicy{MaxAttempts: &attempts, InitialDelay: &delay},
		},
	}, "/c")
	if err != nil {
		t.Fatal(err)
	}
	o := c.Options
	if o.MaxInFlight != 3 || !o.Collect || o.Timeout != time.Minute || o.Queue != "eu" || *o.Priority != 5 ||
		o.Delay != 24*time.Hour || *o.Retry.MaxAttempts != 7 || *o.Retry.InitialDelay != 2*time.Second {
		t.Errorf("options %+v", o)
	}
}
