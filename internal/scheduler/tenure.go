package scheduler

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/telemetry"
	"github.com/stent-dev/stent/internal/wake"
	"github.com/stent-dev/stent/internal/workflow"
)

// errExpired ends a tenure whose leases count no more.
var errExpired = errors.New("the lease of the scheduler has run out")

// tenure is one stretch of work under one id. It is the engine's lessee.
type tenure struct {
	*Scheduler
	id      workflow.ID
	host    string
	started time.Time
	ledger  ledger

	poke      chan struct{} // something may be due, or there is room again
	reconcile chan struct{} // there may be leases that the ledger does not know
	expire    context.CancelCauseFunc
	work      context.Context // of deliveries; ends when the tenure must let go
	loader    loader
	wg        sync.WaitGroup

	mu    sync.Mutex
	state engine.SchedulerState
	alarm *time.Timer // pokes when the next task known of becomes due
	until time.Time   // when it does
}

func newTenure(s *Scheduler, host string) *tenure {
	t := &tenure{
		Scheduler: s, id: engine.NewID(), host: host, started: time.Now(), state: engine.SchedulerStarting,
		poke: make(chan struct{}, 1), reconcile: make(chan struct{}, 1),
	}
	t.ledger.capacity = s.options.Concurrency
	t.ledger.entries, t.ledger.per = map[workflow.ID]*entry{}, map[workflow.ID]int{}
	t.loader.ready = make(chan struct{}, 1)
	return t
}

func (t *tenure) describe() engine.Scheduler {
	t.mu.Lock()
	state := t.state
	t.mu.Unlock()
	return engine.Scheduler{
		ID: t.id, Host: t.host, State: state, Queues: t.options.Queues, Tags: t.options.Tags,
		Capacity: t.options.Concurrency, InFlight: t.ledger.count(), StartedAt: t.started, Lease: t.options.LeaseDuration,
	}
}

// run works until ctx ends and drains, or until the lease has run out.
func (t *tenure) run(ctx context.Context) error {
	if err := t.engine.Join(ctx, t.describe()); err != nil {
		return err
	}
	work, expire := context.WithCancelCause(context.WithoutCancel(ctx))
	defer expire(nil)
	t.work, t.expire = work, expire
	t.alarm = time.AfterFunc(time.Hour, t.awake)
	defer t.alarm.Stop()
	t.engine.Attach(t.id, t)
	defer t.engine.Attach(t.id, nil)
	unsubscribe := t.bus.Subscribe(t.hint)
	defer unsubscribe()
	t.tenure.Store(t)
	if err := t.enter(ctx, engine.SchedulerReady); errors.Is(err, engine.ErrExpired) {
		t.Expired()
	}
	t.log(ctx, "the scheduler takes tasks")

	loops, stopLoops := context.WithCancel(work)
	defer stopLoops()
	for _, loop := range []func(context.Context){t.beat, t.recover, t.reconciling, t.loading, t.cleaning} {
		t.wg.Add(1)
		go func() { defer t.wg.Done(); loop(loops) }()
	}
	dispatching, stopDispatch := context.WithCancel(work)
	defer stopDispatch()
	t.wg.Add(1)
	go func() { defer t.wg.Done(); t.dispatch(dispatching) }()

	select {
	case <-work.Done():
	case <-ctx.Done():
		stopDispatch()
		t.drain(context.WithoutCancel(ctx))
	}
	cause := context.Cause(work)
	if errors.Is(cause, errExpired) {
		t.stand(engine.SchedulerStarting) // as the next tenure
		t.options.Metrics.LeasesLost(t.ledger.count())
	}
	expire(nil)
	stopLoops()
	t.wg.Wait()
	if errors.Is(cause, errExpired) {
		return cause
	}
	t.engine.Attach(t.id, nil)
	t.giveBack(context.WithoutCancel(ctx))
	return t.engine.Leave(context.WithoutCancel(ctx), t.id)
}

func (t *tenure) stand(state engine.SchedulerState) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.state = state
}

// enter says, here and in the database, where the scheduler stands now. What the
// database could not be told, the next heartbeat tells it.
func (t *tenure) enter(ctx context.Context, state engine.SchedulerState) error {
	t.stand(state)
	ctx, cancel := context.WithTimeout(ctx, t.options.LeaseDuration/3)
	defer cancel()
	err := t.engine.Beat(ctx, t.describe())
	if err != nil {
		t.options.Log.WarnContext(ctx, "the scheduler could not tell its state", logState, string(state), telemetry.LogError, err)
	}
	return err
}

// drain lets what is in flight finish within the time for that, but for what it
// takes to give the rest back.
func (t *tenure) drain(ctx context.Context) {
	t.ledger.close()
	t.log(ctx, "the scheduler drains", logInFlight, t.ledger.count())
	_ = t.enter(ctx, engine.SchedulerDraining) // it was logged
	timeout := time.NewTimer(t.options.DrainTimeout - min(t.options.DrainTimeout/10, giveBackTime/5))
	defer timeout.Stop()
	select {
	case <-t.ledger.empty():
	case <-timeout.C:
	case <-t.work.Done():
	}
}

