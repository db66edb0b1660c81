package delivery

import (
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func steadyBreaker(onChange func(Endpoint, time.Time)) *Breaker {
	b := NewBreaker(onChange)
	b.random = func() float64 { return 0.5 } // no jitter
	return b
}

func TestClosedEndpointTakesAnyNumber(t *testing.T) {
	t.Parallel()
	b := NewBreaker(nil)
	b.Unreachable("other", "refused", epoch)
	if n, _ := b.Allow("o", epoch); n != Unlimited || !b.Acquire("o", epoch) {
		t.Errorf("Allow = %d", n)
	}
}

func TestProbesBackOffUpToTenSecondsAndContactCloses(t *testing.T) {
	t.Parallel()
	b := steadyBreaker(nil)
	now := epoch
	b.Unreachable("o", "refused", now)
	for _, want := range []time.Duration{500, 1000, 2000, 4000, 8000, 10000, 10000} {
		n, probeAt := b.Allow("o", now)
		if n != 0 || probeAt.Sub(now) != want*time.Millisecond {
			t.Fatalf("Allow = %d, probe in %v, want 0, %v", n, probeAt.Sub(now), want*time.Millisecond)
		}
		if b.Acquire("o", probeAt.Add(-1)) {
			t.Fatal("a delivery before the probe time")
		}
		now = probeAt
		if n, _ := b.Allow("o", now); n != 1 {
			t.Fatalf("at the probe time: Allow = %d", n)
		}
		if !b.Acquire("o", now) || b.Acquire("o", now) {
			t.Fatal("want exactly one probe")
		}
		if n, _ := b.Allow("o", now); n != 0 {
			t.Fatalf("with the probe under way: Allow = %d", n)
		}
		b.Unreachable("o", "refused", now)
	}
	b.Reachable("o", now)
	if n, _ := b.Allow("o", now); n != Unlimited || len(b.Snapshot()) != 0 {
		t.Errorf("after contact: Allow = %d, %v", n, b.Snapshot())
	}
	b.Unreachable("o", "refused", now)
	if _, probeAt := b.Allow("o", now); probeAt.Sub(now) != minProbeDelay {
		t.Errorf("the backoff did not start anew: %v", probeAt.Sub(now))
	}
}

func TestFailuresOfDeliveriesUnderWayChangeNothing(t *testing.T) {
	t.Parallel()
	b := steadyBreaker(nil)
	for i := range 10 {
		b.Unreachable("o", "refused", epoch.Add(time.Duration(i)*time.Millisecond))
	}
	if _, probeAt := b.Allow("o", epoch); probeAt.Sub(epoch) != minProbeDelay {
		t.Errorf("probe in %v", probeAt.Sub(epoch))
	}
}

func TestProbeWithoutAFindingIsRepeated(t *testing.T) {
	t.Parallel()
	b := steadyBreaker(nil)
	b.Unreachable("o", "refused", epoch)
	now := epoch.Add(time.Second)
	if !b.Acquire("o", now) {
		t.Fatal("no probe")
	}
	b.Report("o", ContactUnknown, "", now)
	if !b.Acquire("o", now) {
		t.Error("no second probe after one that was cancelled")
	}
	if b.Acquire("o", now.Add(maxProbeDelay-1)) || !b.Acquire("o", now.Add(maxProbeDelay)) {
		t.Error("want another probe 10 s after one that nobody reported on, not before")
	}
}

func TestJitterStaysWithinATenth(t *testing.T) {
	t.Parallel()
	for range 1000 {
		b := NewBreaker(nil)
		b.Unreachable("o", "refused", epoch)
		if d := b.Snapshot()[0].ProbeAt.Sub(epoch); d < 450*time.Millisecond || d > 550*time.Millisecond {
			t.Fatalf("probe in %v", d)
		}
	}
}

func TestChangesAreToldInOrder(t *testing.T) {
	t.Parallel()
	var got []BreakerState
	b := steadyBreaker(func(e Endpoint, _ time.Time) {
		if e.Origin != "o" || !e.Since.Equal(epoch) || e.Why != "refused" {
			t.Errorf("got %+v", e)
		}
		got = append(got, e.State)
	})
	b.Unreachable("o", "refused", epoch)
	b.Acquire("o", epoch.Add(time.Second))
	b.Unreachable("o", "refused", epoch.Add(time.Second))
	b.Reset("o", epoch.Add(time.Second))
	b.Reset("o", epoch.Add(time.Second))
	want := []BreakerState{Open, HalfOpen, Open, Closed}
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

func TestBreakerIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	b := NewBreaker(nil)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			origin := []string{"a", "b"}[g%2]
			for i := range 500 {
				now := epoch.Add(time.Duration(i) * time.Second)
				b.Unreachable(origin, "refused", now)
				b.Allow(origin, now)
				b.Acquire(origin, now.Add(time.Minute))
				b.Snapshot()
				b.Report(origin, Contact(i%3), "refused", now)
			}
			b.Reachable(origin, epoch)
		})
	}
	wg.Wait()
	b.Reachable("a", epoch)
	b.Reachable("b", epoch)
	if n := b.tripped.Load(); n != 0 || len(b.Snapshot()) != 0 {
		t.Errorf("tripped %d, %v", n, b.Snapshot())
	}
}

func TestClientTellsItsBreaker(t *testing.T) {
	t.Parallel()
	b := NewBreaker(nil)
	c := client(t, func(o *Options) { o.Breaker = b })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	c.Activity(t.Context(), request("http://"+address+"/path"))
	if s := b.Snapshot(); len(s) != 1 || s[0].Origin != "http://"+address || s[0].State != Open {
		t.Fatalf("after a refusal: %+v", s)
	}
	c.Activity(t.Context(), request("http://169.254.169.254/"))
	if s := b.Snapshot(); len(s) != 1 {
		t.Errorf("a denied address opened a breaker: %+v", s)
	}
}

// A probe may run for minutes: that the connection stands is enough.
func TestBreakerClosesWhenTheConnectionStands(t *testing.T) {
	t.Parallel()
	b := NewBreaker(nil)
	c := client(t, func(o *Options) { o.Breaker = b })
	states := make(chan int, 1)
	url := worker(t, func(w http.ResponseWriter, _ *http.Request) {
		states <- len(b.Snapshot())
		w.WriteHeader(http.StatusInternalServerError)
	})
	b.Unreachable(c.Origin(url), "refused", time.Now())
	c.Activity(t.Context(), request(url))
	if n := <-states; n != 0 {
		t.Error("the breaker was still open while the handler ran")
	}
}
