package delivery

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/stent-dev/stent/internal/wire"
	"github.com/stent-dev/stent/internal/workflow"
)

// contextUpdate reads what a successful answer adds to counters and sets of the
// custom state. A header that is not understood fails the attempt: ignoring it
// would lose what it says for good.
func contextUpdate(h http.Header) (u workflow.ContextUpdate, f *failure) {
	counters, err := headerObject(h, wire.HeaderCounters)
	if err != nil {
		return u, badContext(wire.HeaderCounters, err)
	}
	if u.State, err = headerObject(h, wire.HeaderState); err != nil {
		return u, badContext(wire.HeaderState, err)
	}
	if counters != nil {
		u.Counters = make(map[string]int64, len(counters))
	}
	for name, text := range counters {
		add, err := strconv.ParseInt(string(text), 10, 64)
		if err != nil {
			return u, badContext(wire.HeaderCounters, fmt.Errorf("adds %s to %q: want an integer of 64 bits", printable(string(text), 64), printable(name, 64)))
		}
		u.Counters[name] = add
	}
	if err := u.Check(); err != nil {
		return u, badContext(wire.HeaderCounters+" or "+wire.HeaderState, err)
	}
	return u, nil
}

func badContext(header string, err error) *failure {
	return &failure{
		errorType: "invalid_response", retryable: true,
		message: fmt.Sprintf("the header %s of the answer is not valid: it %s", header, printable(err.Error(), maxMessage/2)),
	}
}

// headerObject reads a header that is one JSON object; an absent one is nil.
func headerObject(h http.Header, name string) (map[string]json.RawMessage, error) {
	lines := h.Values(name)
	switch {
	case len(lines) == 0:
		return nil, nil
	case len(lines) > 1:
		return nil, errors.New("came more than once")
	case !utf8.ValidString(lines[0]):
		return nil, errors.New(`is not UTF-8: write what is not ASCII as \u escapes`)
	case tooDeep([]byte(lines[0]), MaxDepth):
		return nil, fmt.Errorf("is nested deeper than %d levels", MaxDepth)
	}
	return readObject(lines[0])
}

var errNotAnObject = errors.New("is not a JSON object")

// readObject reads one JSON object and nothing after it. A name that is there
// twice is refused, which encoding/json does not do.
func readObject(text string) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(strings.NewReader(text))
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return nil, errNotAnObject
	}
	object := map[string]json.RawMessage{}
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return nil, errNotAnObject
		}
		if _, twice := object[name]; twice {
			return nil, fmt.Errorf("has %q twice", printable(name, 64))
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, errNotAnObject
		}
		object[name] = value
	}
	if _, err := d.Token(); err != nil { // the closing brace
		return nil, errNotAnObject
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("has something after the JSON object")
	}
	return object, nil
}
