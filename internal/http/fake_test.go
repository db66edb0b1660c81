package http

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/workflow"
)

var _ Engine = (*engine.Engine)(nil)

var (
	anExecution = workflow.ID{1: 1, 15: 1}
	aTask       = workflow.ID{1: 1, 15: 2}
	aWorker     = workflow.ID{1: 1, 15: 3}
	noon        = time.Date(2026, 1, 2, 12, 0, 0, 123_456_789, time.FixedZone("", 3600))
)

// fake is an engine that has one of each thing. With err, it refuses everything.
type fake struct {
	err       error
	terminal  chan struct{} // nil: executions are terminal at once
	functions []*workflow.Function

	mu      sync.Mutex
	started []engine.StartRequest
	seen    []json.RawMessage // values that came
	filters []any

	invalidated []string // functions and versions
	asked       []any    // replays and restarts

	feed    engine.Feed
	changes engine.ChangeList
	cursors []string // that were followed from
}

func (f *fake) see(v json.RawMessage) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen = append(f.seen, v)
	return f.err
}

func (f *fake) Start(_ context.Context, r engine.StartRequest) (engine.Started, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return engine.Started{}, f.err
	}
	if r.Function == "unknown" {
		return engine.Started{}, workflow.ErrNotRegistered
	}
	x := execution()
	x.Function, x.Input, x.Tags = r.Function, r.Input, r.Tags
	for _, earlier := range f.started {
		if r.IdempotencyKey != "" && r.IdempotencyKey == earlier.IdempotencyKey {
			if r.Function != earlier.Function {
				return engine.Started{}, workflow.ErrKeyReused
			}
			return engine.Started{Execution: x, Replayed: true}, nil
		}
	}
	f.started = append(f.started, r)
	return engine.Started{Execution: x}, nil
}

func (f *fake) StartBatch(ctx context.Context, requests []engine.StartRequest) []engine.StartResult {
	results := make([]engine.StartResult, len(requests))
	for i, r := range requests {
		results[i].Started, results[i].Err = f.Start(ctx, r)
	}
	return results
}

func (f *fake) Signal(_ context.Context, _ workflow.ID, _ string, payload json.RawMessage, key string) (engine.SignalReceipt, error) {
	return engine.SignalReceipt{ID: aTask, Replayed: key == "again"}, f.see(payload)
}
func (f *fake) Cancel(context.Context, workflow.ID, bool) error { return f.err }
func (f *fake) Pause(context.Context, workflow.ID) error        { return f.err }
func (f *fake) Resume(context.Context, workflow.ID) error       { return f.err }
func (f *fake) Restart(_ context.Context, _ workflow.ID, from *string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, orZero(from))
	return f.err
}

func (f *fake) Bulk(_ context.Context, b engine.Bulk) (engine.BulkDone, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, b)
	return engine.BulkDone{Matched: 3, Affected: 2, More: true}, f.err
}

func (f *fake) Cleanup(_ context.Context, what engine.Cleanup) (engine.Cleaned, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, what)
	return engine.Cleaned{Executions: 5, DeadLetters: 1, More: true}, f.err
}

func (f *fake) DeadLetters(_ context.Context, filter engine.DeadLetterFilter) ([]*workflow.DeadLetter, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.filters = append(f.filters, filter)
	list := make([]*workflow.DeadLetter, min(filter.Limit, 3))
	for i := range list {
		list[i] = deadLetter()
	}
	return list, f.err
}

func (f *fake) DeadLetter(context.Context, workflow.ID) (*engine.DeadLetterView, error) {
	_, attempts, err := f.Task(context.Background(), aTask)
	return &engine.DeadLetterView{DeadLetter: deadLetter(), Step: "charge#0", Input: json.RawMessage(`{"b" : 1.0}`), Attempts: attempts}, err
}

func (f *fake) Replay(_ context.Context, _ workflow.ID, r engine.ReplayRequest) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, r)
	return f.err
}

func (f *fake) ReplayAll(_ context.Context, r engine.BulkReplay) (engine.BulkReplayed, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, r)
	return engine.BulkReplayed{Matched: 3, Replayed: 2, Refused: 1, More: true}, f.err
}
func (f *fake) Discard(context.Context, workflow.ID) error { return f.err }

func (f *fake) Count(_ context.Context, _ workflow.ID, _ string, add int64) (int64, error) {
	return add, f.err
}

func (f *fake) SetState(_ context.Context, _ workflow.ID, _ string, v json.RawMessage) error {
	return f.see(v)
}

func (f *fake) Complete(_ context.Context, _ workflow.ID, _ string, v json.RawMessage, u workflow.ContextUpdate) error {
	if err := u.Check(); err != nil {
		return err
	}
	for _, value := range u.State {
		if err := f.see(value); err != nil {
			return err
		}
	}
	return f.see(v)
}