// giveBack releases what the database still has for this scheduler.
func (t *tenure) giveBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, giveBackTime)
	defer cancel()
	leases, err := t.engine.Held(ctx, t.id)
	if err != nil {
		t.options.Log.WarnContext(ctx, "what is in flight could not be given back; it is taken over when the lease has run out", telemetry.LogError, err)
		return
	}
	t.release(ctx, leases)
	t.log(ctx, "the scheduler stops", logGivenBack, len(leases))
}

// log tells where this tenure stands, by the id that GET /v1/schedulers shows.
func (t *tenure) log(ctx context.Context, message string, more ...any) {
	t.options.Log.InfoContext(ctx, message, append([]any{telemetry.LogScheduler, t.id.String()}, more...)...)
}

const giveBackTime = 10 * time.Second

func (t *tenure) release(ctx context.Context, leases []workflow.Lease) {
	var wg sync.WaitGroup
	for _, l := range leases {
		wg.Add(1)
		go func() {
			defer wg.Done()
			_, _ = t.submit(ctx, &entry{lease: l, ctx: ctx}, workflow.Released{Lease: l}) // it was logged
		}()
	}
	wg.Wait()
}

// submit commits what became of a lease; a refusal means that somebody else has the
// task by now. What the database cannot store becomes a failure that says so.
func (t *tenure) submit(ctx context.Context, e *entry, event workflow.Event) (workflow.Verdict, error) {
	l := e.lease
	verdict, err := t.engine.Submit(ctx, l.Execution, event)
	if errors.Is(err, engine.ErrCannotStore) {
		failure := workflow.Error{Type: workflow.ErrorNotStorable, Message: "what the handler answered could not be stored; see the scheduler's log"}
		switch event.(type) {
		case workflow.TurnAnswered:
			_, err = t.engine.Submit(ctx, l.Execution, workflow.TurnFailed{Lease: l, Error: failure, StatusCode: 200})
		case workflow.Succeeded, workflow.Failed:
			_, err = t.engine.Submit(ctx, l.Execution, workflow.Failed{Lease: l, Error: failure, StatusCode: 200})
		}
	}
	switch {
	case errors.Is(err, workflow.ErrLeaseLost), errors.Is(err, workflow.ErrNotFound): // its execution may have ended, and been cleaned away
		t.options.Metrics.AnswerRefused()
	case err != nil && ctx.Err() == nil:
		t.Reconcile() // so that it is not held for nothing
		t.options.Log.LogAttrs(e.ctx, slog.LevelWarn, "what became of a lease could not be stored", e.about(slog.Any(telemetry.LogError, err))...)
	}
	return verdict, err
}

// beat renews the leases three times in the time that they last. When it did not
// succeed for that long, the tenure ends itself.
func (t *tenure) beat(ctx context.Context) {
	ticker := time.NewTicker(t.options.LeaseDuration / 3)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		began := time.Now()
		attempt, cancel := context.WithDeadline(ctx, last.Add(t.options.LeaseDuration*9/10))
		err := t.engine.Beat(attempt, t.describe())
		cancel()
		t.options.Metrics.LeasesRenewed(err)
		switch {
		case err == nil:
			last = began
		case errors.Is(err, engine.ErrExpired), time.Since(last) > t.options.LeaseDuration*9/10:
			t.Expired()
			return
		case ctx.Err() == nil:
			t.options.Log.WarnContext(ctx, "a heartbeat could not be stored", telemetry.LogError, err)
		}
	}
}

// recover takes over what dead schedulers held.
func (t *tenure) recover(ctx context.Context) {
	ticker := time.NewTicker(t.options.LeaseDuration / 3)
	defer ticker.Stop()
	for {
		taken, err := t.engine.Recover(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			t.options.Log.WarnContext(ctx, "what dead schedulers held could not be taken over", telemetry.LogError, err)
		case taken > 0:
			t.options.Metrics.LeasesTakenOver(taken)
			t.options.Log.InfoContext(ctx, "took over what a dead scheduler held", "tasks", taken)
			t.awake()
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// reconciling compares the ledger with the database now and then, and after a
// commit of which nobody knows whether it was stored: leases that only the
// database knows are given back, holds that are not needed end.
func (t *tenure) reconciling(ctx context.Context) {
	ticker := time.NewTicker(t.options.LeaseDuration)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-t.reconcile:
		}
		lost, err := t.engine.ForgetIdle(ctx, t.ledger.busy, t.ledger.knows)
		if err != nil && ctx.Err() == nil {
			t.options.Log.WarnContext(ctx, "leases could not be compared with the database", telemetry.LogError, err)
			time.AfterFunc(t.options.PollInterval, t.Reconcile)
		}
		t.release(ctx, lost)
	}
}

func (t *tenure) hint(h wake.Hint) {
	if len(h.Cancelled) > 0 {
		t.Abort(engine.Cancelled(h.Cancelled))
	}
	if h.All || h.Functions || len(h.Queues) > 0 {
		t.awake()
	}
}

// awake makes the dispatch loop look.
func (t *tenure) awake() {
	select {
	case t.poke <- struct{}{}:
	default:
	}
}
