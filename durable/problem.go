package durable

import (
	"encoding/json"
	"net/http"

	"github.com/stent-dev/stent/internal/wire"
)

// problem is an RFC 9457 answer. The service records its type and detail.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code,omitempty"`
}

func newProblem(status int, problemType, detail string) *problem {
	return &problem{Type: problemType, Title: http.StatusText(status), Status: status, Detail: detail}
}

func (p *problem) write(rw http.ResponseWriter) {
	writeJSON(rw, p.Status, "application/problem+json", p)
}

// writeJSON answers v. Its callers have made sure that v encodes; a connection
// that breaks meanwhile is the service's to notice.
func writeJSON(rw http.ResponseWriter, status int, contentType string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		status, contentType = http.StatusInternalServerError, "application/json"
		b, _ = json.Marshal(map[string]wire.Error{"error": {Type: TypeInvalidOutput, Message: err.Error()}})
	}
	rw.Header().Set("Content-Type", contentType)
	rw.WriteHeader(status)
	_, _ = rw.Write(b)
}
