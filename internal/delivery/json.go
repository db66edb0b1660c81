package delivery

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

func trimSpace(b []byte) []byte { return bytes.Trim(b, " \t\r\n") }

// checkJSON refuses what is not one JSON value in UTF-8 of bounded depth; what names it in the error.
func checkJSON(b []byte, what string) *failure {
	if f := checkText(b, what); f != nil {
		return f
	}
	if json.Valid(b) {
		return nil
	}
	var v json.RawMessage
	return notJSON(b, what, json.Unmarshal(b, &v).Error())
}

// checkText is checkJSON without the syntax, for what is decoded anyway.
func checkText(b []byte, what string) *failure {
	switch {
	case len(b) == 0:
		return &failure{errorType: "invalid_json", message: fmt.Sprintf("the %s is empty: answer with JSON, or with 204 for null", what), retryable: true}
	case !utf8.Valid(b):
		return notJSON(b, what, "not UTF-8")
	case tooDeep(b, MaxDepth):
		return &failure{errorType: "json_too_deep", message: fmt.Sprintf("the %s is JSON nested deeper than %d levels", what, MaxDepth)}
	}
	return nil
}

func notJSON(b []byte, what, reason string) *failure {
	return &failure{
		errorType: "invalid_json", retryable: true,
		message: fmt.Sprintf("the %s is not JSON (%s); it begins with: %s", what, reason, printable(string(b[:min(len(b), 400)]), 100)),
	}
}

// tooDeep reports whether arrays and objects are nested deeper than limit. It
// needs no valid JSON, so that it can come before a recursive parser.
func tooDeep(b []byte, limit int) bool {
	depth, inString := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
