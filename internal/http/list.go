package http

import (
	"cmp"
	"encoding/base64"
	"net/http"
	"slices"

	"github.com/stent-dev/stent/internal/engine"
	"github.com/stent-dev/stent/internal/http/api"
	"github.com/stent-dev/stent/internal/workflow"
)

// defaultLimit is how many items a list holds unless asked otherwise.
const defaultLimit = 50

func limitOf(limit *api.Limit) int {
	if limit == nil {
		return defaultLimit
	}
	return *limit
}

// A cursor is what the last item given is ordered by, in base64url.

func encodeCursor(key []byte) string { return base64.RawURLEncoding.EncodeToString(key) }

func decodeCursor(cursor *api.Cursor) ([]byte, error) {
	if cursor == nil {
		return nil, nil
	}
	key, err := base64.RawURLEncoding.DecodeString(*cursor)
	if err != nil || len(key) == 0 {
		return nil, errBadCursor
	}
	return key, nil
}

var errBadCursor = invalid("/query/cursor", "is not a cursor of this list")

// page asks a store for a part of a list that is ordered by id, and for one item
// more, which tells whether there is another part.
func page(limit *api.Limit, cursor *api.Cursor) (engine.Page, error) {
	key, err := decodeCursor(cursor)
	if err != nil {
		return engine.Page{}, err
	}
	p := engine.Page{Limit: limitOf(limit) + 1}
	if key != nil && len(key) != len(p.Before) {
		return engine.Page{}, errBadCursor
	}
	copy(p.Before[:], key)
	return p, nil
}

// renderPage makes a list of what a page asked for.
func renderPage[T any](p engine.Page, items []T, id func(T) workflow.ID, write func(w *jsonWriter, item T)) reply {
	return renderPart(p.Limit, items, func(item T) []byte { key := id(item); return key[:] }, write)
}

// renderPart makes a list of so many items that were asked for, of which the last
// only tells that there are more. key is what they are ordered by.
func renderPart[T any](asked int, items []T, key func(T) []byte, write func(w *jsonWriter, item T)) reply {
	more := len(items) >= asked
	if more {
		items = items[:asked-1]
	}
	next := ""
	if more {
		next = encodeCursor(key(items[len(items)-1]))
	}
	return renderList(items, next, write)
}

// renderList makes a list; next is the cursor of what follows, "" for none.
func renderList[T any](items []T, next string, write func(w *jsonWriter, item T)) reply {
	return render(http.StatusOK, func(w *jsonWriter) {
		w.begin('{')
		w.key("items")
		w.begin('[')
		for _, item := range items {
			write(w, item)
		}
		w.end(']')
		w.optional("next_cursor", next)
		w.end('}')
	})
}

// isID tells whether a key may be an id.
func isID(key string) bool { return len(key) == len(workflow.ID{}) }

// part cuts a part out of a list that is at hand as a whole, newest first: by
// descending keys, which look as form says.
func part[T any](items []T, key func(T) string, form func(string) bool, limit *api.Limit, cursor *api.Cursor) ([]T, *api.NextCursor, error) {
	after, err := decodeCursor(cursor)
	if err == nil && after != nil && !form(string(after)) {
		err = errBadCursor
	}
	if err != nil {
		return nil, nil, err
	}
	items = slices.Clone(items)
	slices.SortFunc(items, func(a, b T) int { return cmp.Compare(key(b), key(a)) })
	if after != nil {
		from := slices.IndexFunc(items, func(item T) bool { return key(item) < string(after) })
		if from < 0 {
			from = len(items)
		}
		items = items[from:]
	}
	most := limitOf(limit)
	if len(items) <= most {
		return items, nil, nil
	}
	next := encodeCursor([]byte(key(items[most-1])))
	return items[:most], &next, nil
}
