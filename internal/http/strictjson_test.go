package http

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParserLooksIntoValuesOnlyWhereTheShapeSays(t *testing.T) {
	t.Parallel()
	s := &shape{fields: map[string]*shape{"input": {opaque: true}, "list": {items: &shape{fields: map[string]*shape{"input": {opaque: true}}}}}}
	got, refused := parseJSON([]byte(` {"input": {"a": [1]}, "list": [{"input": "x", "name": "\u0041b"}], "n": -1.5e1, "t": true, "z": null} `), s)
	want := map[string]any{
		"input": nil, "list": []any{map[string]any{"input": nil, "name": "Ab"}}, "n": -15.0, "t": true, "z": nil,
	}
	if refused != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, refused)
	}
}

func TestParserFindsDuplicatesAmongManyKeys(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`{"first":{"x":1},`)
	for i := range 100 {
		b.WriteString(`"k` + strings.Repeat("x", i) + `":0,`)
	}
	if _, refused := parseJSON([]byte(b.String()+`"last":0}`), &shape{opaque: true}); refused != nil {
		t.Errorf("refused without a duplicate: %v", refused)
	}
	for _, key := range []string{"first", "k", "kxxxxxxxxxxxxxxx", "k" + strings.Repeat("x", 99)} {
		if _, refused := parseJSON([]byte(b.String()+`"`+key+`":0}`), &shape{opaque: true}); refused == nil || refused.fields[0].Pointer != "/"+key {
			t.Errorf("%s: %v", key, refused)
		}
	}
}

// FuzzParser holds the parser against encoding/json: what it takes, that takes,
// with the same result; what it refuses and that takes has one of the extra faults.
func FuzzParser(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e-3,"\u00e9\n",null,true],"b":{}}`, `[[]]`, `"\ud83d\ude00"`, `01`, `{"a":1,"a":2}`, `"\x"`, `[1,]`, ` 0 x`, "\"\x01\""} {
		f.Add([]byte(seed))
	}
	extra := []string{"more than once", "deeper", "beyond", "NUL", "UTF-8"}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, refused := parseJSON(text, nil)
		var want any
		err := json.Unmarshal(text, &want)
		if refused == nil {
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Fatalf("took %q as %v; encoding/json: %v, %v", text, got, want, err)
			}
		} else if err == nil {
			for _, fault := range extra {
				if strings.Contains(refused.Error(), fault) {
					return
				}
			}
			t.Fatalf("refused %q: %v", text, refused)
		}
		if _, opaque := parseJSON(text, &shape{opaque: true}); opaque == nil && (!json.Valid(text) || !utf8.Valid(text)) {
			t.Fatalf("took %q as a value of the user's", text)
		}
	})
}
