package workflow

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// FunctionSpec is a function as people register it, with durations as texts and
// unset fields for the defaults.
type FunctionSpec struct {
	Name               string
	Kind               string
	URL                string
	Version            string
	Queue              string
	Priority           int
	Tags               []string
	Timeout            string
	HeartbeatTimeout   *string
	Retry              *RetrySpec
	Idempotent         bool
	IdempotencyKeyFrom []string
	CacheTTL           *string
	MaxConcurrent      *int
	RateLimit          *RateLimitSpec
	Retention          *string
}

// RetrySpec is a retry policy as people write it; nil fields keep what they override.
type RetrySpec struct {
	MaxAttempts   *int
	InitialDelay  *string
	BackoffFactor *float64
	MaxDelay      *string
	Jitter        *float64
	RetryFor      []string
}

// RateLimitSpec is a rate limit as people write it.
type RateLimitSpec struct {
	Limit int
	Per   string
}

// FieldError says what is wrong with one field, named by its JSON Pointer.
type FieldError struct {
	Pointer string
	Detail  string
}

// FieldErrors are all that is wrong with a document.
type FieldErrors []FieldError

func (e FieldErrors) Error() string {
	texts := make([]string, len(e))
	for i, f := range e {
		texts[i] = f.Pointer + ": " + f.Detail
	}
	return strings.Join(texts, "; ")
}

// Bounds of what can be registered.
const (
	maxNameLength    = 200
	maxPriority      = 1000
	maxRetryAttempts = 1_000_000
	maxPolicyDelay   = 366 * 24 * time.Hour
	maxRetention     = 36600 * 24 * time.Hour
)

// Function checks the spec and gives the function with its defaults. The error is FieldErrors.
func (s FunctionSpec) Function() (*Function, error) {
	var c checker
	f := &Function{
		Name: s.Name, Version: s.Version, Kind: Kind(s.Kind), URL: s.URL, Queue: s.Queue, Priority: s.Priority, Tags: s.Tags,
		Idempotent: s.Idempotent, IdempotencyKeyFrom: s.IdempotencyKeyFrom, Retry: DefaultRetryPolicy(), Timeout: DefaultTimeout,
	}
	CheckName(&c.errors, "/name", s.Name)
	if f.Kind != KindActivity && f.Kind != KindOrchestrator {
		c.add("/kind", `must be "activity" or "orchestrator"`)
	}
	if !AbsoluteURL(s.URL) {
		c.add("/url", "must be an absolute http or https URL")
	}
	if f.Queue == "" {
		f.Queue = DefaultQueue
	}
	if f.Kind == KindOrchestrator {
		f.Timeout = DefaultTurnTimeout
	}
	if s.Version != "" {
		CheckName(&c.errors, "/version", s.Version)
	}
	CheckName(&c.errors, "/queue", f.Queue)
	if s.Priority < -maxPriority || s.Priority > maxPriority {
		c.add("/priority", fmt.Sprintf("must be between -%d and %d", maxPriority, maxPriority))
	}
	if s.Timeout != "" {
		f.Timeout = c.duration("/timeout", s.Timeout, time.Millisecond, maxPolicyDelay)
	}
	if s.HeartbeatTimeout != nil {
		f.HeartbeatTimeout = c.duration("/heartbeat_timeout", *s.HeartbeatTimeout, time.Millisecond, maxPolicyDelay)
	}
	s.sharing(&c, f)
	if s.MaxConcurrent != nil {
		if f.MaxConcurrent = *s.MaxConcurrent; f.MaxConcurrent < 1 {
			c.add("/max_concurrent", "must be at least 1")
		}
	}
	if s.RateLimit != nil {
		f.RateLimit = &RateLimit{Limit: s.RateLimit.Limit, Per: c.duration("/rate_limit/per", s.RateLimit.Per, time.Millisecond, maxPolicyDelay)}
		if s.RateLimit.Limit < 1 {
			c.add("/rate_limit/limit", "must be at least 1")
		}
	}
	if s.Retention != nil {
		retention := c.duration("/retention", *s.Retention, 0, maxRetention)
		f.Retention = &retention
	}
	f.Retry = s.Retry.overrides(&c, "/retry_policy").Apply(f.Retry)
	return f, c.err()
}

