package scheduler_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/db"
	"github.com/stent-dev/stent/internal/db/dbopen"
	"github.com/stent-dev/stent/internal/delivery"
	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/scheduler"
	"github.com/stent-dev/stent/internal/testenv"
	"github.com/stent-dev/stent/internal/wake"
	"github.com/stent-dev/stent/internal/workflow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service is an engine with one scheduler on a database of its own.
type service struct {
	t         *testing.T
	engine    *engine.Engine
	store     db.Store
	scheduler *scheduler.Scheduler
	stop      func() // drains the scheduler and waits
}

// setup starts the service on SQLite; wrap, if not nil, stands between the engine and its store.
func setup(t *testing.T, options scheduler.Options, wrap func(db.Store) db.Store) *service {
	t.Helper()
	url := testenv.SQLite(t)
	if err := dbopen.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	store, err := dbopen.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	s := &service{t: t, store: store}
	under := store
	if wrap != nil {
		under = wrap(store)
	}
	bus, health := wake.NewLocal(), scheduler.NewHealth()
	client, err := delivery.New(delivery.Options{Breaker: health.Breaker})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if s.engine, err = engine.New(t.Context(), under, bus, engine.Options{PollInterval: 100 * time.Millisecond, Log: log}); err != nil {
		t.Fatal(err)
	}
	options.Log, options.PollInterval = log, 100*time.Millisecond
	s.scheduler = scheduler.New(s.engine, client, health, bus, options)

	engineCtx, stopEngine := context.WithCancel(context.Background())
	schedulerCtx, stopScheduler := context.WithCancel(context.Background())
	var engineDone, schedulerDone sync.WaitGroup
	engineDone.Go(func() { _ = s.engine.Run(engineCtx) })
	schedulerDone.Go(func() { _ = s.scheduler.Run(schedulerCtx) })
	s.stop = sync.OnceFunc(func() { stopScheduler(); schedulerDone.Wait() })
	t.Cleanup(func() {
		s.stop()
		stopEngine()
		engineDone.Wait()
		client.Close()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

type testLog struct{ t *testing.T }

func (l testLog) Write(b []byte) (int, error) {
	l.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// serve starts a worker and registers its functions; it gives the worker's URL.
func (s *service) serve(w *durable.Worker) string {
	s.t.Helper()
	server := httptest.NewServer(w)
	s.t.Cleanup(func() { server.Close(); w.Close() })
	s.registerManifest(w, server.URL)
	return server.URL
}

func (s *service) registerManifest(w http.Handler, url string) {
	s.t.Helper()
	answer := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodGet, "/", nil)
	request.Header.Set("Stent-Protocol", "1")
	w.ServeHTTP(answer, request)
	var manifest struct{ Functions []struct{ Name, Kind string } }
	if err := json.Unmarshal(answer.Body.Bytes(), &manifest); err != nil {
		s.t.Fatal(err)
	}
	for _, f := range manifest.Functions {
		s.register(f.Name, f.Kind, url)
	}
}

func (s *service) register(name, kind, url string) {
	s.t.Helper()
	delay := "10ms"
	f, err := workflow.FunctionSpec{Name: name, Kind: kind, URL: url, Retry: &workflow.RetrySpec{InitialDelay: &delay}}.Function()
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.engine.PutFunction(s.t.Context(), f); err != nil {
		s.t.Fatal(err)
	}
}

func (s *service) start(function, input string) workflow.ID {
	s.t.Helper()
	for {
		started, err := s.engine.Start(s.t.Context(), engine.StartRequest{Function: function, Input: json.RawMessage(input)})
		if errors.Is(err, engine.ErrUnavailable) && s.t.Context().Err() == nil {
			continue
		}
		if err != nil {
			s.t.Fatal(err)
		}
		return started.Execution.ID
	}
}

// wait gives the execution when it is terminal; it fails the test after a minute.
func (s *service) wait(id workflow.ID) *engine.ExecutionView {
	s.t.Helper()
	view, err := s.engine.Wait(s.t.Context(), id, time.Minute)
	if err != nil {
		s.t.Fatal(err)
	}
	if !view.Execution.State.Terminal() {
		for _, t := range s.tasks(id) {
			s.t.Logf("%s %s %s due %v holder %s token %d", t.Key, t.Op, t.State, t.DueAt, t.Holder, t.Token)
		}
		s.t.Fatalf("execution %s is still %s: %v", id, view.Execution.State, view.Error)
	}
	return view
}

// tasks gives the newest tasks of an execution.
func (s *service) tasks(id workflow.ID) []*workflow.Task {
	s.t.Helper()
	page, err := s.engine.Tasks(s.t.Context(), engine.TaskFilter{Execution: id, Limit: 500})
	if err != nil {
		s.t.Fatal(err)
	}
	return page.Tasks
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(time.Minute); !holds(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not come about", what)
		}
	}
}

// counting serves "five", an orchestrator of five steps, and counts what ran.
func counting() (*durable.Worker, func() int) {
	var mu sync.Mutex
	ran := 0
	w := durable.NewWorker(durable.Logger(slog.New(slog.DiscardHandler)))
	durable.Activity(w, "increment", func(_ context.Context, n int) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		ran++
		return n + 1, nil
	})
	durable.Orchestrator(w, "five", func(ctx *durable.Context, n int) (int, error) {
		for range 5 {
			var err error
			if n, err = durable.Call[int](ctx, "increment", n); err != nil {
				return 0, err
			}
		}
		return n, nil
	})
	return w, func() int { mu.Lock(); defer mu.Unlock(); return ran }
}
