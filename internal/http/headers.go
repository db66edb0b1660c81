package http

import (
	"fmt"
	"net/http"

	"github.com/stent-dev/stent/internal/http/api"
	"github.com/stent-dev/stent/internal/workflow"
)

const (
	// maxHeaders bounds the request line and the headers together, in bytes.
	maxHeaders = 32 << 10
	// maxHeadersRead is where net/http stops reading headers, and answers in plain
	// text before any handler runs. It leaves room for telling in a problem what was too much.
	maxHeadersRead = 256 << 10
)

// limitHeaders refuses requests whose headers are too large (RFC 6585, section 5).
func (s *server) limitHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if size, largest := measureHeaders(r); size > maxHeaders {
			s.turnAway(w, r, headersTooLarge(size, largest))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// measureHeaders gives how many bytes the request line and the headers had, and
// the pointer to what has the greatest share of them.
func measureHeaders(r *http.Request) (size int, largest string) {
	const perLine = len(": \r\n")
	most := len(r.RequestURI)
	size = len(r.Method) + len(r.RequestURI) + len(r.Proto) + len("Host") + len(r.Host) + 2*perLine
	name := ""
	for key, values := range r.Header {
		n := 0
		for _, v := range values {
			n += len(key) + len(v) + perLine
		}
		size += n
		if n > most {
			most, name = n, key
		}
	}
	if name == "" {
		return size, "/query"
	}
	return size, "/header/" + escapePointer(name)
}

func headersTooLarge(size int, largest string) *refusal {
	return &refusal{
		http.StatusRequestHeaderFieldsTooLarge, api.ProblemCodePayloadTooLarge, "Request header fields too large",
		fmt.Sprintf("The request line and the headers have %d bytes, and may have %d.", size, maxHeaders),
		workflow.FieldErrors{{Pointer: largest, Detail: "has the greatest share of them"}},
	}
}