// AbsoluteURL tells whether text is an absolute http or https URL.
func AbsoluteURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return false
	}
	if u.Port() == "" {
		return true
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && port > 0
}

// ShownURL is a URL as it may be shown and logged: without its password.
func ShownURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return "(not a URL)"
	}
	if _, secret := u.User.Password(); !secret {
		return text // as it was written
	}
	return u.Redacted()
}

// sharing checks how calls of the function share results.
func (s FunctionSpec) sharing(c *checker, f *Function) {
	if s.CacheTTL != nil {
		ttl := c.duration("/cache_ttl", *s.CacheTTL, 0, maxPolicyDelay)
		f.CacheTTL = &ttl
	}
	for i, pointer := range s.IdempotencyKeyFrom {
		if fault := pointerFault(pointer); fault != "" {
			c.add(fmt.Sprintf("/idempotency_key_from/%d", i), fault)
		}
	}
}

// Overrides checks the spec and gives the overrides that it asks for. pointer is
// where it stands in its document. The error is FieldErrors.
func (s *RetrySpec) Overrides(pointer string) (*RetryOverrides, error) {
	var c checker
	o := s.overrides(&c, pointer)
	return o, c.err()
}

func (s *RetrySpec) overrides(c *checker, pointer string) *RetryOverrides {
	if s == nil {
		return nil
	}
	o := &RetryOverrides{MaxAttempts: s.MaxAttempts, BackoffFactor: s.BackoffFactor, Jitter: s.Jitter, RetryFor: s.RetryFor}
	if s.MaxAttempts != nil && (*s.MaxAttempts < 1 || *s.MaxAttempts > maxRetryAttempts) {
		c.add(pointer+"/max_attempts", fmt.Sprintf("must be between 1 and %d", maxRetryAttempts))
	}
	if s.BackoffFactor != nil && (*s.BackoffFactor < 1 || *s.BackoffFactor > 1000) {
		c.add(pointer+"/backoff_factor", "must be between 1 and 1000")
	}
	if s.Jitter != nil && (*s.Jitter < 0 || *s.Jitter > 1) {
		c.add(pointer+"/jitter", "must be between 0 and 1")
	}
	if s.InitialDelay != nil {
		d := c.duration(pointer+"/initial_delay", *s.InitialDelay, 0, maxPolicyDelay)
		o.InitialDelay = &d
	}
	if s.MaxDelay != nil {
		d := c.duration(pointer+"/max_delay", *s.MaxDelay, 0, maxPolicyDelay)
		o.MaxDelay = &d
	}
	return o
}

// CheckName adds what is wrong with the name of a function, signal or queue, or with a version.
func CheckName(errs *FieldErrors, pointer, name string) {
	switch {
	case name == "":
		*errs = append(*errs, FieldError{pointer, "must not be empty"})
	case strings.TrimSpace(name) == "":
		*errs = append(*errs, FieldError{pointer, "must not be blank"})
	case len(name) > maxNameLength:
		*errs = append(*errs, FieldError{pointer, fmt.Sprintf("has more than %d bytes", maxNameLength)})
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }):
		*errs = append(*errs, FieldError{pointer, "must be UTF-8 without control characters"})
	}
}

// checker gathers field errors.
type checker struct{ errors FieldErrors }

func (c *checker) add(pointer, detail string) {
	c.errors = append(c.errors, FieldError{pointer, detail})
}

func (c *checker) duration(pointer, text string, least, most time.Duration) time.Duration {
	d, fault := DurationBetween(text, least, most)
	if fault != "" {
		c.add(pointer, fault)
	}
	return d
}

func (c *checker) err() error {
	if len(c.errors) == 0 {
		return nil
	}
	return c.errors
}
