package app

import (
	"context"
	"time"
)

// Dev runs the API service and a scheduler in one process until ctx ends, on
// SQLite or PostgreSQL. ready is called with the service's URL when it serves.
func Dev(ctx context.Context, settings Settings, ready func(url string)) error {
	s, err := prepare(ctx, "stent", settings)
	if err != nil {
		return err
	}
	e := s.entrance(ctx, s.probes(func(context.Context) string { return starting }, starting), settings.DrainDelay)
	if err := s.open(ctx); err != nil {
		e.close()
		return s.abandon(ctx, err)
	}
	work := s.scheduling()
	s.metrics.Read(s.sources(work))
	if err := s.rest(e); err != nil {
		e.close()
		return s.abandon(ctx, err)
	}
	if err := e.open(); err != nil {
		e.close()
		return s.abandon(ctx, err)
	}
	announce := func(ctx context.Context) error {
		for !work.Ready() {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(readyPoll):
			}
		}
		ready(e.url())
		return nil
	}
	return s.run(ctx, work.Run, e.runAPI, announce)
}

const readyPoll = 5 * time.Millisecond
