package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/stent-dev/stent/durable"
)

// giveUp is how long a lost service is looked for.
const giveUp = time.Minute

// follow takes the events of an execution until it has ended, or take returns an
// error. When the service is lost for longer than giveUp, so is the command; lost is
// told of it before, and nil once it is back.
func (s *session) follow(ctx context.Context, id string, take func(durable.Event) error, lost func(error)) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	line := &lifeline{next: s.recorder, now: s.Now, lost: lost, giveUp: stop}
	client := durable.NewClient(s.url, durable.APIKey(s.key), durable.HTTPClient(&http.Client{Transport: line}))
	for e, err := range client.Events(ctx, id) {
		if err == nil {
			err = take(e)
		}
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			return err
		}
	}
	return nil
}

// lifeline watches the requests of a client that comes back by itself.
type lifeline struct {
	next   http.RoundTripper
	now    func() time.Time
	lost   func(error) // told each failure, and nil after the last one
	giveUp context.CancelCauseFunc

	mu    sync.Mutex
	since time.Time // of the first failure in a row; zero: it is well
	met   bool      // the service was there once; before, a failure is the end
}

// RoundTrip sends a request.
func (l *lifeline) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := l.next.RoundTrip(req)
	failure := err
	if err == nil && resp.StatusCode >= http.StatusInternalServerError {
		failure = errors.New(resp.Status)
	}
	if req.Context().Err() == nil {
		l.note(failure)
	}
	return resp, err
}

func (l *lifeline) note(failure error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case failure != nil && !l.met:
		return
	case failure == nil && !l.met:
		l.met = true
		return
	case failure == nil && l.since.IsZero():
		return
	case failure == nil:
		l.since = time.Time{}
	case l.since.IsZero():
		l.since = l.now()
	case l.now().Sub(l.since) > giveUp:
		l.giveUp(&exitError{ExitUnreachable, fmt.Errorf("lost the service for %s: %w", span(giveUp), failure), hintUnreachable})
	}
	l.lost(failure)
}
