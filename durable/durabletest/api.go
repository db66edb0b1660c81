package durabletest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"time"

	"github.com/stent-dev/stent/internal/protocol"
	"github.com/stent-dev/stent/internal/wire"
	"github.com/stent-dev/stent/internal/workflow"
)

// inProcess answers requests without a network.
type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	answer := httptest.NewRecorder()
	p.handler.ServeHTTP(answer, r)
	return answer.Result(), nil
}

// api is the part of the REST API that is about executions and their tasks.
func (e *Env) api() http.Handler {
	mux := http.NewServeMux()
	for pattern, serve := range map[string]func(*http.Request, []byte) (any, error){
		"POST /v1/executions":                      e.serveDispatch,
		"GET /v1/executions/{id}":                  e.serveGet,
		"POST /v1/executions/{id}/signals/{name}":  e.serveSignal,
		"POST /v1/executions/{id}/cancel":          e.serveCancel,
		"POST /v1/executions/{id}/pause":           e.servePause(true),
		"POST /v1/executions/{id}/resume":          e.servePause(false),
		"POST /v1/executions/{id}/restart":         e.serveRestart,
		"GET /v1/dead-letters":                     e.serveDeadLetters,
		"POST /v1/dead-letters/{id}/replay":        e.serveReplay,
		"DELETE /v1/dead-letters/{id}":             e.serveDiscard,
		"POST /v1/executions/{id}/counters/{name}": e.serveCounter,
		"PUT /v1/executions/{id}/state/{key}":      e.serveState,
		"POST /v1/tasks/{id}/complete":             e.serveComplete,
		"POST /v1/tasks/{id}/fail":                 e.serveFail,
		"POST /v1/tasks/{id}/heartbeat":            e.serveHeartbeat,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			var answer any
			if err == nil {
				answer, err = serve(r, body)
			}
			if err != nil {
				refuse(w, err)
				return
			}
			e.settle()
			if wait, err := workflow.ParseDuration(r.URL.Query().Get("wait")); err == nil {
				e.hold(answer, wait, r.Method == http.MethodPost)
			}
			writeJSON(w, http.StatusOK, e.shown(answer))
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, http.StatusNotImplemented, "unavailable", "durabletest has no "+r.Method+" "+r.URL.Path)
	})
	return mux
}

// hold moves the clock until an execution has ended: for a dispatch by the time that
// was asked for, for a read by whatever it takes, as clients ask again.
func (e *Env) hold(answer any, wait time.Duration, bounded bool) {
	id, ok := answer.(workflow.ID)
	if !ok || wait <= 0 || e.running {
		return
	}
	if bounded {
		e.runUntil(e.now.Add(wait), func() bool { return e.store.executions[id].State.Terminal() })
		e.settle()
		return
	}
	e.wait(id)
}

// shown gives an execution, which handlers answer by its id, as it stands by then.
func (e *Env) shown(answer any) any {
	if id, ok := answer.(workflow.ID); ok {
		return e.view(id)
	}
	return answer
}

