package durable_test

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/stent-dev/stent/internal/wire"
)

// play runs an execution to its end as a service would, only that no time
// passes: it calls the worker's own activities, and timers go off at once.
func play(worker http.Handler, function string, input any) string {
	s := newService(function, input)
	for s.outcome == nil {
		if _, err := s.step(worker); err != nil {
			return err.Error()
		}
		if s.blocked != "" {
			return s.blocked
		}
		for _, key := range s.open() {
			playStep(worker, s, key)
		}
	}
	return string(asJSON(s.outcome))
}

func playStep(worker http.Handler, s *service, key string) {
	c := s.commands[key]
	switch c.Op {
	case wire.OpCall:
		value, failure := playActivity(worker, c.Name, c.Input)
		s.settle(key, value, failure)
	case wire.OpMap:
		values := make([]json.RawMessage, len(c.Inputs))
		for i, in := range c.Inputs {
			value, failure := playActivity(worker, c.Name, in)
			if failure != nil {
				s.settle(key, nil, failure)
				return
			}
			values[i] = value
		}
		s.complete(key, values)
	case wire.OpSleep:
		s.complete(key, nil)
	default:
		s.fail(key, "error", fmt.Sprintf("play has no %s", c.Op))
	}
}

func playActivity(worker http.Handler, name string, input json.RawMessage) (json.RawMessage, *wire.Error) {
	rec := post(worker, name, input, nil)
	if rec.Code == http.StatusOK {
		return rec.Body.Bytes(), nil
	}
	var body struct {
		Error wire.Error `json:"error"`
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &body); err != nil {
		return nil, &wire.Error{Type: "error", Message: err.Error()}
	}
	return nil, &body.Error
}