func (f *fake) Fail(_ context.Context, _ workflow.ID, _ string, e workflow.Error, retryable bool) error {
	text, err := json.Marshal(map[string]any{"error": e, "retryable": retryable})
	if err != nil {
		return err
	}
	return f.see(text)
}

func (f *fake) Heartbeat(_ context.Context, _ workflow.ID, _ string, details json.RawMessage) (engine.HeartbeatReply, error) {
	return engine.HeartbeatReply{Cancel: true, LeaseExpiresAt: &noon}, f.see(details)
}

func (f *fake) PutFunction(_ context.Context, fn *workflow.Function) (*workflow.Function, error) {
	fn.CreatedAt, fn.UpdatedAt = noon, noon
	return fn, f.err
}

func (f *fake) Function(_ context.Context, name string, _ *string) (*workflow.Function, error) {
	return function(name), f.err
}

func (f *fake) Host(context.Context, string, *string) workflow.ID { return aWorker }
func (f *fake) Outline(context.Context, workflow.ID) (*engine.ExecutionView, error) {
	return &engine.ExecutionView{Execution: execution()}, f.err
}

func (f *fake) Functions(context.Context) ([]*workflow.Function, error) { return f.functions, f.err }
func (f *fake) DeleteFunction(context.Context, string) error            { return f.err }

func (f *fake) InvalidateResults(_ context.Context, function string, version *string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.invalidated = append(f.invalidated, function+" "+orZero(version))
	return f.err
}

func (f *fake) RegisterWorker(_ context.Context, url, secret string) (*workflow.Worker, []*workflow.Function, error) {
	w := worker()
	w.URL, w.Secret = url, secret
	return w, []*workflow.Function{function("charge")}, f.err
}

func (f *fake) RefreshWorker(context.Context, workflow.ID) (*workflow.Worker, []*workflow.Function, error) {
	return worker(), nil, f.err
}

func (f *fake) Workers(context.Context) ([]*workflow.Worker, error) {
	return []*workflow.Worker{worker()}, f.err
}

func (f *fake) Worker(context.Context, workflow.ID) (*workflow.Worker, []*workflow.Function, error) {
	return worker(), []*workflow.Function{function("charge")}, f.err
}
func (f *fake) DeleteWorker(context.Context, workflow.ID) error { return f.err }

func (f *fake) Execution(context.Context, workflow.ID) (*engine.ExecutionView, error) {
	return view(), f.err
}

func (f *fake) Wait(ctx context.Context, id workflow.ID, wait time.Duration) (*engine.ExecutionView, error) {
	if f.terminal != nil {
		select {
		case <-f.terminal:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(wait):
		}
	}
	return f.Execution(ctx, id)
}

func (f *fake) Executions(_ context.Context, filter engine.ExecutionFilter) ([]*workflow.Execution, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.filters = append(f.filters, filter)
	list := make([]*workflow.Execution, min(filter.Limit, 3))
	for i := range list {
		list[i] = execution()
	}
	return list, f.err
}

func (f *fake) Task(context.Context, workflow.ID) (*workflow.Task, []workflow.FailedAttempt, error) {
	return task(), []workflow.FailedAttempt{
		{Number: 2, StartedAt: noon, EndedAt: noon, Error: workflow.Error{Type: "timeout", Message: "späť"}},
		{Number: 1, StartedAt: noon, EndedAt: noon, StatusCode: 500, Error: workflow.Error{Type: "boom", Details: json.RawMessage(`{"a" : 1}`)}},
	}, f.err
}

func (f *fake) Tasks(_ context.Context, filter engine.TaskFilter) (*engine.TaskPage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.filters = append(f.filters, filter)
	return &engine.TaskPage{Tasks: []*workflow.Task{task()}, Next: &engine.TaskPlace{Open: true, Execution: anExecution, Task: aTask}}, f.err
}

func (f *fake) Signals(context.Context, workflow.ID, engine.Page) ([]*workflow.Signal, error) {
	return []*workflow.Signal{
		{ID: aTask, Execution: anExecution, Name: "go", Payload: json.RawMessage("null"), ReceivedAt: noon, TakenBy: aTask},
		{ID: aTask, Execution: anExecution, Name: "go", ReceivedAt: noon},
	}, f.err
}

func (f *fake) Why(_ context.Context, id workflow.ID) (*engine.Why, error) {
	if f.err != nil {
		return nil, f.err
	}
	x := execution()
	x.ID = id
	return &engine.Why{Execution: x, Holds: []engine.Hold{
		{Task: task(), Reason: engine.ReasonRetry, Detail: "d", Since: &noon, Until: &noon},
		{Task: task(), Reason: engine.ReasonRunning, Scheduler: &engine.Scheduler{ID: aWorker}},
	}}, nil
}

func (f *fake) Queues(context.Context) ([]engine.Queue, error) {
	return []engine.Queue{{Name: "default", Depth: 3, Oldest: &noon}, {Name: "eu", Paused: true}}, f.err
}

