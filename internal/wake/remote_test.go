package wake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fakeLink records what is sent, and when; it fails as told.
type fakeLink struct {
	mu    sync.Mutex
	sent  []Hint
	times []time.Time
	fail  error
}

func (l *fakeLink) limit() int { return maxNotify }

func (l *fakeLink) send(_ context.Context, payloads []string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail != nil {
		return l.fail
	}
	for _, p := range payloads {
		_, h, err := decode(p)
		if err != nil {
			return err
		}
		l.sent = append(l.sent, h)
		l.times = append(l.times, time.Now())
	}
	return nil
}

func (l *fakeLink) setFail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = err
}

// messages returns what was sent, and when.
func (l *fakeLink) messages() ([]Hint, []time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.sent), slices.Clone(l.times)
}

func (l *fakeLink) close(context.Context) {}

func (l *fakeLink) listen(ctx context.Context, up func(), _ func(string)) error {
	l.mu.Lock()
	fail := l.fail
	l.mu.Unlock()
	if fail != nil {
		return fail
	}
	up()
	<-ctx.Done()
	return ctx.Err()
}

func fakeRemote(log *slog.Logger) (*Remote, *fakeLink) {
	opts := Options{Logger: log}
	opts.setDefaults()
	l := &fakeLink{}
	return newRemote(l, opts, "fake"), l
}

func TestLoneHintIsSentAtOnceAndABurstIsMerged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus, link := fakeRemote(nil)
		run(t, bus)
		<-time.After(time.Second)
		start := time.Now()
		bus.Publish(Hint{Executions: []string{"first"}})
		synctest.Wait()
		for i := range 100 {
			bus.Publish(Hint{Executions: []string{fmt.Sprint(i)}, Queues: []string{"default"}})
		}
		<-time.After(time.Second)
		sent, times := link.messages()
		if len(sent) != 2 {
			t.Fatalf("%d messages, want 2", len(sent))
		}
		if late := times[0].Sub(start); late != 0 {
			t.Errorf("the first was sent after %v", late)
		}
		if gap := times[1].Sub(times[0]); gap != DefaultInterval {
			t.Errorf("the second was sent after %v, want %v", gap, DefaultInterval)
		}
		if second := sent[1]; len(second.Executions) != 100 || len(second.Queues) != 1 {
			t.Errorf("the second holds %d executions, %d queues", len(second.Executions), len(second.Queues))
		}
	})
}

func TestHintsWaitWhileTheLinkIsDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		bus, link := fakeRemote(slog.New(slog.NewTextHandler(&text, nil)))
		link.setFail(errors.New("no route"))
		r := record(t, bus)
		run(t, bus)
		for i := range 50 {
			bus.Publish(Hint{Executions: []string{fmt.Sprint(i)}})
			<-time.After(100 * time.Millisecond)
		}
		if got := len(r.all()); got != 50 {
			t.Errorf("subscribers of the process got %d hints, want 50", got)
		}
		link.setFail(nil)
		<-time.After(2 * maxBackoff)
		if sent, _ := link.messages(); len(sent) != 1 || len(sent[0].Executions) != 50 {
			t.Errorf("after the link came back: %+v", sent)
		}
		if !sawAll(r.all()) {
			t.Error("subscribers were not told that they may have missed something")
		}
		if warnings := strings.Count(text.String(), "level=WARN"); warnings == 0 || warnings > 2 {
			t.Errorf("%d warnings:\n%s", warnings, text.String())
		}
	})
}

func TestPendingHintsAreSentWhenTheBusStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bus, link := fakeRemote(nil)
		bus.Publish(Hint{Executions: []string{"before"}})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := bus.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if sent, _ := link.messages(); len(sent) != 1 {
			t.Errorf("sent %+v", sent)
		}
	})
}

func TestGarbageAndOwnMessagesAreIgnored(t *testing.T) {
	t.Parallel()
	bus, _ := fakeRemote(nil)
	r := record(t, bus)
	bus.receive("garbage")
	bus.receive(`{"i":"` + bus.instance + `","f":true}`)
	if got := r.all(); len(got) != 0 {
		t.Errorf("got %+v", got)
	}
	bus.receive(`{"i":"other","f":true,"from_a_later_version":1}`)
	if got := r.all(); len(got) != 1 || !got[0].Functions {
		t.Errorf("got %+v", got)
	}
}
