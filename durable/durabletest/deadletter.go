package durabletest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/workflow"
)

// serveDeadLetters lists the dead letters, of functions if some are named, those
// that failed last first.
func (e *Env) serveDeadLetters(r *http.Request, _ []byte) (any, error) {
	functions := r.URL.Query()["function"]
	letters := make([]workflow.DeadLetter, 0, len(e.store.dead))
	for _, letter := range e.store.dead {
		if len(functions) == 0 || slices.Contains(functions, letter.Function) {
			letters = append(letters, letter)
		}
	}
	slices.SortFunc(letters, func(a, b workflow.DeadLetter) int {
		return cmp.Or(b.FailedAt.Compare(a.FailedAt), b.Task.Compare(a.Task))
	})
	items := make([]durable.DeadLetter, len(letters))
	for i, l := range letters {
		items[i] = durable.DeadLetter{
			TaskID: l.Task.String(), ExecutionID: l.Execution.String(), Function: l.Function, Kind: durable.Kind(l.Kind),
			Queue: l.Queue, Attempt: l.Attempts, FailedAt: l.FailedAt,
		}
		if l.Error != nil {
			items[i].Error = &durable.Failure{Type: l.Error.Type, Message: l.Error.Message, Details: l.Error.Details}
		}
	}
	return map[string]any{"items": items, "next_cursor": nil}, nil
}

// letter finds the dead letter that a request is about.
func (e *Env) letter(r *http.Request) (workflow.DeadLetter, error) {
	id, err := pathID(r)
	letter, ok := e.store.dead[id]
	if err == nil && !ok {
		err = workflow.ErrNotFound
	}
	return letter, err
}

func (e *Env) serveReplay(r *http.Request, body []byte) (any, error) {
	in := struct {
		Queue        string
		ResetRetries *bool `json:"reset_retries"`
	}{}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	letter, err := e.letter(r)
	if err != nil {
		return nil, err
	}
	return nil, e.commit(workflow.Replay{
		Execution: letter.Execution, Task: letter.Task, Queue: in.Queue, ResetRetries: in.ResetRetries == nil || *in.ResetRetries,
	}).Err
}

func (e *Env) serveDiscard(r *http.Request, _ []byte) (any, error) {
	letter, err := e.letter(r)
	if err != nil {
		return nil, err
	}
	return nil, e.commit(workflow.Discard{Execution: letter.Execution, Task: letter.Task}).Err
}

func (e *Env) serveRestart(r *http.Request, body []byte) (any, error) {
	var in struct {
		FromStep *string `json:"from_step"`
	}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &in); err != nil {
			return nil, err
		}
	}
	id, err := pathID(r)
	if err == nil {
		err = e.commit(workflow.Restart{Execution: id, FromStep: in.FromStep}).Err
	}
	return id, err
}
