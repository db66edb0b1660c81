package durable

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/stent-dev/stent/internal/wire"
)

// Context is what an orchestrator does everything through. It belongs to the
// goroutine that runs the orchestrator function: other goroutines must not use it.
type Context struct {
	run  *run
	rand *rand.Rand
}

// ExecutionID is the id of the execution that the orchestrator belongs to.
func (c *Context) ExecutionID() string { return c.run.first.Execution.ID }

// TaskID is the id of the orchestrator's own task: a sub-workflow has another than its parent.
func (c *Context) TaskID() string { return c.run.first.Task.ID }

// Function is the name that the orchestrator was called by.
func (c *Context) Function() string { return c.run.first.Execution.Function }

// FunctionVersion is the version that the execution was started with.
func (c *Context) FunctionVersion() string { return c.run.first.Execution.Version }

// Tags are the execution's tags.
func (c *Context) Tags() []string { return slices.Clone(c.run.first.Execution.Tags) }

// Run counts the runs of the execution from 0: ContinueAsNew starts the next.
func (c *Context) Run() int { return c.run.first.Execution.Run }

// Steps counts the steps that were commanded in this run, 20,000 at most.
func (c *Context) Steps() int { return len(c.run.steps) }

// ContinueAsNewSuggested tells whether the run has so many steps (5,000) that
// ContinueAsNew should begin the next one soon: each turn brings the whole history.
func (c *Context) ContinueAsNewSuggested() bool { return c.Steps() >= wire.SuggestContinueAsNew }

// Sleep waits for d, rounded up to milliseconds, 366 days at most; the time
// counts from when the service has stored the step, and not from any replay. The
// error is nil, or matches ErrCancelled.
func (c *Context) Sleep(d time.Duration) error {
	_, err := c.Timer(d).Get()
	return err
}

// Timer starts a timer and returns a future that settles d from now, to wait
// for it together with others.
func (c *Context) Timer(d time.Duration) *Future[struct{}] {
	c.run.enter("Timer")
	s := c.run.command(&wire.Command{Key: c.run.nextKey("sleep"), Op: wire.OpSleep, Duration: wire.FormatDuration(d)})
	return &Future[struct{}]{s, func(json.RawMessage) (struct{}, error) { return struct{}{}, nil }}
}

// Now is the time, in UTC, at which the code came past the last thing that it
// waited for: it stands still while the code runs. The service's clock gives it.
//
// History does not tell when code ran, so the first Now after each wait is
// recorded, as a local step named "now"; a replay reads it back. time.Now would
// give another answer in each replay.
func (c *Context) Now() time.Time {
	r := c.run
	r.enter("Now")
	if r.nowAt == r.applied+1 {
		return r.now
	}
	s := r.command(&wire.Command{Key: r.nextKey("now"), Op: wire.OpLocal, Name: "now", Value: mustEncode(r.turn.Turn.Turn.Now.UTC())})
	now, err := decode[time.Time](s.value)
	if err != nil {
		panic(fmt.Sprintf("durable: the recorded time %s: %v", s.value, err))
	}
	r.now, r.nowAt = now.UTC(), r.applied+1
	return r.now
}

// Rand is a source of randomness that gives the same numbers in each replay of
// a run, and others in each execution and run. It is not for secrets.
func (c *Context) Rand() *rand.Rand {
	c.run.enter("Rand")
	if c.rand == nil {
		e := c.run.first.Execution
		seed := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%d", e.Seed, c.run.first.Task.ID, e.Run))
		c.rand = rand.New(rand.NewChaCha8(seed))
	}
	return c.rand
}

// NewID is a new id in the form of a random UUID (version 4), made of Rand.
func (c *Context) NewID() string {
	r := c.Rand()
	hi, lo := r.Uint64(), r.Uint64()
	hi = hi&^0xf000 | 0x4000
	lo = lo&^(0b11<<62) | 0b10<<62
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", hi>>32, hi>>16&0xffff, hi&0xffff, lo>>48, lo&0xffffffffffff)
}

// Logger logs with the execution's id, and keeps silent while code is replayed
// that ran before. Lines may come twice after a crash.
func (c *Context) Logger() *slog.Logger {
	return slog.New(&liveHandler{c.run.logger.Handler(), c.run})
}

type liveHandler struct {
	slog.Handler
	run *run
}

func (h *liveHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return !h.run.replaying.Load() && h.Handler.Enabled(ctx, level)
}

func (h *liveHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &liveHandler{h.Handler.WithAttrs(attrs), h.run}
}

func (h *liveHandler) WithGroup(name string) slog.Handler {
	return &liveHandler{h.Handler.WithGroup(name), h.run}
}

// CancelRequested tells whether the execution is being cancelled gracefully.
// Steps that were open then settle with an error that matches ErrCancelled, or, if
// none was, the next that the code commands without having asked; what it commands
// from then on runs as compensation, and however it returns, the execution ends as
// cancelled.
//
//	if err := ctx.Sleep(time.Hour); errors.Is(err, durable.ErrCancelled) && ctx.CancelRequested() {
//		_, err := durable.Call[Refund](ctx, "refund", charge)
//		return Order{}, err
//	}
//
// It becomes true once the code sees a step so cancelled, or is at the end of
// what has happened. The point at which it became true is recorded where no
// step tells it, so that a replay decides alike.
func (c *Context) CancelRequested() bool {
	r := c.run
	r.enter("CancelRequested")
	if r.cancelSeen {
		return true
	}
	const name = "cancel_requested"
	key := fmt.Sprintf("%s#%d", name, r.cancelChecks)
	r.cancelChecks++
	if r.turn.steps[key] == nil && (!r.turn.CancelRequested || !r.atFrontier()) {
		return false
	}
	r.command(&wire.Command{Key: key, Op: wire.OpLocal, Name: name, Value: json.RawMessage("true")})
	r.cancelSeen = true
	return true
}

// Evicted tells a deferred function why it runs. A suspended orchestrator waits
// in memory; when the worker needs the room or is closed, its goroutine ends by
// runtime.Goexit, which runs deferred functions, and the execution goes on later
// from its history, here or elsewhere. It is true then, and every operation
// of this package ends the goroutine again, so that compensation written in a
// deferred function is not run by mistake:
//
//	defer func() {
//		if !ctx.Evicted() {
//			metrics.OrderDone() // right: the order has come to its end
//		}
//	}()
func (c *Context) Evicted() bool {
	return !c.run.ended && (c.run.isClosed() || c.run.final != nil)
}

func (c *Context) wait(a Awaitable) {
	c.run.enter("waiting")
	c.run.wait(a)
}

// mustEncode encodes values of this package's own types.
func mustEncode(v any) json.RawMessage {
	b, err := encode(v)
	if err != nil {
		panic(err)
	}
	return b
}
