package engine

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/workflow"
)

// StartRequest asks for an execution.
type StartRequest struct {
	Function       string
	Input          json.RawMessage
	Delay          time.Duration
	StartAt        *time.Time
	MaxDuration    time.Duration // from the start; 0: none
	Tags           []string
	Priority       int    // 0: the function's
	Queue          string // "": the function's
	CallbackURL    string
	IdempotencyKey string // "": none
	TraceParent    string
}

// Started is the execution that a request asked for. Replayed says that an
// earlier request with the same key had started it.
type Started struct {
	Execution *workflow.Execution
	Replayed  bool
}

// StartResult is what became of one request of a batch.
type StartResult struct {
	Started
	Err error
}

// Start begins an execution. Errors: workflow.FieldErrors,
// workflow.ErrNotRegistered, workflow.ErrKeyReused, ErrUnavailable.
func (e *Engine) Start(ctx context.Context, r StartRequest) (Started, error) {
	event, err := e.start(ctx, r)
	if err != nil {
		return Started{}, err
	}
	v, err := e.ask(ctx, event.Execution.ID, event)
	return Started{Execution: v.Execution, Replayed: v.Replayed}, err
}

// StartBatch begins many executions, all that can be in one transaction.
func (e *Engine) StartBatch(ctx context.Context, requests []StartRequest) []StartResult {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	results := make([]StartResult, len(requests))
	submissions := make([]*submission, len(requests))
	var shard workflow.ID // one loop for all, so that they meet in one batch
	for i, r := range requests {
		event, err := e.start(ctx, r)
		if err != nil {
			results[i].Err = err
			continue
		}
		submissions[i] = &submission{ctx: ctx, event: event, done: make(chan struct{})}
		e.enqueue(shard, submissions[i])
	}
	for i, s := range submissions {
		if s == nil {
			continue
		}
		v := s.await(ctx)
		results[i] = StartResult{Started{v.Execution, v.Replayed}, v.Err}
	}
	return results
}

func (e *Engine) start(ctx context.Context, r StartRequest) (workflow.Start, error) {
	if err := e.functions.know(ctx, r.Function); err != nil {
		return workflow.Start{}, refusal(err)
	}
	f := e.functions.Lookup(r.Function, nil)
	if latest := e.options.Limits.Sleep; r.StartAt != nil && r.StartAt.Sub(e.Now()) > latest {
		return workflow.Start{}, workflow.FieldErrors{{Pointer: "/start_at", Detail: "must be within " + workflow.FormatDuration(latest)}}
	}
	if f == nil {
		return workflow.Start{}, fmt.Errorf("%w: %q", workflow.ErrNotRegistered, r.Function)
	}
	x := &workflow.Execution{
		Namespace: db.DefaultNamespace, ID: NewID(), Function: r.Function, Input: r.Input, Tags: r.Tags, Priority: r.Priority,
		Queue: r.Queue, CallbackURL: r.CallbackURL, TraceParent: r.TraceParent, IdempotencyKey: r.IdempotencyKey,
	}
	if r.IdempotencyKey != "" {
		x.RequestHash = hash(r)
	}
	event := workflow.Start{Execution: x, Function: f, Delay: r.Delay, StartAt: r.StartAt, Duration: r.MaxDuration}
	event.Result = f.ResultKey(r.Input, nil, workflow.OpStart, 0)
	return event, nil
}

// hash tells requests apart that come with one key. Two spellings of the same
// JSON input are the same request.
func hash(r StartRequest) []byte {
	r.TraceParent = ""
	r.Input = canonical(r.Input)
	return hashOf(r, r.Input)
}

// canonical gives the one spelling of JSON; of what is none, the bytes that came.
func canonical(text json.RawMessage) json.RawMessage {
	if spelt, err := workflow.Canonical(text); err == nil {
		return spelt
	}
	return text
}

// hashOf tells requests apart. When the request cannot be written because its
// value is not JSON, whoever let that through compares the value's bytes.
func hashOf(request any, value json.RawMessage) []byte {
	text, err := json.Marshal(request)
	if err != nil {
		text = value
	}
	sum := sha256.Sum256(text)
	return sum[:]
}
