package durable

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/stent-dev/stent/internal/wire"
)

// Callback is what the service POSTs to the CallbackURL of an execution when that
// has ended. It may come more than once, each time with the same ID.
type Callback struct {
	ID        string // the same for every delivery of this callback
	Event     string // execution.completed, execution.failed, execution.timed_out or execution.cancelled
	Execution *Execution
}

// maxCallback is how many bytes of a callback are read: more than any execution has.
const maxCallback = 64 << 20

// ErrNotSigned is returned by ReadCallback for a request that none of the secrets
// has signed, or not just now.
var ErrNotSigned = errors.New("stent: the callback is not signed by a secret that is known")

// ReadCallback reads a callback from the request that brings it and checks that
// one of the secrets ("whsec_…", Standard Webhooks) has signed it within the last
// five minutes; then answer with any 2xx. Without secrets nothing is checked. Errors:
// ErrNotSigned, one that says which secret is no secret, and one that says what is
// wrong with the request.
func ReadCallback(r *http.Request, secrets ...string) (*Callback, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxCallback+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("stent: reading a callback: %w", err)
	case len(body) > maxCallback:
		return nil, fmt.Errorf("stent: the callback has more than %d bytes", maxCallback)
	}
	keys := make([][]byte, len(secrets))
	for i, s := range secrets {
		if keys[i], err = decodeSecret(s); err != nil {
			return nil, fmt.Errorf("stent: secret %d: %w", i+1, err)
		}
	}
	c := &Callback{ID: r.Header.Get("webhook-id"), Event: r.Header.Get(wire.HeaderEvent)}
	if len(keys) > 0 {
		if err := verify(keys, r.Header, body, time.Now()); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotSigned, err)
		}
	}
	if !strings.HasPrefix(c.ID, wire.CallbackID) {
		return nil, fmt.Errorf("stent: the request is no callback: its webhook-id is %q", c.ID)
	}
	if err := json.Unmarshal(body, &c.Execution); err != nil || c.Execution == nil || c.Execution.ID == "" {
		return nil, errors.New("stent: the callback's body is not an execution")
	}
	return c, nil
}
