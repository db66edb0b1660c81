package durable

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/stent-dev/stent/internal/wire"
)

// Local runs fn in the worker and records its value or error with the turn, so
// that replays read it back in place of running fn again. It is for what is quick
// and differs from one time to the next: reading a setting, a clock, a file.
//
// fn runs again when the worker dies before the turn is stored; what must not
// happen twice, or takes more than moments, belongs in an activity. An error is
// returned as a *StepError, as a replay would. fn must not use the Context.
func Local[T any](ctx *Context, name string, fn func() (T, error)) (T, error) {
	var zero T
	s, err := runLocal(ctx.run, name, func() (json.RawMessage, error) {
		v, err := fn()
		if err != nil {
			return nil, err
		}
		return encode(v)
	})
	if err != nil {
		return zero, err
	}
	v, err := decode[T](s.value)
	if err != nil {
		return zero, fmt.Errorf("decoding the value of step %s: %w", s.key, err)
	}
	return v, nil
}

func runLocal(r *run, name string, fn func() (json.RawMessage, error)) (*step, error) {
	r.enter("Local")
	if name == "" {
		panic("durable: Local without a name")
	}
	c := &wire.Command{Key: r.nextKey(name), Op: wire.OpLocal, Name: name, Value: json.RawMessage("null")}
	if r.turn.steps[c.Key] == nil {
		v, err := r.callLocal(name, fn)
		if err != nil {
			failure := wireError(err)
			c.Error = &failure
		} else {
			c.Value = v
		}
	}
	s := r.command(c)
	return s, s.failure()
}

func (r *run) callLocal(name string, fn func() (json.RawMessage, error)) (json.RawMessage, error) {
	r.local = name
	defer func() { r.local = "" }()
	return fn()
}

// Version marks a change in an orchestrator's code, so that executions begun
// before it replay as they ran while later ones take the new way:
//
//	if durable.Version(ctx, "fraud-check", 1) >= 1 {
//		… the new way
//	} else {
//		… the way as it was
//	}
//
// current, at least 1, is the newest way that the code knows. It is recorded the
// first time that an execution comes here, and returned from then on; an
// execution that had come past this place before there was a marker gets 0. Once
// none needs the old way, the call and the old way can be deleted together.
func Version(ctx *Context, changeID string, current int) int {
	r := ctx.run
	r.enter("Version")
	if changeID == "" || current < 1 {
		panic(fmt.Sprintf("durable: Version(%q, %d) needs a change id and a version of at least 1", changeID, current))
	}
	key := "version:" + changeID
	s := r.steps[key]
	if s == nil {
		value := current
		if r.unmet > 0 {
			value = 0 // steps are recorded that come after this place
		}
		s = r.command(&wire.Command{Key: key, Op: wire.OpVersion, Name: changeID, Value: json.RawMessage(strconv.Itoa(value))})
	}
	v, err := decode[int](s.value)
	if err != nil {
		panic(fmt.Sprintf("durable: the recorded version %s of %q: %v", s.value, changeID, err))
	}
	if v > current {
		panic(fmt.Sprintf("durable: the execution runs version %d of %q, this code knows up to %d", v, changeID, current))
	}
	return v
}
