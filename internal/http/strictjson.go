package http

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of bodies.
const (
	maxBody  = 4 << 20 // bytes of a body
	maxValue = 1 << 20 // bytes of one value of the user's
	maxDepth = 64      // levels of objects and arrays
)

// parseJSON reads a document more strictly than encoding/json does: one value and
// nothing after it, in UTF-8, without duplicate keys, at most maxDepth deep, no
// NUL in what it looks into. The result is made of maps, slices, strings,
// float64, bool and nil; values of the user's, as the shape says, are checked but
// not built: they are nil in it.
func parseJSON(text []byte, s *shape) (any, *refusal) {
	if !utf8.Valid(text) {
		return nil, invalid("", "is not UTF-8")
	}
	p := &parser{text: text}
	value, refused := p.value(s, 1)
	if refused != nil {
		return nil, refused
	}
	if p.space(); p.at < len(text) {
		return nil, p.syntax("there is more after the JSON value")
	}
	return value, nil
}

// parser reads the text from at on.
type parser struct {
	text []byte
	at   int
	keys [][]byte // of the objects that are open, the innermost last
	// whole says that the refusal is of the text, or of the innermost value of the
	// user's, and not of something within it.
	whole bool
	deep  bool // it is refused for its depth
}

func (p *parser) syntax(what string) *refusal {
	p.whole = true
	return invalid("", fmt.Sprintf("is not valid JSON: %s (at byte %d)", what, p.at))
}

func (p *parser) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\t', '\r', '\n':
			p.at++
		default:
			return
		}
	}
}

// peek gives the next byte that is not white space, 0 at the end.
func (p *parser) peek() byte {
	p.space()
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *parser) value(s *shape, depth int) (any, *refusal) {
	if s != nil && s.opaque {
		p.space()
		begin := p.at
		if _, refused := p.parse(nil, depth, false); refused != nil {
			p.whole = p.whole && !p.deep
			return nil, refused
		}
		if p.at-begin > maxValue {
			return nil, tooLarge("", fmt.Sprintf("has more than %d bytes", maxValue))
		}
		return nil, nil
	}
	return p.parse(s, depth, true)
}

// parse reads a value and, if asked to, builds it.
func (p *parser) parse(s *shape, depth int, build bool) (any, *refusal) {
	c := p.peek()
	if (c == '{' || c == '[') && depth > maxDepth {
		p.whole, p.deep = true, true
		return nil, invalid("", fmt.Sprintf("is nested deeper than %d levels", maxDepth))
	}
	switch {
	case c == '{':
		return p.object(s, depth, build)
	case c == '[':
		return p.array(s, depth, build)
	case c == '"':
		return p.textValue(build)
	case c == '-' || c >= '0' && c <= '9':
		return p.number(build)
	case p.literal("true"):
		return true, nil
	case p.literal("false"):
		return false, nil
	case p.literal("null"):
		return nil, nil
	case c == 0 && p.at == len(p.text):
		return nil, p.syntax("it ends too early")
	}
	return nil, p.syntax("a value should begin here")
}

func (p *parser) literal(word string) bool {
	if !bytes.HasPrefix(p.text[p.at:], []byte(word)) {
		return false
	}
	p.at += len(word)
	return true
}

func (p *parser) object(s *shape, depth int, build bool) (any, *refusal) {
	var built map[string]any
	if build {
		built = map[string]any{}
	}
	open := len(p.keys)
	defer func() { p.keys = p.keys[:open] }()
	var many map[string]bool // the keys, once they are too many to compare one by one
	p.at++
	for first := true; ; first = false {
		switch c := p.peek(); {
		case c == '}' && first:
			p.at++
			return anyOf(built, build), nil
		case c != '"':
			return nil, p.syntax("a member's name should begin here")
		}
		key, refused := p.string()
		if refused != nil {
			return nil, refused
		}
		if p.repeated(open, key, &many) {
			return nil, invalid(pointTo(string(key), ""), "is there more than once")
		}
		if p.peek() != ':' {
			return nil, p.syntax("a colon should be here")
		}
		p.at++
		value, refused := p.member(s, string(key), depth, build)
		if refused != nil {
			return nil, p.within(string(key), refused)
		}
		if build {
			built[string(key)] = value
		}
		switch p.peek() {
		case ',':
			p.at++
		case '}':
			p.at++
			return anyOf(built, build), nil
		default:
			return nil, p.syntax("a comma or a closing brace should be here")
		}
	}
}

// anyOf keeps an object that was not built from becoming a map in an interface.
func anyOf(built map[string]any, build bool) any {
	if !build {
		return nil
	}
	return built
}

func (p *parser) member(s *shape, key string, depth int, build bool) (any, *refusal) {
	if !build {
		return p.parse(nil, depth+1, false)
	}
	return p.value(s.field(key), depth+1)
}

