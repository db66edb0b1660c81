package durabletest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/stent-dev/stent/internal/protocol"
	"github.com/stent-dev/stent/internal/wire"
	"github.com/stent-dev/stent/internal/workflow"
)

// turn delivers a turn of an orchestrator and gives what became of it.
func (e *Env) turn(t *workflow.Task, f *function, lease workflow.Lease) workflow.Event {
	e.t.Helper()
	body, err := json.Marshal(protocol.Turn(e.store.journal(t), e.now))
	if err != nil {
		e.fatalf("writing a turn of %s: %v", t.Name, err)
	}
	event := e.answered(t, e.post(t, f, lease, body), lease)
	if failed, ok := event.(workflow.TurnFailed); ok {
		e.t.Logf("durabletest: turn %d of %s failed: %v", t.Turn+1, t.Name, &failed.Error)
	}
	return event
}

func (e *Env) answered(t *workflow.Task, answer *httptest.ResponseRecorder, lease workflow.Lease) workflow.Event {
	e.t.Helper()
	invalid := func(err error) workflow.Event {
		return workflow.TurnFailed{Lease: lease, StatusCode: answer.Code, Error: workflow.Error{Type: workflow.ErrorInvalidTurn, Message: err.Error()}}
	}
	if answer.Code != http.StatusOK {
		f := failureOf(answer)
		if f.throttled {
			return workflow.Released{Lease: lease, After: f.retryAfter}
		}
		return workflow.TurnFailed{Lease: lease, StatusCode: answer.Code, Error: f.Error}
	}
	if answer.Header().Get(wire.HeaderProtocol) != wire.Protocol {
		return invalid(fmt.Errorf("the answer is without %s: %s", wire.HeaderProtocol, wire.Protocol))
	}
	a, err := decodeAnswer(answer.Body.Bytes())
	if err != nil {
		return invalid(err)
	}
	event := workflow.TurnAnswered{Lease: lease, Run: t.Run, CancelSeen: t.CancelRequested}
	event.WasBlocked = e.store.executions[t.Execution].State == workflow.ExecutionBlocked
	if err := protocol.ReadAnswer(&event, a); err != nil {
		return invalid(err)
	}
	workflow.NameResults(event.Commands, e.functions)
	for _, c := range event.Commands {
		switch c.Op {
		case workflow.OpCall, workflow.OpMap, workflow.OpDispatch:
			if e.functions.find(c.Name, nil) == nil {
				e.unregistered(fmt.Sprintf("%s, in step %s,", t.Name, c.Key), c.Name)
			}
		default:
		}
	}
	return event
}

// decodeAnswer reads an answer strictly, as the service does.
func decodeAnswer(body []byte) (*wire.Answer, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	a := new(wire.Answer)
	if err := d.Decode(a); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the answer")
	}
	return a, nil
}
