package app

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/stent-dev/stent/internal/delivery"
	"github.com/stent-dev/stent/internal/workflow"
)

// Settings are the settings of every program, by the same names everywhere: each
// has an environment variable and a flag, of which the flag wins.
type Settings struct {
	Addr          string // empty: a scheduler does not listen
	DatabaseURL   string
	RedisURL      string
	APIKeys       []string
	LogLevel      string
	LogFormat     string
	Concurrency   int
	Queues        []string
	Tags          []string
	LeaseDuration time.Duration
	PollInterval  time.Duration
	DrainTimeout  time.Duration
	Retention     time.Duration // of dead letters, and of executions that have ended; 0: for good
	CleanInterval time.Duration
	DrainDelay    time.Duration
	MaxTurnBytes  int
	StrictSSRF    bool

	// CallbackSecret signs callbacks; none: the secret of the function's worker does.
	CallbackSecret string

	// Log is where the program logs; nil: standard error, as LogLevel and LogFormat say.
	Log Logger
}

// DefaultAddr is where the API service listens when nothing else is said.
const DefaultAddr = "127.0.0.1:8233"

// DefaultSettings are the settings of a program to which nothing is said.
func DefaultSettings() Settings {
	return Settings{
		Addr: DefaultAddr, LogLevel: "info", LogFormat: "text", Concurrency: 500,
		LeaseDuration: 30 * time.Second, PollInterval: time.Second, DrainTimeout: 30 * time.Second, MaxTurnBytes: 4 << 20,
		Retention: 30 * 24 * time.Hour, CleanInterval: time.Minute,
	}
}

// SchedulerSettings are those of a scheduler to which nothing is said: it does not listen.
func SchedulerSettings() Settings {
	s := DefaultSettings()
	s.Addr = ""
	return s
}

// setting is one setting: how it is named, and how its text is read and written.
type setting struct {
	env, flag, usage string
	value            flag.Value
}

// Register adds a flag for each setting to flags, with what the environment says
// as its default. It returns an error when the environment has a value that cannot be read.
func (s *Settings) Register(flags *flag.FlagSet, getenv func(string) string) error {
	var errs []error
	for _, one := range s.all() {
		if text := getenv(one.env); text != "" {
			if err := one.value.Set(text); err != nil {
				errs = append(errs, fmt.Errorf("%s=%q: %w", one.env, text, err))
			}
		}
		flags.Var(one.value, one.flag, one.usage+" ("+one.env+")")
	}
	return errors.Join(errs...)
}

func (s *Settings) all() []setting {
	return []setting{
		{"STENT_ADDR", "addr", "where the API listens; where a scheduler answers /healthz, /readyz and /metrics, if it is set", (*address)(&s.Addr)},
		{"STENT_DATABASE_URL", "database-url", "postgres://… or, for stent dev only, sqlite:FILE, which then is sqlite:stent.db by default", (*text)(&s.DatabaseURL)},
		{"STENT_REDIS_URL", "redis-url", "redis://… to carry wake-ups between processes; without it PostgreSQL does", (*text)(&s.RedisURL)},
		{"STENT_API_KEYS", "api-keys", "bearer keys that the API accepts, separated by commas; none: no key is needed", (*list)(&s.APIKeys)},
		{"STENT_LOG_LEVEL", "log-level", "debug, info, warn or error", (*text)(&s.LogLevel)},
		{"STENT_LOG_FORMAT", "log-format", "text or json, on standard error", (*text)(&s.LogFormat)},
		{"STENT_CONCURRENCY", "concurrency", "tasks that a scheduler has in flight at most", (*number)(&s.Concurrency)},
		{"STENT_QUEUES", "queues", "queues that a scheduler serves, separated by commas; none: all", (*list)(&s.Queues)},
		{"STENT_TAGS", "tags", "tags of a scheduler: it takes tasks of functions that share one, or have none; none: all", (*list)(&s.Tags)},
		{"STENT_LEASE_DURATION", "lease-duration", "how long after its last heartbeat a scheduler's work is taken over; at least 300ms", (*span)(&s.LeaseDuration)},
		{"STENT_POLL_INTERVAL", "poll-interval", "how often due work is looked for without a wake-up; at least 1ms", (*span)(&s.PollInterval)},
		{"STENT_DRAIN_TIMEOUT", "drain-timeout", "how long work in flight may go on after SIGTERM, before it is given back", (*span)(&s.DrainTimeout)},
		{"STENT_DRAIN_DELAY", "drain-delay", "how long the API goes on accepting requests after /readyz has turned false, for load balancers to notice", (*span)(&s.DrainDelay)},
		{"STENT_RETENTION", "retention", "how long executions that have ended are kept, if the retention of their function does not say, and dead letters; 0s: for good", (*span)(&s.Retention)},
		{"STENT_CLEANUP_INTERVAL", "cleanup-interval", "how often a scheduler deletes what nobody needs any more; at least 10ms", (*span)(&s.CleanInterval)},
		{"STENT_MAX_TURN_BYTES", "max-turn-bytes", "size of a turn with its history, beyond which its execution is blocked; at least 1024", (*number)(&s.MaxTurnBytes)},
		{"STENT_CALLBACK_SECRET", "callback-secret", "whsec_…: signs callbacks; none: the secret of the function's worker does", (*secret)(&s.CallbackSecret)},
		{"STENT_STRICT_ADDRESSES", "strict-addresses", "refuse to deliver to loopback and private addresses; link-local and metadata addresses are refused always", (*truth)(&s.StrictSSRF)},
	}
}

