package durable

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stent-dev/stent/internal/wire"
)

// FunctionOption describes a function where it is registered: Activity,
// Orchestrator, Client.RegisterFunction.
type FunctionOption interface {
	onFunction(*wire.ManifestFunction) error
}

// MapOption is what Map takes: every CallOption, and MaxInFlight.
type MapOption interface {
	onMap(*wire.Command) error
}

// DispatchOption is what Dispatch takes: every CallOption, MaxDuration and Tags.
type DispatchOption interface {
	onDispatch(*wire.Command) error
}

// CallOption overrides, for one step, what the function was registered with.
type CallOption interface {
	MapOption
	DispatchOption
	onCall(*wire.Command) error
}

// SubmitOption is what Client.Dispatch takes.
type SubmitOption interface {
	onSubmit(*submission) error
}

// SignalOption is what Client.Signal takes.
type SignalOption interface {
	onSignal(*signal) error
}

// Options with several uses. The signature of an option tells where it fits, so
// that one in the wrong place does not compile.
type (
	// A SharedOption fits a registration and a single step.
	SharedOption interface {
		FunctionOption
		CallOption
	}
	// A RoutingOption fits a registration, a single step and a client's dispatch.
	RoutingOption interface {
		SharedOption
		SubmitOption
	}
	// A TagOption fits whatever carries tags.
	TagOption interface {
		FunctionOption
		DispatchOption
		SubmitOption
	}
	// A StartOption fits a single step and a client's dispatch.
	StartOption interface {
		CallOption
		SubmitOption
	}
	// A KeyOption fits whatever may be repeated: a single step, a client's dispatch
	// and a signal.
	KeyOption interface {
		StartOption
		SignalOption
	}
	// An ExecutionOption fits what starts an execution: Dispatch here and in the client.
	ExecutionOption interface {
		DispatchOption
		SubmitOption
	}
)

// option is every option; its constructors return only the interfaces that fit.
type option struct {
	function func(*wire.ManifestFunction) error
	step     func(*wire.Command) error
	submit   func(*submission) error
	signal   func(*signal) error
}

func (o option) onFunction(f *wire.ManifestFunction) error { return o.function(f) }
func (o option) onCall(c *wire.Command) error              { return o.step(c) }
func (o option) onMap(c *wire.Command) error               { return o.step(c) }
func (o option) onDispatch(c *wire.Command) error          { return o.step(c) }
func (o option) onSubmit(s *submission) error              { return o.submit(s) }
func (o option) onSignal(s *signal) error                  { return o.signal(s) }

// overrides is the place for a command's options, made when the first one comes.
func overrides(c *wire.Command) *wire.CallOptions {
	if c.Options == nil {
		c.Options = &wire.CallOptions{}
	}
	return c.Options
}

// Timeout gives up an attempt after d: 30 s by default for an activity, 10 s for
// a turn of an orchestrator. No request is kept open for more than 15 min,
// whatever d is: an activity that takes longer returns Async, and has d from its
// delivery to report.
func Timeout(d time.Duration) SharedOption {
	return option{
		function: func(f *wire.ManifestFunction) error {
			f.Timeout = wire.FormatDuration(d)
			return positive("Timeout", d)
		},
		step: func(c *wire.Command) error {
			overrides(c).Timeout = wire.FormatDuration(d)
			return positive("Timeout", d)
		},
	}
}

// HeartbeatTimeout gives up an attempt of an activity that returned Async and has
// not sent a heartbeat for d. Without it only Timeout does.
func HeartbeatTimeout(d time.Duration) SharedOption {
	return option{
		function: func(f *wire.ManifestFunction) error {
			f.HeartbeatTimeout = optionalDuration(d)
			return positive("HeartbeatTimeout", d)
		},
		step: func(c *wire.Command) error {
			overrides(c).HeartbeatTimeout = wire.FormatDuration(d)
			return positive("HeartbeatTimeout", d)
		},
	}
}

// Retry sets when a failed activity runs again.
func Retry(p RetryPolicy) SharedOption {
	policy, err := p.wire()
	if err != nil {
		err = fmt.Errorf("Retry: %w", err)
	}
	return option{
		function: func(f *wire.ManifestFunction) error { f.RetryPolicy = policy; return err },
		step:     func(c *wire.Command) error { overrides(c).RetryPolicy = policy; return err },
	}
}

// Queue sets the queue that the work waits in; "default" without it.
func Queue(name string) RoutingOption {
	return option{
		function: func(f *wire.ManifestFunction) error { f.Queue = name; return notEmpty("Queue", name) },
		step:     func(c *wire.Command) error { overrides(c).Queue = name; return notEmpty("Queue", name) },
		submit:   func(s *submission) error { s.Queue = name; return notEmpty("Queue", name) },
	}
}

// Priority orders the work that is due in a queue: higher goes first, 0 is usual.
func Priority(p int) RoutingOption {
	return option{
		function: func(f *wire.ManifestFunction) error { f.Priority = p; return nil },
		step:     func(c *wire.Command) error { overrides(c).Priority = &p; return nil },
		submit:   func(s *submission) error { s.Priority = &p; return nil },
	}
}

// Tags label a function or an execution, for filters.
func Tags(tags ...string) TagOption {
	return option{
		function: func(f *wire.ManifestFunction) error { f.Tags = tags; return notEmpty("Tags", tags...) },
		step:     func(c *wire.Command) error { overrides(c).Tags = tags; return notEmpty("Tags", tags...) },
		submit:   func(s *submission) error { s.Tags = tags; return notEmpty("Tags", tags...) },
	}
}

