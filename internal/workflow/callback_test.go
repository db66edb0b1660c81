package workflow

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// startCalling starts a function whose execution has a callback URL.
func (s *story) startCalling(function string, duration time.Duration) ID {
	s.Helper()
	x := &Execution{Function: function, Input: json.RawMessage("7"), CallbackURL: "http://receiver:9/x?y=z"}
	return s.do(Start{Execution: x, Function: s.book[function], Duration: duration}).Execution.ID
}

func (s *story) callbacks(execution ID) (found []*Task) {
	for _, id := range s.m.made {
		if t := s.m.tasks[id]; t.Execution == execution && t.Op == OpCallback {
			found = append(found, t)
		}
	}
	return found
}

func TestEveryEndMakesOneCallbackInItsTransaction(t *testing.T) {
	for event, end := range map[string]func(s *story) ID{
		"completed": func(s *story) ID {
			id := s.startCalling("echo", time.Hour)
			s.do(done(s.lease(id)))
			return id
		},
		"failed": func(s *story) ID {
			id := s.startCalling("program0", 0)
			s.do(s.end(s.lease(id), Outcome{Failed: &Error{Type: "bad"}}))
			return id
		},
		"timed_out": func(s *story) ID {
			id := s.startCalling("program0", time.Minute)
			s.do(s.answer(s.lease(id), key("w"), wait("w", "go")))
			s.pass(time.Minute)
			for _, t := range s.m.tasks {
				if t.Op == OpDeadline {
					s.m.claim(t, schedulers[1], nil)
					s.do(Elapsed{Lease: leaseOf(t)})
				}
			}
			return id
		},
		"cancelled": func(s *story) ID {
			id := s.startCalling("program0", 0)
			s.do(s.answer(s.lease(id), key("w"), wait("w", "go")))
			s.do(Cancel{Execution: id})
			s.do(s.end(s.lease(id), Outcome{Completed: null}))
			return id
		},
		"forced": func(s *story) ID {
			id := s.startCalling("program0", 0)
			s.do(s.answer(s.lease(id), key("w"), wait("w", "go")))
			s.do(Pause{Execution: id, Paused: true})
			s.do(Cancel{Execution: id, Force: true})
			return id
		},
	} {
		t.Run(event, func(t *testing.T) {
			s := tell(t)
			id := end(s)
			event = strings.Replace(event, "forced", "cancelled", 1)
			e := s.wantState(id, ExecutionState(event))
			calls := s.callbacks(id)
			if len(calls) != 1 || e.Paused {
				t.Fatalf("%d callbacks, paused %v", len(calls), e.Paused)
			}
			c := calls[0]
			if c.State != TaskPending || c.DueAt == nil || !c.Parent.IsZero() || c.Key != "callback" || c.Kind != KindActivity ||
				c.Queue != DefaultQueue || c.Name != "http://receiver:9" || string(c.Input) != `{"event":"execution.`+event+`"}` {
				t.Fatalf("%+v", c)
			}
			s.m.claim(c, schedulers[1], nil)
			s.do(done(leaseOf(c)))
			if v := s.do(done(leaseOf(c))); !v.Replayed || s.m.tasks[c.ID].State != TaskCompleted {
				t.Fatalf("%+v", v)
			}
		})
	}
}

func TestExecutionWithoutCallbackURLMakesNone(t *testing.T) {
	s := tell(t)
	id := s.start("echo")
	s.do(done(s.lease(id)))
	if calls := s.callbacks(id); len(calls) > 0 {
		t.Fatal(calls)
	}
}

func TestCallbackHasAPolicyOfItsOwnAndChangesNothingOfItsExecution(t *testing.T) {
	s := tell(t)
	id := s.startCalling("echo", 0)
	s.do(done(s.lease(id)))
	ended := *s.m.executions[id]
	call := s.callbacks(id)[0].ID
	waits := []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256}
	for i := range 10 {
		c := s.m.tasks[call]
		if i > 0 {
			if wait := c.DueAt.Sub(s.m.now); c.State != TaskPending || wait != waits[i-1]*time.Second {
				t.Fatalf("after %d failures %s, due in %s", i, c.State, wait)
			}
			s.m.now = *c.DueAt
		}
		s.m.claim(c, schedulers[1], nil)
		if i == 4 { // its scheduler dies, and another one throttles: neither counts
			s.do(Orphaned{Lease: leaseOf(c)})
			c = s.m.tasks[call]
			s.m.claim(c, schedulers[1], nil)
			s.do(Released{Lease: leaseOf(c)})
			c = s.m.tasks[call]
			s.m.claim(c, schedulers[1], nil)
		}
		failed := failure(leaseOf(c), "http_500")
		failed.StatusCode = 500
		s.do(failed)
	}
	if c := s.m.tasks[call]; c.State != TaskFailed || c.Error.Type != "http_500" || len(s.m.attempts) != 10+1 {
		t.Fatalf("%s, %v, %d attempts", c.State, c.Error, len(s.m.attempts))
	}
	if got := s.m.executions[id]; picture(got) != picture(&ended) {
		t.Fatalf("%s\n%s", picture(got), picture(&ended))
	}
}

func TestCallbackWritesNoContextAndNoSweepTakesIt(t *testing.T) {
	s := tell(t)
	id := s.startCalling("echo", 0)
	s.do(done(s.lease(id)))
	c := s.callbacks(id)[0]
	if _, err := s.m.save(&Change{Now: s.m.now, Sweeps: []Sweep{{Execution: id}}}); err != nil || c.State != TaskPending {
		t.Fatalf("%s, %v", c.State, err)
	}
	s.m.claim(c, schedulers[1], nil)
	s.do(counting(leaseOf(c), 1, "1"))
	if len(s.m.counters)+len(s.m.state) > 0 {
		t.Fatal("a callback counted for an execution that has ended")
	}
}

func TestReceiverIsNamedWithoutSecrets(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"https://user:pw@Hooks.Example.com/a?token=b#c": "https://hooks.example.com",
		"http://[::1]:8080/":                            "http://[::1]:8080",
		"http://xn--bcher-kva.example:80":               "http://xn--bcher-kva.example:80",
		"no url":                                        "invalid",
		"http://%":                                      "invalid",
		"http://" + strings.Repeat("x", 300) + "/":      "invalid",
	} {
		if got := receiver(url); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}

func TestCallbacksHaveLanesThatNoFunctionHas(t *testing.T) {
	t.Parallel()
	call, function := &Task{Op: OpCallback, Name: "http://a", Queue: "q"}, &Task{Op: OpCall, Name: "http://a", Queue: "q"}
	if call.Lane() == function.Lane() || function.Lane() != "http://a" || (&Task{Op: OpSleep, Name: "x"}).Lane() != "" {
		t.Fatalf("%q %q", call.Lane(), function.Lane())
	}
	if origin, ok := Receiver(call.Lane()); !ok || origin != "http://a" {
		t.Fatalf("%q %v", origin, ok)
	}
	var faults FieldErrors
	if CheckName(&faults, "", call.Lane()); len(faults) == 0 {
		t.Fatal("a function may have the name of such a lane")
	}
	if _, ok := Receiver(function.Lane()); ok {
		t.Fatal("a function's lane is taken for that of callbacks")
	}
}
