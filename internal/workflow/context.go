package workflow

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ContextUpdate is what a completed activity adds to its execution's counters and
// sets of its custom state. It is applied once, in the transaction that stores the
// completion, and with it or not at all.
type ContextUpdate struct {
	Counters map[string]int64           // what to add, by name
	State    map[string]json.RawMessage // what to set, by key
}

// maxContextUpdate bounds the counters, and the keys of state, of one completion.
const maxContextUpdate = 1_000

// Check tells what is wrong with the names, and whether there are too many of
// them, as FieldErrors below /counters and /state; nil: nothing.
func (u ContextUpdate) Check() error {
	var c checker
	for _, part := range []struct {
		pointer string
		names   []string
	}{{"/counters", slices.Sorted(maps.Keys(u.Counters))}, {"/state", slices.Sorted(maps.Keys(u.State))}} {
		if len(part.names) > maxContextUpdate {
			c.add(part.pointer, fmt.Sprintf("has more than %d members", maxContextUpdate))
			continue
		}
		for _, name := range part.names {
			CheckName(&c.errors, part.pointer+"/"+pointerEscapes.Replace(name), name)
		}
	}
	return c.err()
}

// pointerEscapes writes a name as a token of a JSON Pointer (RFC 6901, section 3).
var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

func (u ContextUpdate) needs(n *Need, execution ID) {
	for _, name := range slices.Sorted(maps.Keys(u.Counters)) {
		n.Counters = append(n.Counters, NameRef{execution, name})
	}
}

func (d *decision) update(execution ID, u ContextUpdate) {
	for name, add := range u.Counters {
		d.count(execution, name, add)
	}
	for _, key := range slices.Sorted(maps.Keys(u.State)) {
		d.setState(execution, key, u.State[key])
	}
}
