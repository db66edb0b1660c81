package durable

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"unicode/utf16"

	"github.com/stent-dev/stent/internal/wire"
)

// AddCounter adds to one of the execution's counters, once the activity has
// completed: it is stored with the result, once for the step however often it was
// delivered, and not at all if the attempt fails. Calls for one name add up. In a
// context that is not an activity's it does nothing.
//
// What an activity that returns [Async] records goes with the Client.Complete that
// is given its context, or one made of it.
func AddCounter(ctx context.Context, name string, add int64) {
	if name == "" {
		panic("durable: AddCounter without a name")
	}
	if d, ok := ctx.Value(deliveryKey{}).(*delivery); ok {
		d.update.count(name, add)
	}
}

// SetState sets one of the execution's custom values, once the activity has
// completed, as AddCounter adds: the last call for a key counts. The error says
// that the value does not encode as JSON.
func SetState(ctx context.Context, key string, value any) error {
	if key == "" {
		panic("durable: SetState without a key")
	}
	encoded, err := encode(value)
	if err != nil {
		return fmt.Errorf("the state %q: %w", key, err)
	}
	if d, ok := ctx.Value(deliveryKey{}).(*delivery); ok {
		d.update.set(key, encoded)
	}
	return nil
}

// CompleteOption adds to what Client.Complete reports.
type CompleteOption func(*update) error

// AddingCounter adds to one of the execution's counters with the completion, once
// for the step, whatever is repeated.
func AddingCounter(name string, add int64) CompleteOption {
	return func(u *update) error {
		u.count(name, add)
		return notEmpty("AddingCounter", name)
	}
}

// SettingState sets one of the execution's custom values with the completion.
func SettingState(key string, value any) CompleteOption {
	return func(u *update) error {
		encoded, err := encode(value)
		if err != nil {
			return fmt.Errorf("SettingState: %q: %w", key, err)
		}
		u.set(key, encoded)
		return notEmpty("SettingState", key)
	}
}

// update is what a completion does to counters and custom state. Activities may
// record from several goroutines.
type update struct {
	mu       sync.Mutex
	counters map[string]int64
	state    map[string]json.RawMessage
}

func (u *update) count(name string, add int64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.counters == nil {
		u.counters = map[string]int64{}
	}
	u.counters[name] += add
}

func (u *update) set(key string, value json.RawMessage) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.state == nil {
		u.state = map[string]json.RawMessage{}
	}
	u.state[key] = value
}

// copyTo begins another update with what is recorded.
func (u *update) copyTo(to *update) {
	u.mu.Lock()
	defer u.mu.Unlock()
	to.counters, to.state = maps.Clone(u.counters), maps.Clone(u.state)
}

var errUpdateTooLarge = fmt.Errorf("the counters and the state that the activity set take more than %d bytes of JSON: "+
	"set less, or return Async and report with Client.Complete", wire.MaxUpdateHeaders)

// header writes the update into the headers of a successful answer.
func (u *update) header(h http.Header) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	total := 0
	for _, part := range []struct {
		name  string
		size  int
		value any
	}{{wire.HeaderCounters, len(u.counters), u.counters}, {wire.HeaderState, len(u.state), u.state}} {
		if part.size == 0 {
			continue
		}
		text, err := json.Marshal(part.value)
		if err != nil {
			return errors.Join(errors.New(part.name), err)
		}
		h.Set(part.name, headerText(text))
		total += len(h.Get(part.name))
	}
	if total > wire.MaxUpdateHeaders {
		h.Del(wire.HeaderCounters)
		h.Del(wire.HeaderState)
		return errUpdateTooLarge
	}
	return nil
}

// headerText writes JSON in printable ASCII, which every proxy passes on.
func headerText(text []byte) string {
	var b strings.Builder
	for _, r := range string(text) {
		switch {
		case r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
