package workflow

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Wherever a period begins, no more start in it than the limit, and no more run at
// once than there are slots; and what is not allowed now is once Again has passed.
func TestAMeterNeverAllowsMoreThanItsLimits(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := &RateLimit{Limit: rapid.IntRange(1, 20).Draw(t, "limit"), Per: time.Second}
		slots := rapid.IntRange(0, 10).Draw(t, "slots")
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		m := &Meter{}
		var started []time.Time
		for range rapid.IntRange(1, 200).Draw(t, "claims") {
			now = now.Add(time.Duration(rapid.IntRange(0, 400).Draw(t, "ms")) * time.Millisecond)
			m.Running -= rapid.IntRange(0, m.Running).Draw(t, "ended")
			allowed := m.Allow(slots, rate, now)
			n := min(rapid.IntRange(0, 30).Draw(t, "due"), allowed)
			m.Begin(n, rate, now)
			for range n {
				started = append(started, now)
			}
			if slots > 0 && m.Running > slots {
				t.Fatalf("%d run, with %d slots", m.Running, slots)
			}
			if again := m.Again(rate, now); again > 0 {
				if m.Allow(0, rate, now) != 0 || m.Allow(0, rate, now.Add(again)) == 0 {
					t.Fatalf("Again gave %s, with %+v at %s", again, m, now)
				}
			}
			if len(m.Starts) > startsKept+2 {
				t.Fatalf("%d starts are kept", len(m.Starts))
			}
		}
		for i := rate.Limit; i < len(started); i++ {
			if apart := started[i].Sub(started[i-rate.Limit]); apart < rate.Per {
				t.Fatalf("%d started within %s", rate.Limit+1, apart)
			}
		}
	})
}

func TestAMeterAllowsAllThatItsLimitsDo(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	rate := &RateLimit{Limit: 5, Per: time.Second}
	m := &Meter{}
	if got := m.Allow(0, rate, now); got != 5 {
		t.Errorf("at first %d, want 5", got)
	}
	m.Begin(5, rate, now)
	if got, again := m.Allow(0, rate, now), m.Again(rate, now); got != 0 || again != time.Second {
		t.Errorf("then %d, again in %s", got, again)
	}
	if got := m.Allow(0, rate, now.Add(time.Second)); got != 5 {
		t.Errorf("a period later %d, want 5", got)
	}
	if at := m.IdleAt(rate, now); !at.Equal(now.Add(time.Second)) {
		t.Errorf("idle at %s", at)
	}
	if got := (&Meter{Running: 7}).Allow(5, nil, now); got != 0 {
		t.Errorf("with more running than slots %d", got)
	}
}