// Check tells what is wrong with the settings as a whole.
func (s *Settings) Check() error {
	switch {
	case s.Concurrency < 1:
		return errors.New("concurrency must be at least 1")
	case s.LeaseDuration < 300*time.Millisecond:
		return errors.New("lease-duration must be at least 300ms")
	case s.PollInterval < time.Millisecond:
		return errors.New("poll-interval must be at least 1ms")
	case s.CleanInterval < 10*time.Millisecond:
		return errors.New("cleanup-interval must be at least 10ms")
	case s.MaxTurnBytes < 1<<10:
		return errors.New("max-turn-bytes must be at least 1024")
	case new(slog.Level).UnmarshalText([]byte(s.LogLevel)) != nil:
		return fmt.Errorf("log-level %q: want debug, info, warn or error", s.LogLevel)
	case s.LogFormat != "text" && s.LogFormat != "json":
		return fmt.Errorf("log-format %q: want text or json", s.LogFormat)
	}
	if err := delivery.CheckSecret(s.CallbackSecret); err != nil {
		return fmt.Errorf("callback-secret: %w", err)
	}
	return nil
}

// Parse reads the settings of a program from its arguments and its environment; what
// neither says is as in defaults.
func Parse(name string, defaults Settings, args []string) (Settings, error) {
	s := defaults
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	if err := s.Register(flags, os.Getenv); err != nil {
		return s, err
	}
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if rest := flags.Args(); len(rest) > 0 {
		return s, fmt.Errorf("%s takes flags only, and got %q: see %s -help", name, rest[0], name)
	}
	return s, s.Check()
}

type (
	text    string
	address string
	secret  string
	number  int
	list    []string
	span    time.Duration
	truth   bool
)

func (t *text) String() string     { return string(*t) }
func (t *text) Set(v string) error { *t = text(v); return nil }

func (a *address) String() string     { return string(*a) }
func (a *address) Set(v string) error { *a = address(v); return nil }

// secret does not show in a program's usage.
func (s *secret) String() string     { return "" }
func (s *secret) Set(v string) error { *s = secret(v); return nil }

func (n *number) String() string { return strconv.Itoa(int(*n)) }
func (n *number) Set(v string) error {
	parsed, err := strconv.Atoi(v)
	if err != nil {
		return errors.New("want a whole number")
	}
	*n = number(parsed)
	return nil
}

func (l *list) String() string { return strings.Join(*l, ",") }
func (l *list) Set(v string) error {
	*l = nil
	for part := range strings.SplitSeq(v, ",") {
		if part = strings.TrimSpace(part); part != "" {
			*l = append(*l, part)
		}
	}
	return nil
}

func (d *span) String() string { return workflow.FormatDuration(time.Duration(*d)) }
func (d *span) Set(v string) error {
	parsed, err := workflow.ParseDuration(v)
	*d = span(parsed)
	return err
}

func (b *truth) String() string   { return strconv.FormatBool(bool(*b)) }
func (b *truth) IsBoolFlag() bool { return true }
func (b *truth) Set(v string) error {
	parsed, err := strconv.ParseBool(v)
	*b = truth(parsed)
	return err
}