func (f *fake) PauseQueue(_ context.Context, name string, paused bool) (*engine.Queue, error) {
	return &engine.Queue{Name: name, Paused: paused}, f.err
}

func (f *fake) Schedulers(context.Context) ([]engine.Scheduler, error) {
	return []engine.Scheduler{{ID: aWorker, Host: "h", State: "ready", StartedAt: noon, SeenAt: noon}}, f.err
}

func (f *fake) Stats(context.Context) (*engine.Stats, error) {
	return &engine.Stats{
		Stats: &engine.Counted{
			Executions:  map[workflow.ExecutionState]engine.Count{workflow.ExecutionRunning: {N: 3}, workflow.ExecutionCompleted: {N: 20_000, Estimated: true}},
			Tasks:       map[workflow.TaskState]engine.Count{workflow.TaskWaiting: {N: 4}},
			DeadLetters: engine.Count{N: 2},
		},
		Queues: []engine.Queue{{Name: "default", Depth: 10_000, More: true, Oldest: &noon}},
	}, f.err
}

func (f *fake) Follow(_ context.Context, _ workflow.ID, cursor string) (engine.Feed, error) {
	if cursor == "bad" {
		return nil, engine.ErrBadCursor
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cursors = append(f.cursors, cursor)
	return f.feed, f.err
}

func (f *fake) WatchAll() (engine.ChangeList, error) { return f.changes, f.err }
func (f *fake) Ready(context.Context) error          { return f.err }

func function(name string) *workflow.Function {
	ttl := time.Duration(0)
	return &workflow.Function{
		Name: name, Kind: workflow.KindActivity, URL: "http://w:1/", Queue: "default", Timeout: 90 * time.Second, Retry: workflow.DefaultRetryPolicy(),
		CacheTTL: &ttl, RateLimit: &workflow.RateLimit{Limit: 1, Per: time.Second}, Worker: aWorker, CreatedAt: noon, UpdatedAt: noon,
	}
}

func worker() *workflow.Worker {
	return &workflow.Worker{ID: aWorker, URL: "http://w:1/", Health: workflow.WorkerHealthy, CreatedAt: noon, UpdatedAt: noon}
}

func execution() *workflow.Execution {
	return &workflow.Execution{
		ID: anExecution, Function: "order", State: workflow.ExecutionCompleted, Queue: "default", CreatedAt: noon, StartedAt: &noon,
		Input: json.RawMessage(`{"b" : 1.0, "a":"<&>"}`), Result: json.RawMessage(`12345678901234567890`), Error: &workflow.Error{Type: "x"},
	}
}

func task() *workflow.Task {
	return &workflow.Task{
		ID: aTask, Execution: anExecution, Parent: anExecution, Key: "charge#0", Op: workflow.OpCall, Name: "charge", Kind: workflow.KindActivity,
		State: workflow.TaskRunning, DueAt: &noon, Queue: "default", CreatedAt: noon, Failures: 1, Detail: json.RawMessage(`{"done":  3}`),
	}
}

func deadLetter() *workflow.DeadLetter {
	return &workflow.DeadLetter{
		Task: aTask, Execution: anExecution, Function: "charge", Queue: "default", Kind: workflow.KindActivity, Attempts: 3, FailedAt: noon,
		Error: &workflow.Error{Type: "boom", Details: json.RawMessage(`{"a" : 1}`)},
	}
}

func view() *engine.ExecutionView {
	step := func(kind workflow.Kind, state workflow.TaskState) engine.Step {
		return engine.Step{ID: aTask, Key: string(kind) + "#0", Kind: kind, State: state, WaitingFor: "go", ScheduledFor: &noon, Items: 3, Open: 1}
	}
	return &engine.ExecutionView{
		Execution: execution(),
		Progress: []engine.Step{
			{ID: aTask, Key: "charge#0", Kind: workflow.KindActivity, State: workflow.TaskRunning, Detail: json.RawMessage(`{"done":  3}`)},
			step(workflow.KindMap, workflow.TaskWaiting),
			step(workflow.KindSignal, workflow.TaskWaiting),
			step(workflow.KindTimer, workflow.TaskWaiting),
			step(workflow.KindLocal, workflow.TaskCompleted),
			step(workflow.KindActivity, workflow.TaskCancelled),
			step(workflow.KindActivity, workflow.TaskPending),
			step(workflow.KindActivity, workflow.TaskFailed),
			{Key: "call#0", Kind: workflow.KindActivity, State: workflow.TaskCompleted, CacheHit: true},
			{Key: "call#0", Kind: workflow.KindActivity, State: workflow.TaskWaiting, AwaitsResult: true},
		},
		Counters: []workflow.Counter{{Name: "n", Value: -1}, {Name: `"é"`, Value: 2}},
		State:    []workflow.StateEntry{{Key: "phase", Value: json.RawMessage(`"x"`)}, {Key: "b", Value: json.RawMessage(`[1 ,2]`)}},
	}
}
