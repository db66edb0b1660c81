package durable_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/stent-dev/stent/durable"
	"github.com/stent-dev/stent/internal/wire"
)

// instruction is one statement of a random orchestrator. What it means for its
// numbers is taken modulo what there is, so that every program is valid.
type instruction struct {
	Kind  int
	A, B  int
	Block []instruction // of a branch
}

const (
	doStart = iota
	doTimer
	doSignal
	doMap
	doDispatch
	doGet
	doAny
	doAll
	doAllOrFailure
	doFirstSuccess
	doNested
	doLocal
	doLocalError
	doNow
	doRandom
	doCount
	doSetState
	doReadState
	doVersion
	doCancel
	doCancelRequested
	doPoll
	doBranch
	kinds
)

func instructions(depth int) *rapid.Generator[[]instruction] {
	one := rapid.Custom(func(t *rapid.T) instruction {
		in := instruction{
			Kind: rapid.IntRange(0, kinds-1).Draw(t, "kind"),
			A:    rapid.IntRange(0, 7).Draw(t, "a"),
			B:    rapid.IntRange(0, 7).Draw(t, "b"),
		}
		if in.Kind == doBranch && depth > 0 {
			in.Block = instructions(depth-1).Draw(t, "block")
		}
		return in
	})
	return rapid.SliceOfN(one, 1, 14)
}

// machine interprets a program with everything that an orchestrator may do, and
// writes down all that it sees.
type machine struct {
	ctx     *durable.Context
	local   func() int
	futures []*durable.Future[int]
	others  []durable.Awaitable
	trace   []string
}

func (m *machine) note(format string, args ...any) {
	m.trace = append(m.trace, fmt.Sprintf(format, args...))
}

// some picks up to three different futures.
func (m *machine) some(a, b int) []durable.Awaitable {
	all := append(durable.Each(m.futures), m.others...)
	if len(all) == 0 {
		return nil
	}
	out := []durable.Awaitable{}
	for i := range 1 + b%3 {
		if i < len(all) {
			out = append(out, all[(a+i)%len(all)])
		}
	}
	return out
}

func (m *machine) run(program []instruction) {
	for _, in := range program {
		switch {
		case in.Kind <= doDispatch:
			m.start(in)
		case in.Kind <= doNested:
			m.await(in)
		case in.Kind < doCancel:
			m.immediate(in)
		default:
			m.control(in)
		}
	}
}

func (m *machine) start(in instruction) {
	name := fmt.Sprintf("f%d", in.A%3)
	switch in.Kind {
	case doStart:
		m.futures = append(m.futures, durable.Start[int](m.ctx, name, in.B))
	case doTimer:
		m.others = append(m.others, m.ctx.Timer(1))
	case doSignal:
		m.futures = append(m.futures, durable.NextSignal[int](m.ctx, "s"+name, durable.NoTimeout))
	case doMap:
		m.others = append(m.others, durable.StartMap[int](m.ctx, "m"+name, []int{in.A, in.B}))
	case doDispatch:
		m.others = append(m.others, durable.Dispatch(m.ctx, "d"+name, in.B))
	}
}

func (m *machine) await(in instruction) {
	some := m.some(in.A, in.B)
	if len(some) == 0 {
		return
	}
	switch in.Kind {
	case doGet:
		if len(m.futures) > 0 {
			v, err := m.futures[in.A%len(m.futures)].Get()
			m.note("get %d %v", v, err)
		}
	case doAny:
		m.note("any %d", durable.Any(m.ctx, some...))
	case doAll:
		m.note("all %v", durable.All(m.ctx, some...))
	case doAllOrFailure:
		m.note("all or failure %v", durable.AllOrFailure(m.ctx, some...))
	case doFirstSuccess:
		i, err := durable.FirstSuccess(m.ctx, some...)
		m.note("first success %d %v", i, err)
	case doNested:
		others := m.some(in.B, in.A)
		i := durable.Any(m.ctx, durable.AllOf(some...), durable.AllOrFailureOf(others...),
			durable.FirstSuccessOf(some[0], durable.AnyOf(others...)))
		m.note("nested %d", i)
	}
}

func (m *machine) immediate(in instruction) {
	switch in.Kind {
	case doLocal:
		v, err := durable.Local(m.ctx, "l", func() (int, error) { return m.local(), nil })
		m.note("local %d %v", v, err)
	case doLocalError:
		_, err := durable.Local(m.ctx, "e", func() (int, error) { return 0, fmt.Errorf("no %d", m.local()) })
		m.note("local %v", err)
	case doNow:
		m.note("now %v", m.ctx.Now())
	case doRandom:
		m.note("random %d %s", m.ctx.Rand().IntN(1000), m.ctx.NewID())
	case doCount:
		m.ctx.Count("c", int64(in.A))
	case doSetState:
		m.ctx.SetState("k", in.A)
	case doReadState:
		v, ok, err := durable.GetState[int](m.ctx, "k")
		m.note("state %d %v %v, counter %d", v, ok, err, m.ctx.Counter("c"))
	case doVersion:
		m.note("version %d", durable.Version(m.ctx, fmt.Sprintf("change%d", in.A), 1+in.A))
	}
}

