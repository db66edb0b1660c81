package scheduler_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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

// on starts a service on a store that is open, as a process of its own would.
func on(t *testing.T, store db.Store, options scheduler.Options) *service {
	t.Helper()
	s := &service{t: t, store: store}
	bus, health := wake.NewLocal(), scheduler.NewHealth()
	client, err := delivery.New(delivery.Options{Breaker: health.Breaker})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if s.engine, err = engine.New(t.Context(), store, bus, engine.Options{PollInterval: 100 * time.Millisecond, Log: log}); err != nil {
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
	})
	return s
}

func openStore(t *testing.T, url string) db.Store {
	t.Helper()
	if err := dbopen.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	store, err := dbopen.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// ends waits for so long that a healthy service has long been done.
func (s *service) ends(id workflow.ID, within time.Duration) bool {
	s.t.Helper()
	view, err := s.engine.Wait(s.t.Context(), id, within)
	if err != nil {
		s.t.Fatal(err)
	}
	return view.Execution.State.Terminal()
}

// forgetful is a store whose next look for leases fails once.
type forgetful struct {
	db.Store
	fail atomic.Bool
}

func (f *forgetful) Held(ctx context.Context, scheduler workflow.ID, executions []workflow.ID) ([]workflow.Lease, error) {
	if f.fail.CompareAndSwap(true, false) {
		return nil, db.ErrUnavailable
	}
	return f.Store.Held(ctx, scheduler, executions)
}

func TestWhatCannotBeGivenBackIsTakenOver(t *testing.T) {
	t.Parallel()
	store := openStore(t, testenv.SQLite(t))
	fails := &forgetful{Store: store}
	first := on(t, fails, scheduler.Options{DrainTimeout: 50 * time.Millisecond, LeaseDuration: 600 * time.Millisecond})
	begun := make(chan struct{}, 10)
	var ran atomic.Int64
	w := durable.NewWorker()
	durable.Activity(w, "slow", func(ctx context.Context, _ int) (int, error) {
		begun <- struct{}{}
		if ran.Add(1) == 1 {
			<-ctx.Done()
			return 0, ctx.Err()
		}
		return 7, nil
	})
	first.serve(w)
	id := first.start("slow", "0")
	<-begun
	fails.fail.Store(true) // one answer of the database is lost while the scheduler stops
	first.stop()
	second := on(t, store, scheduler.Options{LeaseDuration: 600 * time.Millisecond})
	if !second.ends(id, 10*time.Second) {
		view, _ := second.engine.Execution(t.Context(), id)
		task, _, _ := second.engine.Task(t.Context(), view.RootTask)
		schedulers, _ := second.engine.Schedulers(t.Context())
		t.Fatalf("task is %s, held by %s, 16 lease durations after that scheduler stopped; schedulers %+v", task.State, task.Holder, schedulers)
	}
}

func TestSchedulersWithDifferentLeasesLeaveEachOtherAlone(t *testing.T) {
	t.Parallel()
	store := openStore(t, testenv.SQLite(t))
	patient := on(t, store, scheduler.Options{LeaseDuration: time.Minute})
	eventually(t, "the first is ready", patient.scheduler.Ready)
	begun := make(chan struct{}, 100)
	var ran atomic.Int64
	w := durable.NewWorker()
	durable.Activity(w, "slow", func(ctx context.Context, _ int) (int, error) {
		ran.Add(1)
		begun <- struct{}{}
		select {
		case <-ctx.Done():
		case <-time.After(5 * time.Second):
		}
		return 7, ctx.Err()
	})
	patient.serve(w)
	id := patient.start("slow", "0")
	<-begun
	hasty := on(t, store, scheduler.Options{LeaseDuration: 900 * time.Millisecond})
	eventually(t, "the second is ready", hasty.scheduler.Ready)
	hasty.ends(id, 20*time.Second)
	if n := ran.Load(); n != 1 {
		t.Errorf("the activity ran %d times: a scheduler that lives was taken for dead by the other's measure", n)
	}
}

// onceLost loses the answer of one commit that wanted matches.
type onceLost struct {
	db.Store
	wanted func(*workflow.Change) bool
	lost   atomic.Bool
}

func (o *onceLost) Commit(ctx context.Context, need workflow.Need, decide func(*workflow.Loaded) (*workflow.Change, error)) (db.Saved, error) {
	match := false
	saved, err := o.Store.Commit(ctx, need, func(l *workflow.Loaded) (*workflow.Change, error) {
		c, err := decide(l)
		match = err == nil && o.wanted(c)
		return c, err
	})
	if err == nil && match && o.lost.CompareAndSwap(false, true) {
		return db.Saved{}, db.ErrUnknown
	}
	return saved, err
}

func handsATurnOver(c *workflow.Change) bool {
	for _, h := range c.Handed {
		if h.Task.Kind == workflow.KindOrchestrator && !h.Fresh {
			return true
		}
	}
	return false
}

func TestTurnHandedOverByALostCommitGoesOnSoon(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"continue as new", "signal"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			store := openStore(t, testenv.SQLite(t))
			s := on(t, &onceLost{Store: store, wanted: handsATurnOver}, scheduler.Options{LeaseDuration: 5 * time.Minute})
			waiting := make(chan struct{}, 10)
			orchestrator := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var turn struct {
					Execution struct{ Run int }
					History   []struct{ Status string }
				}
				_ = json.NewDecoder(r.Body).Decode(&turn)
				w.Header().Set("Stent-Protocol", "1")
				w.Header().Set("Content-Type", "application/json")
				answer := `{"commands": [], "outcome": {"completed": 5}}`
				switch {
				case how == "continue as new" && turn.Execution.Run == 0:
					answer = `{"commands": [], "outcome": {"continue_as_new": {"input": 1}}}`
				case how == "signal" && len(turn.History) == 0:
					answer = `{"commands": [{"key": "w", "op": "wait_signal", "name": "go"}], "await": "w", "outcome": null}`
					waiting <- struct{}{}
				}
				_, _ = io.WriteString(w, answer)
			})
			server := httptest.NewServer(orchestrator)
			t.Cleanup(server.Close)
			s.register("o", "orchestrator", server.URL)
			id := s.start("o", "0")
			if how == "signal" {
				<-waiting
				eventually(t, "the wait", func() bool {
					view, err := s.engine.Execution(t.Context(), id)
					return err == nil && len(view.Progress) == 1
				})
				_, err := s.engine.Signal(t.Context(), id, "go", nil, "")
				t.Log("signal gave", err)
			}
			if !s.ends(id, 20*time.Second) {
				t.Fatalf("the turn is held, and its scheduler does not know of it, 20 s (200 polling intervals) after the commit")
			}
		})
	}
}