// repeated tells whether the innermost object had the key already, and notes it.
func (p *parser) repeated(open int, key []byte, many *map[string]bool) bool {
	const few = 16
	keys := p.keys[open:]
	if *many == nil && len(keys) < few {
		p.keys = append(p.keys, key)
		return slices.ContainsFunc(keys, func(k []byte) bool { return bytes.Equal(k, key) })
	}
	if *many == nil {
		*many = make(map[string]bool, 4*few)
		for _, k := range keys {
			(*many)[string(k)] = true
		}
	}
	had := (*many)[string(key)]
	(*many)[string(key)] = true
	return had
}

func (p *parser) array(s *shape, depth int, build bool) (any, *refusal) {
	var items []any
	var of *shape
	if build {
		items = []any{}
		if s != nil {
			of = s.items
		}
	}
	p.at++
	if p.peek() == ']' {
		p.at++
		return items, nil
	}
	for i := 0; ; i++ {
		var item any
		var refused *refusal
		if build {
			item, refused = p.value(of, depth+1)
			items = append(items, item)
		} else {
			_, refused = p.parse(nil, depth+1, false)
		}
		if refused != nil {
			return nil, p.within(strconv.Itoa(i), refused)
		}
		switch p.peek() {
		case ',':
			p.at++
		case ']':
			p.at++
			return items, nil
		default:
			return nil, p.syntax("a comma or a closing bracket should be here")
		}
	}
}

// textValue reads a string as a value.
func (p *parser) textValue(build bool) (any, *refusal) {
	text, refused := p.string()
	if refused != nil || !build {
		return nil, refused
	}
	if bytes.IndexByte(text, 0) >= 0 {
		return nil, invalid("", "must not have NUL characters")
	}
	return string(text), nil
}

// string reads a string. The result may share memory with the text.
func (p *parser) string() ([]byte, *refusal) {
	begin := p.at
	escaped := false
	for p.at++; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; {
		case c == '"':
			p.at++
			return p.unquote(p.text[begin:p.at], escaped)
		case c < ' ':
			return nil, p.syntax("a string has a control character that is not escaped")
		case c == '\\':
			escaped = true
			p.at++
			if p.at < len(p.text) && p.text[p.at] == 'u' {
				if !isHex(p.text[p.at+1:]) {
					return nil, p.syntax(`a string has \u without four hexadecimal digits`)
				}
				p.at += 4
			} else if p.at < len(p.text) && !strings.ContainsRune(`"\/bfnrt`, rune(p.text[p.at])) {
				return nil, p.syntax("a string has an unknown escape")
			}
		}
	}
	p.at = len(p.text)
	return nil, p.syntax("a string does not end")
}

func (p *parser) unquote(quoted []byte, escaped bool) ([]byte, *refusal) {
	if !escaped {
		return quoted[1 : len(quoted)-1], nil
	}
	var text string
	if err := json.Unmarshal(quoted, &text); err != nil {
		return nil, p.syntax("a string cannot be read")
	}
	return []byte(text), nil
}

func isHex(b []byte) bool {
	if len(b) < 4 {
		return false
	}
	for _, c := range b[:4] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}

func (p *parser) number(build bool) (any, *refusal) {
	begin := p.at
	if p.text[p.at] == '-' {
		p.at++
	}
	whole := p.digits()
	leadingZero := whole > 1 && p.text[p.at-whole] == '0'
	valid := whole > 0 && !leadingZero
	if valid && p.at < len(p.text) && p.text[p.at] == '.' {
		p.at++
		valid = p.digits() > 0
	}
	if valid && p.at < len(p.text) && (p.text[p.at] == 'e' || p.text[p.at] == 'E') {
		p.at++
		if p.at < len(p.text) && (p.text[p.at] == '+' || p.text[p.at] == '-') {
			p.at++
		}
		valid = p.digits() > 0
	}
	switch {
	case !valid:
		return nil, p.syntax("a number is malformed")
	case !build:
		return nil, nil
	}
	number, err := strconv.ParseFloat(string(p.text[begin:p.at]), 64)
	if err != nil {
		return nil, invalid("", "is a number beyond the range of 64 bits")
	}
	return number, nil
}

func (p *parser) digits() int {
	begin := p.at
	for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
		p.at++
	}
	return p.at - begin
}

// within says that a refusal is of something inside the member with this key.
func (p *parser) within(key string, refused *refusal) *refusal {
	for i := range refused.fields {
		if f := &refused.fields[i]; !p.whole {
			f.Pointer = pointTo(key, f.Pointer)
		}
	}
	return refused
}

// pointTo gives the JSON Pointer (RFC 6901) to what rest points to in the member key.
func pointTo(key, rest string) string { return "/" + escapePointer(key) + rest }

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

func escapePointer(key string) string { return pointerEscapes.Replace(key) }
