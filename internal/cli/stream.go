package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/stent-dev/stent/durable"
)

// event is one of Server-Sent Events.
type event struct {
	name string
	data json.RawMessage
}

// errEnd is what a taker of events returns when there is no use in more of them.
var errEnd = errors.New("the stream is at its end")

const (
	silence  = 45 * time.Second // of a stream that sends something every 15 s: it is dead
	comeBack = time.Second      // before a stream that was cut is taken up again
	giveUp   = time.Minute      // of not getting it back
	maxEvent = 16 << 20         // bytes of one line of a stream
)

// follow reads a stream of events until take returns an error, which it returns
// unless that is errEnd. A stream that is cut is taken up where it was; lost is told
// what happened, and nil once it is back.
func (s *session) follow(ctx context.Context, path string, take func(event) error, lost func(error)) error {
	f := &follower{session: s, path: path, take: take}
	for lastGood := s.Now(); ; {
		err := f.once(ctx, func() { lastGood = s.Now(); lost(nil) })
		var refused *durable.APIError
		switch {
		case errors.Is(err, errEnd):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !f.begun, f.taken != nil, errors.As(err, &refused) && refused.Status < http.StatusInternalServerError, s.Now().Sub(lastGood) > giveUp:
			return err
		}
		lost(err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(comeBack):
		}
	}
}

// follower is one stream, over all the connections that it takes.
type follower struct {
	*session
	path  string
	take  func(event) error
	last  string // the id of the last event
	begun bool   // it was connected once
	taken error  // what take returned
}

// once reads the stream until it is cut, and never returns nil.
func (f *follower) once(ctx context.Context, connected func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url+f.path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "text/event-stream")
	if f.key != "" {
		req.Header.Set("Authorization", "Bearer "+f.key)
	}
	if f.last != "" {
		req.Header.Set("Last-Event-ID", f.last)
	}
	resp, err := f.streams.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // its error has nowhere to go
	if resp.StatusCode != http.StatusOK {
		return readRefusal(resp)
	}
	f.begun = true
	connected()
	dead := time.AfterFunc(silence, cancel)
	defer dead.Stop()
	return f.read(resp.Body, func() { dead.Reset(silence) })
}

// read takes the events of one connection as they come (HTML, section 9.2.6).
func (f *follower) read(body io.Reader, alive func()) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, maxEvent)
	var e event
	for lines.Scan() {
		alive()
		if lines.Text() == "" {
			if len(e.data) > 0 {
				if f.taken = f.take(e); f.taken != nil {
					return f.taken
				}
			}
			e = event{}
			continue
		}
		field, text, _ := strings.Cut(lines.Text(), ":")
		text = strings.TrimPrefix(text, " ")
		switch field {
		case "id":
			f.last = text
		case "event":
			e.name = text
		case "data":
			if len(e.data) > 0 {
				e.data = append(e.data, '\n')
			}
			e.data = append(e.data, text...)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("reading the stream of events: %w", err)
	}
	return fmt.Errorf("reading the stream of events: %w", io.ErrUnexpectedEOF)
}

// readRefusal makes the error of an answer by which the service refuses a stream.
func readRefusal(resp *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	e := &durable.APIError{}
	if json.Unmarshal(bytes.TrimSpace(body), e) != nil {
		e = &durable.APIError{Title: http.StatusText(resp.StatusCode)}
	}
	e.Status = resp.StatusCode
	return e
}