func (m *machine) control(in instruction) {
	switch in.Kind {
	case doCancel:
		if len(m.futures) > 0 {
			m.futures[in.A%len(m.futures)].Cancel()
		}
	case doCancelRequested:
		m.note("cancel requested %v", m.ctx.CancelRequested())
	case doPoll:
		if len(m.futures) > 0 {
			m.note("settled %v", m.futures[in.A%len(m.futures)].Settled())
		}
	case doBranch:
		if len(m.trace) > 0 && len(m.trace[len(m.trace)-1])%2 == in.A%2 {
			m.run(in.Block)
		}
	}
}

func programWorker(program []instruction, local func() int, cache int) *durable.Worker {
	w := durable.NewWorker(durable.CacheSize(cache), durable.Logger(discard))
	durable.Orchestrator(w, "program", func(ctx *durable.Context, _ int) ([]string, error) {
		m := &machine{ctx: ctx, local: local}
		m.run(program)
		if len(m.trace)%4 == 3 {
			return nil, errors.New(fmt.Sprint(m.trace))
		}
		return m.trace, nil
	})
	return w
}

// settleSome settles open steps at random until the next turn is due, and some more.
func settleSome(t *rapid.T, s *service) {
	if s.turn.CancelRequested || rapid.IntRange(0, 30).Draw(t, "cancel") > 0 {
		for keys := s.open(); len(keys) > 0; keys = s.open() {
			if s.due() && rapid.Bool().Draw(t, "enough") {
				return
			}
			settleOne(t, s, rapid.SampledFrom(keys).Draw(t, "key"))
		}
		return
	}
	s.requestCancel()
}

func settleOne(t *rapid.T, s *service, key string) {
	switch {
	case s.steps[key].Op == wire.OpMap:
		s.complete(key, []int{1, 2})
	case rapid.IntRange(0, 3).Draw(t, "failure") == 0:
		s.fail(key, "bad_luck", "it failed")
	default:
		s.complete(key, rapid.IntRange(0, 9).Draw(t, "value"))
	}
}

func TestCachedExecutionAndFullReplayAnswerAlikeAtEveryTurn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		program := instructions(2).Draw(t, "program")
		constant := func() int { return 7 }
		cached := programWorker(program, constant, 10)
		defer cached.Close()
		replaying := programWorker(program, constant, 0)
		defer replaying.Close()
		s := newService("program", 0)
		for s.outcome == nil {
			want, err := s.try(replaying)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.try(cached)
			if err != nil {
				t.Fatal(err)
			}
			if g, w := string(asJSON(got)), string(asJSON(want)); g != w {
				t.Fatalf("cached: %s\nreplay: %s\nturn: %s", g, w, asJSON(s.request()))
			}
			s.store(got)
			if s.blocked != "" {
				t.Fatal("blocked: " + s.blocked)
			}
			if s.outcome == nil {
				settleSome(t, s)
			}
		}
	})
}

func TestLostAnswersAndOtherWorkersChangeNothingThatWasStored(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		program := instructions(2).Draw(t, "program")
		var count atomic.Int64 // each run of a Local gives another value
		local := func() int { return int(count.Add(1)) }
		workers := []*durable.Worker{
			programWorker(program, local, 10), programWorker(program, local, 10), programWorker(program, local, 0),
		}
		for _, w := range workers {
			defer w.Close()
		}
		s := newService("program", 0)
		for s.outcome == nil {
			a, err := s.try(rapid.SampledFrom(workers).Draw(t, "worker"))
			if err != nil {
				t.Fatalf("%v\nturn: %s", err, asJSON(s.request()))
			}
			if rapid.IntRange(0, 2).Draw(t, "lost") == 0 {
				if keys := s.open(); len(keys) > 0 {
					settleOne(t, s, rapid.SampledFrom(keys).Draw(t, "late"))
				}
				continue // the answer is lost, and comes again with what happened meanwhile
			}
			if s.store(a); s.blocked != "" {
				t.Fatal("blocked: " + s.blocked)
			}
			if s.outcome == nil {
				settleSome(t, s)
			}
		}
		checkLastAnswer(t, s, programWorker(program, local, 0))
	})
}

// checkLastAnswer replays the finished execution from all that was stored: it
// must come to the same end, and have nothing to add.
func checkLastAnswer(t *rapid.T, s *service, w *durable.Worker) {
	defer w.Close()
	again, err := s.try(w)
	if err != nil {
		t.Fatal(err)
	}
	if len(again.Commands) > 0 {
		t.Fatalf("the replay commands %s", asJSON(again.Commands))
	}
	if got, want := string(asJSON(again.Outcome)), string(asJSON(s.outcome)); got != want {
		t.Fatalf("the replay ends with %s\nit had ended with %s", got, want)
	}
}
