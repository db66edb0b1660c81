package app

import (
	"context"
	"net"
	"time"
)

// Dev runs the API service and a scheduler in one process until ctx ends, on
// SQLite or PostgreSQL. ready is called with the service's URL when it serves.
func Dev(ctx context.Context, settings Settings, ready func(url string)) error {
	s, err := open(ctx, settings)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", settings.Addr)
	if err != nil {
		return s.abandon(err)
	}
	work := s.scheduling()
	announce := func(ctx context.Context) error {
		for !work.Ready() {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(readyPoll):
			}
		}
		ready(baseURL(listener))
		return nil
	}
	return s.run(ctx, work.Run, s.rest(listener), announce)
}

const readyPoll = 5 * time.Millisecond
