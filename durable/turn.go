package durable

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"sort"
	"strconv"

	"github.com/stent-dev/stent/internal/wire"
)

// turn is a decoded turn with its history indexed.
type turn struct {
	wire.Turn
	steps map[string]*wire.Step // the history by key

	// events are the settled steps that something may wait for, in the order in
	// which they settled: what a replay applies one by one. Steps that are done
	// as soon as they are stored (local, version, …) are looked up by key instead.
	events []*wire.Step
}

// decodeTurn reads a turn and refuses what no service would send. Unknown
// fields are ignored, so that a newer service can speak to an older worker.
func decodeTurn(body []byte) (*turn, error) {
	t := &turn{}
	if err := json.Unmarshal(body, &t.Turn); err != nil {
		return nil, fmt.Errorf("not a turn: %w", err)
	}
	switch {
	case strconv.Itoa(t.Protocol) != wire.Protocol:
		return nil, fmt.Errorf("protocol is %d, this worker speaks %s", t.Protocol, wire.Protocol)
	case t.Type != "turn":
		return nil, fmt.Errorf("type is %q, want \"turn\"", t.Type)
	case t.Task.ID == "":
		return nil, errors.New("task.id is missing")
	}
	t.steps = make(map[string]*wire.Step, len(t.History))
	for i := range t.History {
		if err := t.index(&t.History[i]); err != nil {
			return nil, fmt.Errorf("history[%d]: %w", i, err)
		}
	}
	sort.Slice(t.events, func(i, j int) bool { return *t.events[i].Seq < *t.events[j].Seq })
	for i := 1; i < len(t.events); i++ {
		if a, b := t.events[i-1], t.events[i]; *a.Seq == *b.Seq {
			return nil, fmt.Errorf("history: steps %q and %q have the same seq %d", a.Key, b.Key, *a.Seq)
		}
	}
	return t, nil
}

func (t *turn) index(s *wire.Step) error {
	if s.Key == "" {
		return errors.New("the key is missing")
	}
	if t.steps[s.Key] != nil {
		return fmt.Errorf("key %q comes twice", s.Key)
	}
	t.steps[s.Key] = s
	if !awaited(s.Op) || !s.Settled() {
		return nil
	}
	if s.Seq == nil {
		return fmt.Errorf("step %q is %s but has no seq", s.Key, s.Status)
	}
	t.events = append(t.events, s)
	return nil
}

// awaited tells whether steps of this op settle later, so that code waits for them.
func awaited(op string) bool {
	switch op {
	case wire.OpCall, wire.OpMap, wire.OpSleep, wire.OpWaitSignal, wire.OpDispatch:
		return true
	}
	return false
}

var digestSeed = maphash.MakeSeed()

// digest folds one applied event into the digest of those before it, so that a
// run can tell whether a later history still begins with what it has applied.
// It never leaves the process.
func digest(before uint64, e *wire.Step) uint64 {
	var h maphash.Hash
	h.SetSeed(digestSeed)
	part := func(b []byte) {
		_, _ = h.WriteString(strconv.Itoa(len(b)) + ":") // a Hash never fails
		_, _ = h.Write(b)
	}
	part(strconv.AppendUint(nil, before, 16))
	part(strconv.AppendInt(nil, *e.Seq, 10))
	part([]byte(e.Key))
	part([]byte(e.Status))
	part(e.Value)
	if e.Error != nil {
		part([]byte(e.Error.Type))
		part([]byte(e.Error.Message))
		part(e.Error.Details)
	}
	return h.Sum64()
}

// sameJSON compares two values without regard to white space and escapes of the encoder.
func sameJSON(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	return bytes.Equal(canonical(a), canonical(b))
}

func canonical(b []byte) []byte {
	if len(bytes.TrimSpace(b)) == 0 {
		return []byte("null")
	}
	out, err := json.Marshal(json.RawMessage(b)) // compact, the same escapes
	if err != nil {
		return b
	}
	return out
}
