package workflow

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"
)

// dice reads choices from the fuzzer's bytes; when they run out, all are 0.
type dice struct{ bytes []byte }

func (d *dice) roll(n int) int {
	if len(d.bytes) == 0 {
		return 0
	}
	b := d.bytes[0]
	d.bytes = d.bytes[1:]
	return int(b) % n
}

var fuzzedOps = []Op{
	OpCall, OpMap, OpSleep, OpWaitSignal, OpLocal, OpCancel, OpDispatch, OpVersion, OpCounter, OpState, OpStart, OpItem, OpDeadline, "", "nonsense",
}

func (d *dice) key() string { return strconv.Itoa(d.roll(8)) }

func (d *dice) name() string { return []string{"echo", "program1", "a", "", "nobody"}[d.roll(5)] }

func (d *dice) command() Command {
	c := Command{Key: d.key(), Op: fuzzedOps[d.roll(len(fuzzedOps))], Name: d.name(), Add: int64(d.roll(5) - 2)}
	if d.roll(12) == 0 {
		c.Key = ""
	}
	c.Duration = []time.Duration{0, time.Second, -1, 1 << 62, time.Hour}[d.roll(5)]
	if d.roll(2) == 1 {
		c.Timeout = &c.Duration
	}
	if d.roll(3) == 1 {
		priority := d.roll(9) - 4
		c.Options = &CallOptions{
			Delay: c.Duration, MaxInFlight: d.roll(4) - 1, Collect: d.roll(2) == 0, Priority: &priority, MaxDuration: c.Duration,
		}
	}
	for range d.roll(4) {
		c.Inputs = append(c.Inputs, json.RawMessage("1"))
		c.Targets = append(c.Targets, d.key())
	}
	if d.roll(3) == 1 {
		c.Error = &Error{Type: "local", Message: "it fails"}
	}
	return c
}

func (d *dice) await(depth int) Await {
	a := Await{}
	if d.roll(2) == 0 || depth > 40 {
		a.Key = d.key()
		return a
	}
	a.Mode = append(modes, "", "nonsense")[d.roll(6)]
	for range d.roll(5) {
		a.Of = append(a.Of, d.await(depth+1))
	}
	return a
}

func (d *dice) outcome() *Outcome {
	switch d.roll(12) {
	case 1:
		return &Outcome{Completed: json.RawMessage("1")}
	case 2:
		return &Outcome{Failed: &Error{Type: "program", Message: "it fails"}}
	case 3:
		return &Outcome{ContinueAsNew: json.RawMessage("2")}
	case 4:
		return &Outcome{}
	}
	return nil
}

func (d *dice) turn(l Lease, run int, cancelled bool) TurnAnswered {
	ev := TurnAnswered{Lease: l, Run: run, CancelSeen: cancelled, Outcome: d.outcome()}
	for range d.roll(6) {
		ev.Commands = append(ev.Commands, d.command())
	}
	if d.roll(10) > 0 {
		a := d.await(1)
		ev.Await = &a
	}
	if d.roll(4) == 3 && len(ev.Commands) > 0 {
		ev.Unaware = []string{ev.Commands[0].Key}
	}
	return ev
}

// FuzzTurn answers turns with anything: nothing panics and the invariants hold.
func FuzzTurn(f *testing.F) {
	f.Add([]byte("a turn"))
	f.Add([]byte("\x00\x02\x00\x00\x00\x01\x01\x00\x00\x00\x00\x00\x01\x00\x00\x00\x03\x01\x01\x02\x02\x01\x01"))
	f.Add([]byte("\x00\x05\x00\x05\x00\x01\x00\x00\x00\x03\x00\x01\x02\x00\x01\x01\x01\x03\x00\x01\x00\x02"))
	f.Fuzz(func(t *testing.T, bytes []byte) {
		d := &dice{bytes: bytes}
		s := newStory(t)
		s.limits.History, s.limits.Mailbox = 30, 3
		if d.roll(2) == 1 {
			s.terms = &Terms{Scheduler: schedulers[0], Room: 3, Serves: func(string, *Function) bool { return true }}
		}
		id := s.start("program0")
		for range 40 {
			if len(d.bytes) == 0 || s.m.executions[id].State.Terminal() {
				return
			}
			s.fuzzStep(d, id)
		}
	})
}

// fuzzStep answers what is held, claims what is due, or does something from outside.
func (s *story) fuzzStep(d *dice, id ID) {
	switch d.roll(8) {
	case 0:
		s.try(send(id, d.name(), "1"))
	case 1:
		s.try(Cancel{Execution: id})
	case 2:
		s.pass(time.Minute)
	}
	for _, t := range s.m.due() {
		s.m.claim(t, schedulers[1], s.book[t.Name])
	}
	for _, made := range append([]ID(nil), s.m.made...) {
		t := s.m.tasks[made]
		if t.Holder.IsZero() {
			continue
		}
		switch l := leaseOf(t); {
		case t.State == TaskWaiting:
			s.try(Elapsed{Lease: l})
		case t.Kind == KindOrchestrator:
			s.try(d.turn(l, t.Run, t.CancelRequested))
		case d.roll(3) == 0:
			s.try(Failed{Lease: l, Error: Error{Type: "x"}})
		default:
			s.try(done(l))
		}
	}
}
