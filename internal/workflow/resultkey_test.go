package workflow

import (
	"encoding/json"
	"testing"
)

func keyOf(f Function, input string) ResultKey {
	return f.ResultKey(json.RawMessage(input), nil, OpCall, 0)
}

func TestSpellingsOfOneValueHaveOneKey(t *testing.T) {
	t.Parallel()
	f := Function{Name: "f", Idempotent: true}
	for _, same := range [][]string{
		{`{"a": 1, "b": [true, null]}`, `{"b":[true,null],"a":1}`, "{\n\"a\":1.0,\"b\":[true,null]}", `{"\u0061":10e-1,"b":[true,null]}`},
		{`0`, `-0`, `0.0`, `0e99`, `-0.000e-5`}, {`1500`, `1.5e3`, `15E+2`, `0.15e4`}, {`-0.001`, `-1e-3`, `-10.0e-4`},
		{`12345678901234567890`, `1.234567890123456789e19`}, {`"é"`, `"\u00e9"`}, {`null`}, {`""`}, {`[]`}, {`{}`}, {`false`},
		{`12345678901234567891`}, {`1e99999999999`}, {`[1]`}, {`"1"`}, {`1`},
	} {
		for _, text := range same {
			if keyOf(f, text) != keyOf(f, same[0]) {
				t.Errorf("%s and %s have different keys", text, same[0])
			}
		}
	}
	if f.ResultKey(nil, nil, OpCall, 0) != keyOf(f, `null`) {
		t.Error("no input and null have different keys")
	}
	seen := map[ResultKey]string{}
	for _, text := range []string{`0`, `-1`, `1`, `10`, `1e1000`, `""`, `[]`, `{}`, `null`, `false`, `[0]`, `"0"`, `12345678901234567890`, `12345678901234567891`} {
		if k := keyOf(f, text); seen[k] != "" && text != `10` {
			t.Errorf("%s and %s have one key", text, seen[k])
		} else {
			seen[k] = text
		}
	}
}

func TestKeyIsMadeOfWhatThePointersName(t *testing.T) {
	t.Parallel()
	f := Function{Name: "f", Idempotent: true, IdempotencyKeyFrom: []string{"/order/id", "/lines/0", "/a~1b", "/m~0n", "/gone"}}
	base := `{"order": {"id": 7, "note": "x"}, "lines": [1, 2], "a/b": 3, "m~n": 4}`
	for text, same := range map[string]bool{
		`{"m~n": 4.0, "a/b": 3, "lines": [1, 3], "order": {"id": 7}}`:                                 true,
		`{"order": {"id": 7}, "lines": [1], "a/b": 3, "m~n": 4, "gone": null}`:                        true,
		`{"order": {"id": "7"}, "lines": [1, 2], "a/b": 3, "m~n": 4}`:                                 false,
		`{"order": {"id": 7}, "lines": {"0": 2}, "a/b": 3, "m~n": 4}`:                                 false,
		`{"order": {"id": 7, "note": "x"}, "lines": [1, 2], "a/b": 3, "m~n": 5}`:                      false,
		`{"order": {"id": 7, "note": "x"}, "lines": [1, 2], "a/b": 3, "m~n": 4, "gone": {"deep": 1}}`: false,
	} {
		if got := keyOf(f, text) == keyOf(f, base); got != same {
			t.Errorf("%s has the same key: %v, want %v", text, got, same)
		}
	}
	for pointer, want := range map[string]any{"": "all", "/01": nil, "/-": nil, "/1": "b", "/2": nil, "/1/x": nil} {
		var value any = []any{"a", "b"}
		got := find(value, pointer)
		if pointer == "" {
			got = map[bool]any{true: "all"}[got != nil]
		}
		if got != want {
			t.Errorf("%q names %v, want %v", pointer, got, want)
		}
	}
	for pointer, good := range map[string]bool{"": true, "/": true, "/a~0~1": true, "a": false, "/a~": false, "/a~2": false} {
		if fault := pointerFault(pointer); (fault == "") != good {
			t.Errorf("%q: %q", pointer, fault)
		}
	}
}

func TestKeyBelongsToItsFunctionAndToTheVersionOfOneThatIsOnlyCached(t *testing.T) {
	t.Parallel()
	ttl := DefaultTimeout
	cached := func(version string) Function { return Function{Name: "f", Version: version, CacheTTL: &ttl} }
	both := func(version string) Function {
		return Function{Name: "f", Version: version, CacheTTL: &ttl, Idempotent: true}
	}
	if keyOf(cached("1"), "7") == keyOf(cached("2"), "7") {
		t.Error("versions of a cached function share results")
	}
	if keyOf(both("1"), "7") != keyOf(both("2"), "7") {
		t.Error("versions of an idempotent function share no results")
	}
	if keyOf(Function{Name: "g", Idempotent: true}, "7") == keyOf(both("1"), "7") {
		t.Error("functions share results")
	}
	if !keyOf(Function{Name: "plain"}, "7").IsZero() {
		t.Error("a plain function shares results")
	}
}

func TestKeyThatACallBringsDecides(t *testing.T) {
	t.Parallel()
	given := func(f Function, input, key string, op Op, item int) ResultKey {
		return f.ResultKey(json.RawMessage(input), &CallOptions{IdempotencyKey: key}, op, item)
	}
	plain := Function{Name: "f", Version: "1"}
	if given(plain, "1", "k", OpCall, 0) != given(Function{Name: "f", Version: "2"}, "2", "k", OpStart, 0) {
		t.Error("the input or the version counts beside the key")
	}
	if given(plain, "1", "k", OpCall, 0) == given(plain, "1", "l", OpCall, 0) {
		t.Error("the key does not count")
	}
	if given(plain, "1", "k", OpItem, 0) == given(plain, "1", "k", OpItem, 1) {
		t.Error("all items of a map have one key")
	}
	idempotent := Function{Name: "f", Idempotent: true}
	if given(idempotent, "1", "k", OpCall, 0) == keyOf(idempotent, `"k"`) {
		t.Error("an input can be taken for a key that a call brought")
	}
}
