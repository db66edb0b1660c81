package http

import (
	"context"
	"encoding/json"
	"time"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/workflow"
)

// Engine is what the handlers use of *engine.Engine.
type Engine interface {
	Start(ctx context.Context, r engine.StartRequest) (engine.Started, error)
	StartBatch(ctx context.Context, requests []engine.StartRequest) []engine.StartResult
	Signal(ctx context.Context, id workflow.ID, name string, payload json.RawMessage, key string) (engine.SignalReceipt, error)
	Cancel(ctx context.Context, id workflow.ID, force bool) error
	Pause(ctx context.Context, id workflow.ID) error
	Resume(ctx context.Context, id workflow.ID) error
	Restart(ctx context.Context, id workflow.ID, fromStep *string) error
	Bulk(ctx context.Context, b engine.Bulk) (engine.BulkDone, error)
	Count(ctx context.Context, id workflow.ID, name string, add int64) (int64, error)
	SetState(ctx context.Context, id workflow.ID, key string, value json.RawMessage) error

	Complete(ctx context.Context, task workflow.ID, token string, value json.RawMessage, update workflow.ContextUpdate) error
	Fail(ctx context.Context, task workflow.ID, token string, failure workflow.Error, retryable bool) error
	Heartbeat(ctx context.Context, task workflow.ID, token string, details json.RawMessage) (engine.HeartbeatReply, error)

	DeadLetters(ctx context.Context, f engine.DeadLetterFilter) ([]*workflow.DeadLetter, error)
	DeadLetter(ctx context.Context, task workflow.ID) (*engine.DeadLetterView, error)
	Replay(ctx context.Context, task workflow.ID, r engine.ReplayRequest) error
	ReplayAll(ctx context.Context, r engine.BulkReplay) (engine.BulkReplayed, error)
	Discard(ctx context.Context, task workflow.ID) error

	Cleanup(ctx context.Context, what engine.Cleanup) (engine.Cleaned, error)

	PutFunction(ctx context.Context, f *workflow.Function) (*workflow.Function, error)
	Function(ctx context.Context, name string, version *string) (*workflow.Function, error)
	Functions(ctx context.Context) ([]*workflow.Function, error)
	Host(ctx context.Context, function string, version *string) workflow.ID
	DeleteFunction(ctx context.Context, name string) error
	InvalidateResults(ctx context.Context, function string, version *string) error
	RegisterWorker(ctx context.Context, url, secret string) (*workflow.Worker, []*workflow.Function, error)
	RefreshWorker(ctx context.Context, id workflow.ID) (*workflow.Worker, []*workflow.Function, error)
	Workers(ctx context.Context) ([]*workflow.Worker, error)
	Worker(ctx context.Context, id workflow.ID) (*workflow.Worker, []*workflow.Function, error)
	DeleteWorker(ctx context.Context, id workflow.ID) error

	Execution(ctx context.Context, id workflow.ID) (*engine.ExecutionView, error)
	Outline(ctx context.Context, id workflow.ID) (*engine.ExecutionView, error)
	Wait(ctx context.Context, id workflow.ID, wait time.Duration) (*engine.ExecutionView, error)
	Executions(ctx context.Context, f engine.ExecutionFilter) ([]*workflow.Execution, error)
	Task(ctx context.Context, id workflow.ID) (*workflow.Task, []workflow.FailedAttempt, error)
	Tasks(ctx context.Context, f engine.TaskFilter) (*engine.TaskPage, error)
	Signals(ctx context.Context, id workflow.ID, p engine.Page) ([]*workflow.Signal, error)
	Why(ctx context.Context, id workflow.ID) (*engine.Why, error)
	Queues(ctx context.Context) ([]engine.Queue, error)
	PauseQueue(ctx context.Context, name string, paused bool) (*engine.Queue, error)
	Schedulers(ctx context.Context) ([]engine.Scheduler, error)
	Stats(ctx context.Context) (*engine.Stats, error)
	Follow(ctx context.Context, id workflow.ID, cursor string) (engine.Feed, error)
	WatchAll() (engine.ChangeList, error)
	Ready(ctx context.Context) error
}
