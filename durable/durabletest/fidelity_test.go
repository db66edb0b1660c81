package durabletest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/durable/durabletest"
	"github.com/stent-dev/stent/internal/apptest"
	"github.com/stent-dev/stent/internal/wire"
)

// system is a Stent, real or of this package, that runs the same programs.
type system struct {
	*testing.T
	client  *durable.Client
	turns   *recording
	reports chan delivered
	real    bool
}

// scenarios say what is done to each program; nil: nothing, until it ends.
var scenarios = map[string]struct {
	input   int
	options []durable.SubmitOption
	play    func(s *system, id string)
}{
	"sequence": {input: 7},
	"retried":  {input: 2},
	"failing":  {input: 3},
	"recorded": {input: 5, options: []durable.SubmitOption{durable.Tags("a", "b"), durable.Delay(tick)}},
	"maps":     {input: 5},
	"counted":  {input: 3},
	"sharing":  {},
	"keyed":    {input: 3},
	"replayed": {play: func(s *system, id string) {
		x, err := s.client.Wait(s.Context(), id)
		s.check(err)
		if x.State != durable.StateFailed {
			s.Errorf("it is %s before the replay", x.State)
		}
		for letter, err := range s.client.DeadLetters(s.Context(), durable.DeadLetterFilter{Functions: []string{"heals"}}) {
			s.check(err)
			s.check(s.client.Replay(s.Context(), letter.TaskID, durable.ReplayOptions{}))
		}
	}},
	"restarted": {input: 2, play: func(s *system, id string) {
		_, err := s.client.Wait(s.Context(), id)
		s.check(err)
		s.check(s.client.RestartFrom(s.Context(), id, "serial#1"))
		_, err = s.client.Wait(s.Context(), id)
		s.check(err)
		s.check(s.client.Restart(s.Context(), id))
	}},
	"paused": {play: func(s *system, id string) {
		s.reach(id, "go#0")
		s.check(s.client.Pause(s.Context(), id))
		s.signal(id, "go", 1, durable.IdempotencyKey("one"))
		s.signal(id, "go", 1, durable.IdempotencyKey("one"))
		s.check(s.client.Resume(s.Context(), id))
	}},
	"race":           {},
	"first success":  {},
	"all or failure": {},
	"parent":         {input: 1},
	"again":          {play: func(s *system, id string) { s.signal(id, "go", 1) }},
	"panicking":      {input: 1},
	"endless":        {options: []durable.SubmitOption{durable.MaxDuration(2 * tick)}},
	"signals": {play: func(s *system, id string) {
		s.signal(id, "other", "kept")
		s.signal(id, "go", "first")
		s.reach(id, "go#1")
		s.signal(id, "go", "second")
	}},
	"reported": {input: 1, play: func(s *system, id string) {
		d := <-s.reports
		s.check(s.client.Complete(s.Context(), d.task, d.token, 42))
		s.reach(id, "async#1")
		d = <-s.reports
		s.check(s.client.Fail(s.Context(), d.task, d.token, durable.Terminal(durable.Errorf("reported", "it broke"))))
	}},
	"saga": {play: func(s *system, id string) {
		s.reach(id, "sleep#0")
		s.check(s.client.Cancel(s.Context(), id, durable.Graceful))
	}},
	"parent of saga": {play: func(s *system, id string) {
		s.reach(id, "sleep#0")
		s.check(s.client.Cancel(s.Context(), id, durable.Graceful))
	}},
	"nondeterministic": {play: func(s *system, id string) {
		s.until(id, func(x *durable.Execution) bool { return x.State == durable.StateBlocked })
		x, err := s.client.Get(s.Context(), id)
		s.check(err)
		if x.Error == nil || !strings.Contains(x.Error.Message, `step "step" was call "echo"`) {
			s.Errorf("the mismatch shows as %v", x.Error)
		}
		s.check(s.client.Cancel(s.Context(), id, durable.Force))
	}},
}

// What happens in an Env happens in the service too, and the other way round.
func TestEnvDoesAsTheServiceDoes(t *testing.T) {
	t.Parallel()
	service := serviceSystem(t)
	for function, scenario := range scenarios {
		t.Run(function, func(t *testing.T) {
			t.Parallel()
			var told []string
			for _, s := range []*system{envSystem(t), service.in(t)} {
				x, err := s.client.Dispatch(t.Context(), function, scenario.input, scenario.options...)
				s.check(err)
				if scenario.play != nil {
					scenario.play(s, x.ID)
				}
				x, err = s.client.Wait(t.Context(), x.ID)
				s.check(err)
				told = append(told, s.turns.tell(x))
			}
			if told[0] != told[1] {
				t.Errorf("the Env tells\n%s\nthe service\n%s", told[0], told[1])
			}
		})
	}
}

