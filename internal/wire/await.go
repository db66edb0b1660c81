package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// Await names when an orchestrator's next turn is due: a step's key, or a
// combination of awaits. Exactly one field is set.
type Await struct {
	Key          string
	Any          []Await // the first to settle
	All          []Await // all settled
	AllOrFailure []Await // all completed, or the first failure
	FirstSuccess []Await // the first completed, or all failed
}

type awaitObject struct {
	Any          []Await `json:"any,omitempty"`
	All          []Await `json:"all,omitempty"`
	AllOrFailure []Await `json:"all_or_failure,omitempty"`
	FirstSuccess []Await `json:"first_success,omitempty"`
}

// MarshalJSON writes a key as a string and a combination as an object with one field.
func (a Await) MarshalJSON() ([]byte, error) {
	if a.Key != "" {
		return json.Marshal(a.Key)
	}
	return json.Marshal(awaitObject{a.Any, a.All, a.AllOrFailure, a.FirstSuccess})
}

// UnmarshalJSON reads what MarshalJSON writes and refuses anything else.
func (a *Await) UnmarshalJSON(b []byte) error {
	*a = Await{}
	if len(b) > 0 && b[0] == '"' {
		if err := json.Unmarshal(b, &a.Key); err != nil {
			return err
		}
		if a.Key == "" {
			return errors.New("await: an empty key")
		}
		return nil
	}
	var o awaitObject
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil {
		return fmt.Errorf("await: %w", err)
	}
	set := 0
	for _, list := range [][]Await{o.Any, o.All, o.AllOrFailure, o.FirstSuccess} {
		if list != nil {
			set++
		}
	}
	if set != 1 {
		return errors.New("await: want a key or one of any, all, all_or_failure, first_success")
	}
	a.Any, a.All, a.AllOrFailure, a.FirstSuccess = o.Any, o.All, o.AllOrFailure, o.FirstSuccess
	return nil
}