func (e *Env) serveDispatch(r *http.Request, body []byte) (any, error) {
	var in struct {
		Function    string          `json:"function"`
		Input       json.RawMessage `json:"input"`
		Delay       string          `json:"delay"`
		StartAt     *time.Time      `json:"start_at"`
		MaxDuration string          `json:"max_duration"`
		Tags        []string        `json:"tags"`
		Priority    int             `json:"priority"`
		Queue       string          `json:"queue"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	f := e.functions.Lookup(in.Function, nil)
	if f == nil {
		return nil, workflow.ErrNotRegistered
	}
	hash := sha256.Sum256(body)
	start := workflow.Start{
		Function: f, StartAt: in.StartAt, Result: f.ResultKey(in.Input, nil, workflow.OpStart, 0), Execution: &workflow.Execution{
			Function: in.Function, Input: in.Input, Tags: in.Tags, Priority: in.Priority, Queue: in.Queue,
			IdempotencyKey: r.Header.Get(wire.HeaderIdempotencyKey), RequestHash: hash[:],
		},
	}
	var err error
	if in.Delay != "" {
		if start.Delay, err = workflow.ParseDuration(in.Delay); err != nil {
			return nil, err
		}
	}
	if in.MaxDuration != "" {
		if start.Duration, err = workflow.ParseDuration(in.MaxDuration); err != nil {
			return nil, err
		}
	}
	v := e.commit(start)
	if v.Err != nil {
		return nil, v.Err
	}
	return v.Execution.ID, nil
}

func (e *Env) serveGet(r *http.Request, _ []byte) (any, error) {
	id, err := pathID(r)
	if err == nil && e.store.executions[id] == nil {
		err = workflow.ErrNotFound
	}
	return id, err
}

func (e *Env) serveSignal(r *http.Request, body []byte) (any, error) {
	id, err := pathID(r)
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256([]byte(r.PathValue("name") + "\x00" + string(body)))
	v := e.commit(workflow.Send{
		Execution: id, Name: r.PathValue("name"), Payload: body,
		IdempotencyKey: r.Header.Get(wire.HeaderIdempotencyKey), RequestHash: hash[:],
	})
	if v.Err != nil {
		return nil, v.Err
	}
	delivery := "buffered"
	if v.Delivered {
		delivery = "delivered"
	}
	return map[string]string{"id": v.Signal.ID.String(), "delivery": delivery}, nil
}

func (e *Env) serveCancel(r *http.Request, body []byte) (any, error) {
	var in struct{ Mode string }
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	id, err := pathID(r)
	if err == nil {
		err = e.commit(workflow.Cancel{Execution: id, Force: in.Mode == "force"}).Err
	}
	return id, err
}

func (e *Env) servePause(paused bool) func(*http.Request, []byte) (any, error) {
	return func(r *http.Request, _ []byte) (any, error) {
		id, err := pathID(r)
		if err == nil {
			err = e.commit(workflow.Pause{Execution: id, Paused: paused}).Err
		}
		return id, err
	}
}

func (e *Env) serveCounter(r *http.Request, body []byte) (any, error) {
	var in struct{ Add int64 }
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	id, err := pathID(r)
	if err != nil {
		return nil, err
	}
	v := e.commit(workflow.Count{Execution: id, Name: r.PathValue("name"), Add: in.Add})
	return map[string]int64{"value": v.Value}, v.Err
}

func (e *Env) serveState(r *http.Request, body []byte) (any, error) {
	id, err := pathID(r)
	if err == nil {
		err = e.commit(workflow.SetState{Execution: id, Key: r.PathValue("key"), Value: body}).Err
	}
	return nil, err
}

func (e *Env) serveComplete(r *http.Request, body []byte) (any, error) {
	var in struct {
		Result   json.RawMessage
		Counters map[string]int64
		State    map[string]json.RawMessage
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	update := workflow.ContextUpdate{Counters: in.Counters, State: in.State}
	if err := update.Check(); err != nil {
		return nil, err
	}
	lease, err := e.leaseOf(r)
	if err == nil {
		err = e.commit(workflow.Succeeded{Lease: lease, Value: in.Result, ContextUpdate: update}).Err
	}
	return nil, err
}

func (e *Env) serveFail(r *http.Request, body []byte) (any, error) {
	in := struct {
		Error     *wire.Error
		Retryable bool
	}{Retryable: true}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	lease, err := e.leaseOf(r)
	if err == nil {
		err = e.commit(workflow.Failed{Lease: lease, Error: protocol.FromError(in.Error), Retryable: in.Retryable}).Err
	}
	return nil, err
}

func (e *Env) serveHeartbeat(r *http.Request, body []byte) (any, error) {
	var in struct{ Details json.RawMessage }
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	lease, err := e.leaseOf(r)
	if err != nil {
		return nil, err
	}
	v := e.commit(workflow.Beat{Lease: lease, Details: in.Details})
	answer := map[string]any{"cancel": v.Cancel, "lease_expires_at": nil}
	if v.Err == nil && v.Task != nil {
		answer["lease_expires_at"] = v.Task.DueAt
	}
	return answer, v.Err
}

func pathID(r *http.Request) (workflow.ID, error) {
	id, err := workflow.ParseID(r.PathValue("id"))
	if err != nil {
		return id, workflow.ErrNotFound
	}
	return id, nil
}

// token is the text by which an attempt is reported on.
func token(l workflow.Lease) string { return l.Task.String() + "/" + strconv.FormatInt(l.Token, 10) }

// leaseOf reads the token of a report.
func (e *Env) leaseOf(r *http.Request) (workflow.Lease, error) {
	id, err := pathID(r)
	t := e.store.tasks[id]
	if err != nil || t == nil {
		return workflow.Lease{}, workflow.ErrNotFound
	}
	prefix, number, _ := bytes.Cut([]byte(r.Header.Get(wire.HeaderTaskToken)), []byte("/"))
	l := workflow.Lease{Execution: t.Execution, Task: id}
	if l.Token, err = strconv.ParseInt(string(number), 10, 64); err != nil || string(prefix) != id.String() {
		return l, workflow.ErrLeaseLost
	}
	return l, nil
}

// refuse answers an error as the service does.
func refuse(w http.ResponseWriter, err error) {
	for _, known := range []struct {
		err    error
		status int
		code   string
	}{
		{workflow.ErrNotFound, http.StatusNotFound, "not_found"},
		{workflow.ErrNoSuchStep, http.StatusUnprocessableEntity, "invalid_request"},
		{workflow.ErrAlreadyTerminal, http.StatusConflict, "already_terminal"},
		{workflow.ErrLeaseLost, http.StatusConflict, "lease_lost"},
		{workflow.ErrInvalidOperation, http.StatusConflict, "conflict"},
		{workflow.ErrMailboxFull, http.StatusTooManyRequests, "mailbox_full"},
		{workflow.ErrKeyReused, http.StatusUnprocessableEntity, "idempotency_key_reused"},
		{workflow.ErrNotRegistered, http.StatusUnprocessableEntity, "function_not_registered"},
	} {
		if errors.Is(err, known.err) {
			writeProblem(w, known.status, known.code, err.Error())
			return
		}
	}
	var conflict *workflow.ConflictError
	if errors.As(err, &conflict) {
		writeProblem(w, http.StatusConflict, "conflict", conflict.Error())
		return
	}
	writeProblem(w, http.StatusBadRequest, "invalid_request", err.Error())
}

func writeProblem(w http.ResponseWriter, status int, code, detail string) {
	writeJSON(w, status, map[string]any{"type": "about:blank", "title": http.StatusText(status), "status": status, "code": code, "detail": detail})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic("durabletest: " + err.Error()) // of values that were JSON before
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // to memory
}