// FunctionVersion tells versions of an orchestrator's code apart. For a small
// change inside a function, see Version.
func FunctionVersion(v string) FunctionOption {
	return option{function: func(f *wire.ManifestFunction) error { f.Version = v; return nil }}
}

// Idempotent makes calls of a function with the same key share one completed run:
// those that come while it is under way wait for it, later ones have its result at
// once, and if it fails for good, one of those that wait runs next. The key is
// the call's IdempotencyKey, or made of the whole input, or of the parts of it that
// the JSON Pointers (RFC 6901) name, such as "/order_id". Results are kept for good
// unless CacheTTL says otherwise; see Client.InvalidateResults.
func Idempotent(keyFrom ...string) FunctionOption {
	return option{function: func(f *wire.ManifestFunction) error {
		f.Idempotent, f.IdempotencyKeyFrom = true, keyFrom
		for _, p := range keyFrom {
			if p != "" && !strings.HasPrefix(p, "/") {
				return fmt.Errorf("Idempotent: %q is not a JSON Pointer: it must start with /", p)
			}
		}
		return nil
	}}
}

// CacheTTL keeps the results of a function for d and answers later calls with the
// same key from there; 0 keeps them for good. Calls share runs as with Idempotent,
// but without that each FunctionVersion has results of its own.
func CacheTTL(d time.Duration) FunctionOption {
	return option{function: func(f *wire.ManifestFunction) error {
		s := wire.FormatDuration(d)
		f.CacheTTL = &s
		return notNegative("CacheTTL", d)
	}}
}

// MaxConcurrent bounds the attempts of a function in flight, over all schedulers.
func MaxConcurrent(n int) FunctionOption {
	return option{function: func(f *wire.ManifestFunction) error {
		f.MaxConcurrent = &n
		return atLeastOne("MaxConcurrent", n)
	}}
}

// RateLimit allows limit attempts of a function to start in each period of the
// length per, wherever it begins, over all schedulers.
func RateLimit(limit int, per time.Duration) FunctionOption {
	return option{function: func(f *wire.ManifestFunction) error {
		f.RateLimit = &wire.RateLimit{Limit: limit, Per: wire.FormatDuration(per)}
		return errors.Join(atLeastOne("RateLimit", limit), positive("RateLimit", per))
	}}
}

// Retention keeps executions of a function for d after their end, and then has them
// deleted with all that belongs to them; 0 keeps them for good. Without it the
// service's own setting decides.
func Retention(d time.Duration) FunctionOption {
	return option{function: func(f *wire.ManifestFunction) error {
		s := wire.FormatDuration(d)
		f.Retention = &s
		return notNegative("Retention", d)
	}}
}

// Key names a step, in place of the name#n that is counted for it. A key must
// not change between replays, nor be used twice in a run.
func Key(key string) CallOption {
	return option{step: func(c *wire.Command) error { c.Key = key; return notEmpty("Key", key) }}
}

// IdempotencyKey makes what is started with the same key share one run: of a step,
// the completed run of the function, as if that were Idempotent; in a Map each item
// has the key with its index; of a client's dispatch, one execution; of its signal to
// an execution, one signal.
func IdempotencyKey(key string) KeyOption {
	return option{
		step: func(c *wire.Command) error {
			overrides(c).IdempotencyKey = key
			return notEmpty("IdempotencyKey", key)
		},
		submit: func(s *submission) error { s.idempotencyKey = key; return notEmpty("IdempotencyKey", key) },
		signal: func(s *signal) error { s.idempotencyKey = key; return notEmpty("IdempotencyKey", key) },
	}
}

// ConcurrencyKey counts the function's MaxConcurrent and RateLimit separately for
// each key, such as a customer's id.
func ConcurrencyKey(key string) CallOption {
	return option{step: func(c *wire.Command) error {
		overrides(c).ConcurrencyKey = key
		return notEmpty("ConcurrencyKey", key)
	}}
}

// Delay starts the work d from now.
func Delay(d time.Duration) StartOption {
	return option{
		step: func(c *wire.Command) error {
			overrides(c).Delay = wire.FormatDuration(d)
			return notNegative("Delay", d)
		},
		submit: func(s *submission) error { s.Delay = wire.FormatDuration(d); return notNegative("Delay", d) },
	}
}

// MaxDuration ends an execution that has not finished d after its start, as timed_out.
func MaxDuration(d time.Duration) ExecutionOption {
	return option{
		step: func(c *wire.Command) error {
			overrides(c).MaxDuration = wire.FormatDuration(d)
			return positive("MaxDuration", d)
		},
		submit: func(s *submission) error {
			s.MaxDuration = wire.FormatDuration(d)
			return positive("MaxDuration", d)
		},
	}
}

// MaxInFlight bounds how many items of a Map run at the same time; without it all may.
func MaxInFlight(n int) MapOption {
	return option{step: func(c *wire.Command) error { c.MaxInFlight = n; return atLeastOne("MaxInFlight", n) }}
}

func positive(option string, d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("%s: %v is not a positive duration", option, d)
	}
	return nil
}

func notNegative(option string, d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("%s: %v is negative", option, d)
	}
	return nil
}

func atLeastOne(option string, n int) error {
	if n < 1 {
		return fmt.Errorf("%s: %d is less than 1", option, n)
	}
	return nil
}

func notEmpty(option string, values ...string) error {
	for _, v := range values {
		if v == "" {
			return fmt.Errorf("%s: an empty text", option)
		}
	}
	return nil
}
