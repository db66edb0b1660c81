package workflow

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDelayIsNeverNegativeAndNeverAboveTheMaximumWithJitter(t *testing.T) {
	t.Parallel()
	durations := rapid.OneOf(rapid.Int64(), rapid.SampledFrom([]int64{0, 1, -1, math.MaxInt64, math.MinInt64, int64(time.Second)}))
	factors := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, 1, 2, -1, math.Inf(1), math.Inf(-1), math.NaN(), math.MaxFloat64}))
	rapid.Check(t, func(rt *rapid.T) {
		p := RetryPolicy{
			InitialDelay: time.Duration(durations.Draw(rt, "initial")), BackoffFactor: factors.Draw(rt, "factor"),
			MaxDelay: time.Duration(durations.Draw(rt, "max")), Jitter: rapid.Float64Range(-1, 2).Draw(rt, "jitter"),
		}
		failures := rapid.OneOf(rapid.IntRange(-1, 100), rapid.Just(math.MaxInt)).Draw(rt, "failures")
		d := p.Delay(failures, rapid.Float64Range(0, math.Nextafter(1, 0)).Draw(rt, "random"))
		most := float64(max(p.MaxDelay, 0)) * (1 + min(max(p.Jitter, 0), 1))
		if d < 0 || float64(d) > most {
			rt.Fatalf("%v after %d failures gives %d, the most is %v", p, failures, d, most)
		}
	})
}

func TestDelayGrowsByTheFactorUpToTheMaximum(t *testing.T) {
	t.Parallel()
	p := RetryPolicy{InitialDelay: time.Second, BackoffFactor: 3, MaxDelay: 10 * time.Second, Jitter: 0.1}
	for i, want := range []time.Duration{1, 3, 9, 10, 10} {
		if got := p.Delay(i+1, 0.5); got != want*time.Second {
			t.Errorf("after %d failures: %v", i+1, got)
		}
	}
}

func TestActivityFailsWhenItsAttemptsAreUsedUp(t *testing.T) {
	s := tell(t)
	id := s.begin(key("a"), call("a", "poor"))
	s.do(failure(s.lease(id, "a"), "first"))
	s.wantTask(TaskPending, id, "a")
	s.pass(time.Minute)
	s.do(failure(s.lease(id, "a"), "second"))
	if a := s.wantTask(TaskFailed, id, "a"); a.Error.Type != "second" || a.Attempt != 2 || len(s.m.attempts) != 2 {
		t.Fatalf("%v after %d attempts, %d recorded", a.Error, a.Attempt, len(s.m.attempts))
	}
	if e := s.wantState(id, ExecutionRunning); e.Retries != 1 {
		t.Fatalf("%d retries", e.Retries)
	}
	s.wantTask(TaskPending, id)
}

func TestOnlyErrorsOfRetryForAreTriedAgain(t *testing.T) {
	s := tell(t)
	attempts := 5
	c := call("a", "echo")
	c.Options = &CallOptions{Retry: &RetryOverrides{MaxAttempts: &attempts, RetryFor: []string{"flood"}}}
	id := s.begin(key("a"), c)
	s.do(failure(s.lease(id, "a"), "flood"))
	s.wantTask(TaskPending, id, "a")
	s.pass(time.Minute)
	s.do(failure(s.lease(id, "a"), "fire"))
	s.wantTask(TaskFailed, id, "a")
}

func TestFailureThatIsNotRetryableIsFinal(t *testing.T) {
	s := tell(t)
	id := s.start("echo")
	s.do(Failed{Lease: s.lease(id), Error: Error{Type: "bad"}})
	s.wantState(id, ExecutionFailed)
}

func TestRetryAfterIsTheLeastWaitBeforeTheNextAttempt(t *testing.T) {
	s := tell(t)
	id := s.start("echo")
	policy := DefaultRetryPolicy()
	for i, wait := range []struct{ asked, want time.Duration }{
		{time.Hour, time.Hour},
		{policy.InitialDelay, policy.Delay(2, 0.5)},
	} {
		f := failure(s.lease(id), "busy")
		f.RetryAfter = wait.asked
		s.do(f)
		root := s.wantTask(TaskPending, id)
		if due := root.DueAt.Sub(s.m.now); due != wait.want || root.Failures != i+1 {
			t.Fatalf("asked for %v: due in %v, after %d failures", wait.asked, due, root.Failures)
		}
		s.pass(wait.want)
	}
}

func TestAcceptedAttemptFailsWhenItsTimeIsUp(t *testing.T) {
	s := tell(t)
	id := s.start("echo")
	s.do(Accepted{Lease: s.lease(id)})
	if due := s.wantTask(TaskRunning, id).DueAt.Sub(s.m.now); due != DefaultTimeout {
		t.Fatalf("the deadline is in %v", due)
	}
	s.pass(DefaultTimeout)
	s.do(Elapsed{Lease: s.lease(id)})
	root := s.wantTask(TaskPending, id)
	if root.Failures != 1 || root.Error.Type != ErrorTimeout {
		t.Fatalf("%d failures, %v", root.Failures, root.Error)
	}
}

func TestReportAfterAcceptedCompletesTheTask(t *testing.T) {
	s := tell(t)
	id := s.start("echo")
	l := s.lease(id)
	s.do(Accepted{Lease: l})
	s.do(done(l))
	s.wantState(id, ExecutionCompleted)
}

func TestReportMayComeBeforeTheAccepted(t *testing.T) {
	s := tell(t)
	id := s.start("echo")
	l := s.lease(id)
	s.do(done(l))
	if v := s.do(Accepted{Lease: l}); !v.Replayed {
		t.Fatal("it was applied")
	}
	s.wantState(id, ExecutionCompleted)
}

func TestHeartbeatsPutTheDeadlineOffButNotBeyondTheAttempts(t *testing.T) {
	s := tell(t)
	id := s.start("slow") // 30 s an attempt, 15 s of silence
	started := s.m.now
	l := s.lease(id)
	s.do(Accepted{Lease: l})
	for _, want := range []time.Duration{15, 25, 30, 30} {
		if due := s.task(id).DueAt.Sub(started); due != want*time.Second {
			t.Fatalf("the deadline is %v after the start, want %v", due, want*time.Second)
		}
		s.pass(10 * time.Second)
		s.do(Beat{Lease: l, Details: json.RawMessage("5")})
	}
	if detail := s.task(id).Detail; string(detail) != "5" {
		t.Fatalf("the detail is %s", detail)
	}
}

func TestHeartbeatSaysThatTheAttemptIsNotWanted(t *testing.T) {
	s := tell(t)
	id := s.begin(key("a"), call("a", "echo"))
	l := s.lease(id, "a")
	if s.do(Beat{Lease: l}).Cancel {
		t.Fatal("it is wanted")
	}
	s.do(Cancel{Execution: id})
	if !s.do(Beat{Lease: l}).Cancel {
		t.Fatal("it is not wanted")
	}
}

func TestHeartbeatDoesNotMoveATimer(t *testing.T) {
	s := tell(t)
	id := s.begin(key("nap"), Command{Key: "nap", Op: OpSleep, Duration: time.Hour})
	s.refused(ErrInvalidOperation, Beat{Lease: leaseOf(s.task(id, "nap"))})
}
