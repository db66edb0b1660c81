package workflow

import (
	"crypto/sha256"
	"encoding/json"
)

// ResultKey names a result that calls of a function share: calls with one key have
// one completed run between them. The zero key names none.
type ResultKey [sha256.Size]byte

// IsZero tells whether the key names nothing.
func (k ResultKey) IsZero() bool { return k == ResultKey{} }

// Shares tells whether a call of the function with these options shares its result
// with other calls: the function is idempotent or cached, or the call brings a key.
func (f *Function) Shares(o *CallOptions) bool {
	return f.Idempotent || f.CacheTTL != nil || givenKey(o) != ""
}

func givenKey(o *CallOptions) string {
	if o == nil {
		return ""
	}
	return o.IdempotencyKey
}

// ResultKey gives the key of a call's result, zero if the call shares none. It is
// made of the key that the call brings (for an item of a map with its index, since
// all items bring the same), else of the values at IdempotencyKeyFrom, else of the
// whole input. Results of a function that is only cached belong to its version.
func (f *Function) ResultKey(input json.RawMessage, o *CallOptions, op Op, item int) ResultKey {
	if !f.Shares(o) {
		return ResultKey{}
	}
	parts := []any{f.Namespace, f.Name, nil}
	given := givenKey(o)
	if !f.Idempotent && given == "" {
		parts[2] = f.Version
	}
	switch {
	case given != "" && op == OpItem:
		parts = append(parts, "item", given, item)
	case given != "":
		parts = append(parts, "key", given)
	default:
		parts = append(parts, f.inputKey(orNull(input))...)
	}
	text, err := json.Marshal(parts)
	if err != nil {
		text = []byte(f.Name + "\x00" + string(input)) // not JSON, which nobody lets through: its bytes count
	}
	return sha256.Sum256(text)
}

// inputKey is what of an input makes the key.
func (f *Function) inputKey(input json.RawMessage) []any {
	value, err := decodeExactly(input)
	if err != nil {
		return []any{"text", string(input)}
	}
	if len(f.IdempotencyKeyFrom) == 0 {
		return []any{"input", value}
	}
	values := make([]any, len(f.IdempotencyKeyFrom))
	for i, pointer := range f.IdempotencyKeyFrom {
		values[i] = find(value, pointer)
	}
	return []any{"from", f.IdempotencyKeyFrom, values}
}

// KeyOf gives the key of a task's result, as its function is registered now.
func (t *Task) KeyOf(f *Function, input json.RawMessage) ResultKey {
	return f.ResultKey(input, t.Options, t.Op, t.Item)
}

// Undecided tells whether a task that is due shares a result that has not decided
// what it does: then it is not delivered before Beginning has.
func (t *Task) Undecided(f *Function) bool {
	return f != nil && t.Op != OpCallback && t.OwnsResult.IsZero() && t.Turn == 0 && f.Shares(t.Options)
}

// NameResults gives each command the keys of the results that its calls share. It
// is done before the turn is submitted: hashing large inputs holds up no transaction.
func NameResults(commands []Command, functions Registry) {
	for i := range commands {
		c := &commands[i]
		if c.Op != OpCall && c.Op != OpMap && c.Op != OpDispatch {
			continue
		}
		f := functions.Lookup(c.Name, nil)
		if f == nil || !f.Shares(c.Options) {
			continue
		}
		if c.Op != OpMap {
			c.Results = []ResultKey{f.ResultKey(c.Input, c.Options, c.Op, 0)}
			continue
		}
		c.Results = make([]ResultKey, len(c.Inputs))
		for j, input := range c.Inputs {
			c.Results[j] = f.ResultKey(input, c.Options, OpItem, j)
		}
	}
}

// result is the key of the i-th call of a command; zero: none was named.
func (c *Command) result(i int) ResultKey {
	if i < len(c.Results) {
		return c.Results[i]
	}
	return ResultKey{}
}
