package durable_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"time"

	"github.com/stent-dev/stent/internal/wire"
)

// service is the service's side of one orchestrator task, as PROTOCOL has it:
// it stores commands, settles steps as the test says, and hands out turns.
type service struct {
	turn     wire.Turn
	steps    map[string]*wire.Step
	order    []string // keys as they were commanded
	commands map[string]wire.Command
	seq      int64

	await   *wire.Await
	outcome *wire.Outcome
	blocked string
}

func newService(function string, input any) *service {
	return &service{
		steps: map[string]*wire.Step{}, commands: map[string]wire.Command{},
		turn: wire.Turn{
			Protocol: 1, Type: "turn",
			Execution:   wire.TurnExecution{ID: "exec-1", Function: function, Seed: "seed-1", Tags: []string{"test"}},
			Task:        wire.TurnTask{ID: "task-1", Attempt: 1},
			Turn:        wire.TurnInfo{Number: 1, Now: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)},
			Input:       asJSON(input),
			Counters:    map[string]int64{},
			CustomState: map[string]json.RawMessage{},
			History:     []wire.Step{},
		},
	}
}

// request is the turn as it stands.
func (s *service) request() wire.Turn {
	t := s.turn
	t.History = make([]wire.Step, 0, len(s.order))
	t.Counters, t.CustomState = maps.Clone(t.Counters), maps.Clone(t.CustomState)
	for _, key := range s.order {
		t.History = append(t.History, *s.steps[key])
	}
	return t
}

// deliver POSTs the turn as it stands, and stores nothing.
func (s *service) deliver(worker http.Handler) *httptest.ResponseRecorder {
	return post(worker, s.turn.Execution.Function, asJSON(s.request()), nil)
}

// try delivers the turn and reads the answer, without storing it.
func (s *service) try(worker http.Handler) (wire.Answer, error) {
	rec := s.deliver(worker)
	var a wire.Answer
	if rec.Code != http.StatusOK {
		return a, fmt.Errorf("the turn was answered %d: %s", rec.Code, rec.Body)
	}
	if rec.Header().Get(wire.HeaderProtocol) != wire.Protocol {
		return a, fmt.Errorf("the answer has no %s", wire.HeaderProtocol)
	}
	d := json.NewDecoder(rec.Body)
	d.DisallowUnknownFields()
	return a, d.Decode(&a)
}

// step delivers the turn and stores the answer.
func (s *service) step(worker http.Handler) (wire.Answer, error) {
	a, err := s.try(worker)
	if err == nil {
		s.store(a)
	}
	return a, err
}

// store takes over what a turn commands: all or, at a mismatch, nothing.
func (s *service) store(a wire.Answer) {
	for _, c := range a.Commands {
		if old := s.steps[c.Key]; old != nil && (old.Op != c.Op || old.Name != c.Name) {
			s.blocked = fmt.Sprintf("%s: expected %s %s, came %s %s", c.Key, old.Op, old.Name, c.Op, c.Name)
			return
		}
	}
	s.blocked = ""
	for _, c := range a.Commands {
		if s.steps[c.Key] == nil {
			s.add(c)
		}
	}
	s.await, s.outcome = a.Await, a.Outcome
	s.turn.Turn.Number++
	s.turn.Turn.Now = s.turn.Turn.Now.Add(time.Minute)
}

func (s *service) add(c wire.Command) {
	s.commands[c.Key] = c
	s.order = append(s.order, c.Key)
	s.steps[c.Key] = &wire.Step{Key: c.Key, Op: c.Op, Name: c.Name, Status: "pending"}
	switch c.Op {
	case wire.OpLocal, wire.OpVersion:
		s.settle(c.Key, c.Value, c.Error)
	case wire.OpCounter:
		s.turn.Counters[c.Name] += c.Add
		s.settle(c.Key, nil, nil)
	case wire.OpState:
		s.turn.CustomState[c.Name] = c.Value
		s.settle(c.Key, nil, nil)
	case wire.OpDispatch:
		s.settle(c.Key, asJSON(map[string]string{"execution_id": "exec-of-" + c.Key}), nil)
	case wire.OpCancel:
		for _, target := range c.Targets {
			s.cancel(target)
		}
		s.settle(c.Key, nil, nil)
	}
}

func (s *service) settle(key string, value json.RawMessage, err *wire.Error) {
	st := s.steps[key]
	s.seq++
	seq := s.seq
	st.Seq, st.Value, st.Error, st.Status = &seq, value, err, wire.StatusCompleted
	if err != nil {
		st.Status = wire.StatusFailed
	}
}

func (s *service) complete(key string, value any) { s.settle(key, asJSON(value), nil) }

func (s *service) fail(key, errorType, message string) {
	s.settle(key, nil, &wire.Error{Type: errorType, Message: message})
}

func (s *service) cancel(key string) {
	if st := s.steps[key]; st != nil && !st.Settled() {
		s.seq++
		seq := s.seq
		st.Seq, st.Status = &seq, wire.StatusCancelled
	}
}

// requestCancel is a graceful cancel of the execution.
func (s *service) requestCancel() {
	s.turn.CancelRequested = true
	for _, key := range s.open() {
		s.cancel(key)
	}
}

func (s *service) open() []string {
	return slices.DeleteFunc(slices.Clone(s.order), func(key string) bool { return s.steps[key].Settled() })
}

// due tells whether the await of the last answer is satisfied.
func (s *service) due() bool {
	return s.await == nil || s.settled(*s.await) != open
}

type verdict int

const (
	open verdict = iota
	good
	bad
)

func (s *service) settled(a wire.Await) verdict {
	switch {
	case a.Key != "":
		st := s.steps[a.Key]
		switch {
		case st == nil || !st.Settled():
			return open
		case st.Status == wire.StatusCompleted:
			return good
		}
		return bad
	case a.Any != nil:
		for _, x := range a.Any {
			if v := s.settled(x); v != open {
				return v
			}
		}
		return open
	}
	list := slices.Concat(a.All, a.AllOrFailure, a.FirstSuccess)
	counts := map[verdict]int{}
	for _, x := range list {
		counts[s.settled(x)]++
	}
	switch {
	case a.AllOrFailure != nil && counts[bad] > 0:
		return bad
	case a.FirstSuccess != nil && counts[good] > 0:
		return good
	case counts[open] > 0:
		return open
	case counts[bad] > 0:
		return bad
	}
	return good
}

func post(worker http.Handler, function string, body []byte, header http.Header) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodPost, "/stent", bytes.NewReader(body))
	req.Header.Set(wire.HeaderProtocol, wire.Protocol)
	req.Header.Set(wire.HeaderFunction, function)
	for name, values := range header {
		req.Header[name] = values
	}
	rec := httptest.NewRecorder()
	worker.ServeHTTP(rec, req)
	return rec
}

func asJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
