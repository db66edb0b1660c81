package workflow

import (
	"strconv"
	"strings"
)

// pointerFault says what is wrong with a JSON Pointer (RFC 6901); "" when nothing is.
func pointerFault(pointer string) string {
	if pointer != "" && !strings.HasPrefix(pointer, "/") {
		return "must be a JSON Pointer, such as /order_id"
	}
	if strings.Contains(unescapePointer.Replace(pointer), "~\x00") {
		return "must be a JSON Pointer: ~ is written ~0 in it, and / in a name ~1"
	}
	return ""
}

// unescapePointer reads the escapes of a reference token; a ~ that begins none is
// marked with a NUL, which no pointer has.
var unescapePointer = strings.NewReplacer("~0", "~", "~1", "/", "~", "~\x00")

// find gives what a JSON Pointer names in a decoded value; nil, as for null, when
// it names nothing.
func find(value any, pointer string) any {
	if pointer == "" {
		return value
	}
	for token := range strings.SplitSeq(pointer[1:], "/") {
		token = unescapePointer.Replace(token)
		switch v := value.(type) {
		case map[string]any:
			value = v[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) || strconv.Itoa(i) != token {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}