func TestLaneOfPausedExecutionsStarvesNoOther(t *testing.T) {
	t.Parallel()
	s := setup(t, scheduler.Options{Concurrency: 1}, nil)
	w := durable.NewWorker()
	durable.Activity(w, "a", func(context.Context, int) (int, error) { return 1, nil })
	durable.Activity(w, "b", func(context.Context, int) (int, error) { return 2, nil })
	s.serve(w)
	later := func(function string, delay time.Duration) workflow.ID { // so that it is claimed, not handed over
		started, err := s.engine.Start(t.Context(), engine.StartRequest{Function: function, Input: json.RawMessage("0"), Delay: delay})
		if err != nil {
			t.Fatal(err)
		}
		return started.Execution.ID
	}
	if err := s.engine.Pause(t.Context(), later("a", 300*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if id := later("b", 600*time.Millisecond); !s.ends(id, 15*time.Second) {
		t.Fatal("a due task of one function is not claimed because an execution of another is paused")
	}
}

// heavy is a store that cannot load the journals of one execution.
type heavy struct {
	db.Store
	poison atomic.Pointer[workflow.ID]
}

func (h *heavy) Turns(ctx context.Context, tasks []workflow.ID) ([]db.Turn, error) {
	turns, err := h.Store.Turns(ctx, tasks)
	for _, turn := range turns {
		if p := h.poison.Load(); p != nil && turn.Execution.ID == *p {
			return nil, fmt.Errorf("loading turns: %w: statement timeout", db.ErrUnavailable)
		}
	}
	return turns, err
}

func TestJournalThatCannotBeLoadedHoldsUpNoOtherTurn(t *testing.T) {
	t.Parallel()
	h := &heavy{}
	s := setup(t, scheduler.Options{}, func(under db.Store) db.Store { h.Store = under; return h })
	w, _ := counting()
	s.serve(w)
	later := func(delay time.Duration) workflow.ID { // claimed, so that its journal is loaded
		started, err := s.engine.Start(t.Context(), engine.StartRequest{Function: "five", Input: json.RawMessage("0"), Delay: delay})
		if err != nil {
			t.Fatal(err)
		}
		return started.Execution.ID
	}
	poison := later(300 * time.Millisecond)
	h.poison.Store(&poison)
	if id := later(600 * time.Millisecond); !s.ends(id, 15*time.Second) {
		t.Fatal("no turn of this scheduler is delivered any more")
	}
}

// pg adds a parameter to a database URL.
func pg(t *testing.T, parameters ...string) string {
	t.Helper()
	u, err := url.Parse(testenv.Postgres(t, testenv.Relaxed()))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for i := 0; i < len(parameters); i += 2 {
		q.Set(parameters[i], parameters[i+1])
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// A turn whose commands take the database longer than a statement may last must
// not stop what else there is to commit.
func TestTurnTooLargeToStoreHoldsUpNothingElse(t *testing.T) {
	t.Parallel()
	s := on(t, openStore(t, pg(t, "statement_timeout", "500ms")), scheduler.Options{DrainTimeout: time.Second})
	items := strings.TrimSuffix(strings.Repeat("1,", 100_000), ",")
	wide := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Stent-Protocol", "1")
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"commands": [{"key": "m", "op": "map", "name": "x", "inputs": [%s]}], "await": "m", "outcome": null}`, items)
	}))
	t.Cleanup(wide.Close)
	s.register("wide", "orchestrator", wide.URL)
	w, _ := counting()
	s.serve(w)
	s.start("wide", "0")
	<-time.After(3 * time.Second)
	done := make(chan error, 1)
	go func() {
		if !s.ends(s.start("five", "0"), 30*time.Second) {
			done <- errors.New("it does not go on")
			return
		}
		done <- nil
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("another execution: %v", err)
		}
	case <-time.After(time.Minute):
		t.Error("another execution cannot even be started: nothing else is committed any more")
	}
}

func TestAnswerThatTheDatabaseRefusesIsAFailedTurn(t *testing.T) {
	t.Parallel()
	s := on(t, openStore(t, pg(t)), scheduler.Options{LeaseDuration: time.Second})
	bad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Stent-Protocol", "1")
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"commands": [], "await": "a\u0000b", "outcome": null}`)
	}))
	t.Cleanup(bad.Close)
	s.register("bad", "orchestrator", bad.URL)
	id := s.start("bad", "0")
	for deadline := time.Now().Add(8 * time.Second); time.Now().Before(deadline); <-time.After(100 * time.Millisecond) {
		view, err := s.engine.Execution(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if task, attempts, err := s.engine.Task(t.Context(), view.RootTask); err == nil && len(attempts) > 0 && task.Error != nil {
			return
		}
	}
	t.Fatal("the turn is delivered again and again, and no failure is ever recorded")
}

