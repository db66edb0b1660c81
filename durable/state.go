package durable

import (
	"encoding/json"
	"fmt"

	"github.com/stent-dev/stent/internal/wire"
)

// Count adds to one of the execution's counters, which show its progress to
// whoever looks. Adding 0 is a step too.
func (c *Context) Count(name string, add int64) {
	c.run.enter("Count")
	if name == "" {
		panic("durable: Count without a name")
	}
	c.run.command(&wire.Command{Key: c.run.nextKey("counter:" + name), Op: wire.OpCounter, Name: name, Add: add})
}

// SetState sets one of the execution's custom values, which anyone may read.
func (c *Context) SetState(key string, value any) {
	c.run.enter("SetState")
	if key == "" {
		panic("durable: SetState without a key")
	}
	c.run.command(&wire.Command{Key: c.run.nextKey("state:" + key), Op: wire.OpState, Name: key, Value: stepInput(key, value)})
}

// Counter reads a counter: as it was when the turn began, and what the code has
// added since. Others may change it meanwhile, so what was read is recorded, as a local step.
func (c *Context) Counter(name string) int64 {
	r := c.run
	s, _ := runLocal(r, "read:counter:"+name, func() (json.RawMessage, error) {
		value := r.turn.Counters[name]
		for _, s := range r.pending {
			if s.op == wire.OpCounter && s.name == name {
				value += s.command.Add
			}
		}
		return encode(value)
	})
	v, err := decode[int64](s.value)
	if err != nil {
		panic(fmt.Sprintf("durable: the recorded counter %s: %v", s.value, err))
	}
	return v
}

// GetState reads one of the execution's custom values: as it was when the turn
// began, or as the code has set it since. ok is false when there is none. Others
// may change it meanwhile, so what was read is recorded, as a local step.
func GetState[T any](ctx *Context, key string) (value T, ok bool, err error) {
	r := ctx.run
	s, _ := runLocal(r, "read:state:"+key, func() (json.RawMessage, error) {
		v := r.turn.CustomState[key]
		for _, s := range r.pending {
			if s.op == wire.OpState && s.name == key {
				v = s.command.Value
			}
		}
		if v == nil {
			return encode([]json.RawMessage{})
		}
		return encode([]json.RawMessage{v})
	})
	found, err := decode[[]T](s.value)
	if err != nil {
		return value, false, fmt.Errorf("decoding the state %q: %w", key, err)
	}
	if len(found) == 0 {
		return value, false, nil
	}
	return found[0], true, nil
}