// in gives the system for use by a test within.
func (s *system) in(t *testing.T) *system {
	inner := *s
	inner.T = t
	return &inner
}

func (s *system) check(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *system) signal(id, name string, payload any, options ...durable.SignalOption) {
	s.Helper()
	_, err := s.client.Signal(s.Context(), id, name, payload, options...)
	s.check(err)
}

// reach waits until a step is at work; in an Env it is if it ever will be.
func (s *system) reach(id, step string) {
	s.Helper()
	if !s.real {
		return
	}
	s.until(id, func(x *durable.Execution) bool {
		return slices.ContainsFunc(x.Progress, func(p durable.Progress) bool {
			return p.Step == step && (p.Status == "waiting" || p.Status == "running")
		})
	})
}

// until reads an execution until it is as wanted.
func (s *system) until(id string, wanted func(*durable.Execution) bool) {
	s.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for range 3000 {
		x, err := s.client.Get(s.Context(), id)
		s.check(err)
		if wanted(x) {
			return
		}
		<-ticker.C
	}
	s.Fatalf("execution %s did not come to what was waited for", id)
}

func envSystem(t *testing.T) *system {
	s := &system{T: t, turns: &recording{}, reports: make(chan delivered, 2)}
	s.client = durabletest.New(t, s.turns.record(t, programs(s.reports))).Client()
	return s
}

// serviceSystem is Stent on SQLite, with a worker over HTTP.
func serviceSystem(t *testing.T) *system {
	s := &system{T: t, real: true, turns: &recording{}, reports: make(chan delivered, 2)}
	worker := httptest.NewServer(s.turns.record(t, programs(s.reports)))
	t.Cleanup(worker.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	s.client = durable.NewClient(apptest.Dev(t), durable.HTTPClient(&http.Client{Transport: transport}))
	_, err := s.client.RegisterWorker(t.Context(), worker.URL, "")
	s.check(err)
	return s
}

// recording keeps the last turn that each orchestrator was sent.
type recording struct {
	mu    sync.Mutex
	turns []wire.Turn // the latest of each task, in the order of their first
}

// record passes requests on to a worker, and closes it when the test ends.
func (r *recording) record(t *testing.T, worker *durable.Worker) http.Handler {
	t.Cleanup(worker.Close)
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		body, err := io.ReadAll(request.Body)
		var turn wire.Turn
		if err == nil && json.Unmarshal(body, &turn) == nil && turn.Type == "turn" {
			r.keep(turn)
		}
		request.Body = io.NopCloser(bytes.NewReader(body))
		worker.ServeHTTP(w, request)
	})
}

func (r *recording) keep(turn wire.Turn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.IndexFunc(r.turns, func(known wire.Turn) bool { return known.Task.ID == turn.Task.ID }); i >= 0 {
		r.turns[i] = turn
		return
	}
	r.turns = append(r.turns, turn)
}

var uuid = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// tell writes down all of an execution that does not depend on when and where it ran.
func (r *recording) tell(x *durable.Execution) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, result %s, error %s, %d retries, counters %s, state %s, tags %v\n",
		x.Function, x.State, x.Result, asJSON(x.Error), x.Retries, asJSON(x.Counters), asJSON(x.CustomState), x.Tags)
	if x.Function == "restarted" { // the steps of its runs stand in the order of their times, which is that of a clock
		slices.SortFunc(x.Progress, func(a, b durable.Progress) int { return strings.Compare(a.Step, b.Step) })
	}
	for _, p := range x.Progress {
		fmt.Fprintf(&b, "  %s %s\n", p.Step, p.Status)
	}
	for _, turn := range r.turns {
		if turn.Execution.ID != x.ID {
			continue
		}
		fmt.Fprintf(&b, "%s, run %d, cancel %v, input %s, counters %s, state %s\n", turn.Execution.Function, turn.Execution.Run,
			turn.CancelRequested, turn.Input, asJSON(turn.Counters), asJSON(turn.CustomState))
		for _, s := range turn.History {
			if !s.Settled() {
				s.Status = "open" // it may be on its way or not
			}
			fmt.Fprintf(&b, "  %s\n", asJSON(s))
		}
	}
	return uuid.ReplaceAllString(b.String(), "ID")
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