// freezer is a proxy that can stop to carry what its connections carry, without closing them.
type freezer struct {
	net.Listener
	to     string
	mu     sync.Mutex
	frozen chan struct{} // of the connections that are made now
	conns  []net.Conn
}

func freeze(t *testing.T, to string) *freezer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &freezer{Listener: l, to: to, frozen: make(chan struct{})}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				_ = in.Close()
				continue
			}
			f.mu.Lock()
			frozen := f.frozen
			f.conns = append(f.conns, in, out)
			f.mu.Unlock()
			done.Go(func() { carry(in, out, frozen) })
			done.Go(func() { carry(out, in, frozen) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		f.mu.Lock()
		for _, c := range f.conns {
			_ = c.Close()
		}
		f.mu.Unlock()
		done.Wait()
	})
	return f
}

func carry(from, to net.Conn, frozen <-chan struct{}) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		select {
		case <-frozen:
			if err == nil {
				continue // swallowed
			}
			return
		default:
		}
		if err != nil {
			_ = to.Close()
			return
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// now freezes the connections that there are; new ones work.
func (f *freezer) now() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.frozen)
	f.frozen = make(chan struct{})
}

func TestConnectionsThatWentSilentStopNothingForLong(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(pg(t))
	if err != nil {
		t.Fatal(err)
	}
	proxy := freeze(t, u.Host)
	u.Host = proxy.Addr().String()
	s := on(t, openStore(t, u.String()), scheduler.Options{LeaseDuration: 3 * time.Second})
	w, _ := counting()
	s.serve(w)
	s.wait(s.start("five", "0"))
	proxy.now()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
	defer cancel()
	started := make(chan error, 1)
	go func() {
		for {
			e, err := s.engine.Start(ctx, engine.StartRequest{Function: "five", Input: json.RawMessage("0")})
			if errors.Is(err, engine.ErrUnavailable) && ctx.Err() == nil {
				continue
			}
			if err == nil && !s.ends(e.Execution.ID, 20*time.Second) {
				err = errors.New("the execution does not go on")
			}
			started <- err
			return
		}
	}()
	select {
	case err := <-started:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(60 * time.Second):
		t.Error("nothing was committed for a minute, though the database answers on new connections; no call ended, whatever its context said")
		schedulers := 0
		fresh := openStore(t, strings.Replace(u.String(), u.Host, proxy.to, 1))
		if list, err := fresh.Schedulers(t.Context()); err == nil {
			for _, x := range list {
				t.Logf("scheduler %s is %s, seen %s ago", x.ID, x.State, time.Since(x.SeenAt))
				schedulers++
			}
		}
		proxy.mu.Lock()
		for _, c := range proxy.conns {
			_ = c.Close() // so that the test can end
		}
		proxy.mu.Unlock()
	}
}
