package workflow

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// Canonical writes a JSON text so that all spellings of one value give the same
// bytes: without white space, the members of objects in the order of their names,
// characters escaped in one way only, and numbers by their exact value, so that 1,
// 1.0 and 10e-1 are one number and two large integers that differ in their last
// digit are not. The error says that the text is not JSON.
func Canonical(text json.RawMessage) (json.RawMessage, error) {
	value, err := decodeExactly(text)
	if err != nil {
		return nil, err
	}
	return json.Marshal(value)
}

// decodeExactly reads JSON with its numbers as canonical texts.
func decodeExactly(text json.RawMessage) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	return canonicalNumbers(value), nil
}

func canonicalNumbers(value any) any {
	switch v := value.(type) {
	case json.Number:
		return json.Number(canonicalNumber(string(v)))
	case []any:
		for i := range v {
			v[i] = canonicalNumbers(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = canonicalNumbers(v[name])
		}
	}
	return value
}

// canonicalNumber writes a JSON number as an integer that does not end with 0,
// times a power of ten. One whose exponent has no bounds keeps its spelling.
func canonicalNumber(n string) string {
	mantissa, exponent, scaled := strings.Cut(strings.ToLower(n), "e")
	power := int64(0)
	if scaled {
		var err error
		if power, err = strconv.ParseInt(exponent, 10, 32); err != nil {
			return n
		}
	}
	unsigned := strings.TrimPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(unsigned, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	significant := strings.TrimRight(digits, "0")
	if significant == "" {
		return "0"
	}
	power += int64(len(digits) - len(significant) - len(fraction))
	if len(unsigned) != len(mantissa) {
		significant = "-" + significant
	}
	if power == 0 {
		return significant
	}
	return significant + "e" + strconv.FormatInt(power, 10)
}
