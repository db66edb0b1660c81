package http

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/stent-dev/stent/internal/http/api"
	"github.com/stent-dev/stent/internal/workflow"
)

// jsonWriter appends JSON to b. It leaves raw values as they are, where
// encoding/json would take out white space and escape characters.
type jsonWriter struct{ b []byte }

// comma goes before every member and item but the first.
func (w *jsonWriter) comma() {
	if n := len(w.b); n > 0 && w.b[n-1] != '{' && w.b[n-1] != '[' {
		w.b = append(w.b, ',')
	}
}

func (w *jsonWriter) key(k string) {
	w.comma()
	w.string(k)
	w.b = append(w.b, ':')
}

// begin and end open and close an object or an array; the comma before an item is begin's.
func (w *jsonWriter) begin(bracket byte) {
	if n := len(w.b); n > 0 && w.b[n-1] != ':' {
		w.comma()
	}
	w.b = append(w.b, bracket)
}

func (w *jsonWriter) end(bracket byte) { w.b = append(w.b, bracket) }

func (w *jsonWriter) null(k string) {
	w.key(k)
	w.b = append(w.b, "null"...)
}

func (w *jsonWriter) text(k, v string) {
	w.key(k)
	w.string(v)
}

// optional writes an empty text as null.
func (w *jsonWriter) optional(k, v string) {
	if v == "" {
		w.null(k)
		return
	}
	w.text(k, v)
}

func (w *jsonWriter) int(k string, v int64) {
	w.key(k)
	w.b = strconv.AppendInt(w.b, v, 10)
}

func (w *jsonWriter) bool(k string, v bool) {
	w.key(k)
	w.b = strconv.AppendBool(w.b, v)
}

// id writes the zero id as null.
func (w *jsonWriter) id(k string, id workflow.ID) {
	if id.IsZero() {
		w.null(k)
		return
	}
	w.text(k, id.String())
}

// time writes nil as null.
func (w *jsonWriter) time(k string, t *time.Time) {
	if t == nil {
		w.null(k)
		return
	}
	w.key(k)
	w.b = append(w.b, '"')
	w.b, _ = api.Time(*t).AppendText(w.b) // has no error
	w.b = append(w.b, '"')
}

// raw writes a value that is JSON already; none is null.
func (w *jsonWriter) raw(k string, v json.RawMessage) {
	if len(v) == 0 {
		w.null(k)
		return
	}
	w.key(k)
	w.b = append(w.b, v...)
}

func (w *jsonWriter) texts(k string, v []string) {
	w.key(k)
	w.begin('[')
	for _, s := range v {
		w.comma()
		w.string(s)
	}
	w.end(']')
}

func (w *jsonWriter) failure(k string, e *workflow.Error) {
	if e == nil {
		w.null(k)
		return
	}
	w.key(k)
	w.begin('{')
	w.text("type", e.Type)
	w.text("message", e.Message)
	w.raw("details", e.Details)
	w.end('}')
}

// string writes printable ASCII as it is and leaves the rest to encoding/json.
func (w *jsonWriter) string(s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(s) // of a string, has no error
			w.b = append(w.b, quoted...)
			return
		}
	}
	w.b = append(w.b, '"')
	w.b = append(w.b, s...)
	w.b = append(w.b, '"')
}
