package http

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// Bounds on what is read of a body only to throw it away.
const (
	maxDrained = 20 << 20 // bytes
	drainTime  = 2 * time.Second
)

// turnAway refuses a request of whose body nothing was read yet.
func (s *server) turnAway(w http.ResponseWriter, r *http.Request, err error) {
	drainUnread(w, r)
	s.fail(w, r, err)
}

// drainUnread drains a body of which nothing was read yet. One that the client
// holds back until it is told to go on is not asked for.
func drainUnread(w http.ResponseWriter, r *http.Request) {
	if !strings.EqualFold(r.Header.Get("Expect"), "100-continue") {
		drain(w, r)
	}
}

// drain reads the rest of a body and throws it away, so that the refusal which
// follows reaches a client that reads nothing before it has written all: closing
// a TCP connection with data unread resets it, and the answer is lost. A body
// beyond the bounds is not worth that.
func drain(w http.ResponseWriter, r *http.Request) {
	if r.Body == http.NoBody || r.ContentLength > maxDrained {
		return
	}
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(drainTime)); err != nil {
		return // it could take for ever
	}
	_, _ = io.CopyN(io.Discard, r.Body, maxDrained) // a client that is gone cannot be told
}
