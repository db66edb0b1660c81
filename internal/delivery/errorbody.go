package delivery

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxExcerpt = 512  // bytes of a body that is not understood
	maxMessage = 4096 // bytes of a message
	maxType    = 128  // bytes of an error type
)

// errorFromBody makes an error of a failed answer: problem+json (RFC 9457),
// {"error": {type, message, details}}, or whatever text came.
func errorFromBody(resp *http.Response) *failure {
	f := &failure{errorType: httpType(resp.StatusCode), message: "the endpoint answered " + statusText(resp.StatusCode)}
	if contentEncoding(resp) != "" {
		return f // never decompressed
	}
	// What came before a cut is better than nothing.
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBytes+1))
	whole := len(body) <= maxErrorBytes
	body = trimSpace(body)
	if len(body) == 0 {
		return f
	}
	// Whatever the Content-Type: many handlers do not set it on errors.
	var object map[string]json.RawMessage
	if whole && utf8.Valid(body) && !tooDeep(body, MaxDepth) && json.Unmarshal(body, &object) == nil && object != nil {
		f.fromObject(body, object)
	} else {
		f.message += ": " + printable(string(body[:min(len(body), maxExcerpt+utf8.UTFMax)]), maxExcerpt)
	}
	return f
}

func (f *failure) fromObject(body []byte, object map[string]json.RawMessage) {
	var inner map[string]json.RawMessage
	if json.Unmarshal(object["error"], &inner) == nil && inner != nil {
		f.setType(text(inner, "type", "code"))
		f.setMessage(text(inner, "message", "detail"))
		f.details = inner["details"]
		return
	}
	f.setType(lastSegment(text(object, "type")))
	f.setType(text(object, "code"))
	f.setMessage(text(object, "detail", "title", "message", "error"))
	f.details = body
}

func (f *failure) setType(t string) {
	if t != "" {
		f.errorType = printable(t, maxType)
	}
}

func (f *failure) setMessage(m string) {
	if m != "" {
		f.message = truncate(m, maxMessage)
	}
}

// text returns the first of the keys that holds a string which is not empty.
func text(object map[string]json.RawMessage, keys ...string) string {
	for _, key := range keys {
		var s string
		if json.Unmarshal(object[key], &s) == nil && s != "" {
			return s
		}
	}
	return ""
}

// lastSegment makes a short name of a problem's type URI; about:blank has none.
func lastSegment(uri string) string {
	if uri == "" || uri == "about:blank" {
		return ""
	}
	uri, fragment, found := strings.Cut(uri, "#")
	if found && fragment != "" {
		return fragment
	}
	uri, _, _ = strings.Cut(uri, "?")
	last := path.Base(strings.TrimRight(uri, "/"))
	if colon := strings.LastIndexByte(last, ':'); colon >= 0 && colon < len(last)-1 {
		last = last[colon+1:] // urn:problem:out-of-stock
	}
	if last == "." || last == "/" {
		return ""
	}
	return last
}

func httpType(status int) string { return "http_" + strconv.Itoa(status) }

func statusText(status int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", status, http.StatusText(status)))
}

// printable escapes what could disturb a log or a terminal (control characters,
// bidirectional marks, bytes that are not UTF-8) and cuts the rest off.
func printable(s string, limit int) string {
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		piece := s[:size]
		if r == utf8.RuneError && size == 1 {
			piece = fmt.Sprintf(`\x%02x`, s[0])
		} else if !unicode.IsPrint(r) {
			piece = strings.Trim(strconv.QuoteRune(r), "'")
		}
		if b.Len()+len(piece) > limit {
			b.WriteString("…")
			break
		}
		b.WriteString(piece)
		s = s[size:]
	}
	return b.String()
}

// truncate cuts a string at a character, not within one.
func truncate(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit] + "…"
}
