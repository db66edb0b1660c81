package wake

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func decodeAll(t testing.TB, payloads []string) Hint {
	t.Helper()
	var sum Hint
	for _, p := range payloads {
		from, h, err := decode(p)
		if err != nil || from != "me" {
			t.Fatalf("decode(%q) = from %q, %v", p, from, err)
		}
		sum.Queues = append(sum.Queues, h.Queues...)
		sum.Executions = append(sum.Executions, h.Executions...)
		sum.Cancelled = append(sum.Cancelled, h.Cancelled...)
		sum.Watched = append(sum.Watched, h.Watched...)
		sum.Changed = append(sum.Changed, h.Changed...)
		sum.Functions = sum.Functions || h.Functions
		sum.All = sum.All || h.All
	}
	return sum
}

func TestHintsSurviveEncodingInPayloadsWithinTheLimit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(rapid.StringN(0, 40, 200), 0, 60)
		h := Hint{
			Queues: names.Draw(t, "queues"), Executions: names.Draw(t, "executions"), Cancelled: names.Draw(t, "cancelled"),
			Watched: names.Draw(t, "watched"), Changed: names.Draw(t, "changed"),
			Functions: rapid.Bool().Draw(t, "functions"), All: rapid.Bool().Draw(t, "all"),
		}
		limit := rapid.IntRange(1400, maxNotify).Draw(t, "limit")
		payloads, err := encode("me", h, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range payloads {
			if len(p) > limit {
				t.Fatalf("a payload of %d bytes, limit %d", len(p), limit)
			}
		}
		var sum Hint
		for _, p := range payloads {
			_, part, err := decode(p)
			if err != nil {
				t.Fatal(err)
			}
			sum.Queues = append(sum.Queues, part.Queues...)
			sum.Executions = append(sum.Executions, part.Executions...)
			sum.Cancelled = append(sum.Cancelled, part.Cancelled...)
			sum.Watched = append(sum.Watched, part.Watched...)
			sum.Changed = append(sum.Changed, part.Changed...)
			sum.Functions = sum.Functions || part.Functions
			sum.All = sum.All || part.All
		}
		if !slices.Equal(sum.Queues, h.Queues) || !slices.Equal(sum.Executions, h.Executions) ||
			!slices.Equal(sum.Cancelled, h.Cancelled) || !slices.Equal(sum.Watched, h.Watched) || !slices.Equal(sum.Changed, h.Changed) || sum.Functions != h.Functions || sum.All != h.All {
			t.Fatalf("got %+v, want %+v", sum, h)
		}
	})
}

func TestNameThatNoPayloadHoldsBecomesAll(t *testing.T) {
	t.Parallel()
	payloads, err := encode("me", Hint{Queues: []string{strings.Repeat("q", 9000), "default"}}, maxNotify)
	if err != nil {
		t.Fatal(err)
	}
	got := decodeAll(t, payloads)
	if !got.All || !slices.Equal(got.Queues, []string{"default"}) {
		t.Errorf("got %+v", got)
	}
}

func TestMergedHintsAreDistinctAndBounded(t *testing.T) {
	t.Parallel()
	var b batch
	for range 3 {
		b.add(Hint{Queues: []string{"a", "b"}, Executions: []string{"x"}})
	}
	b.add(Hint{Functions: true, Cancelled: []string{"t"}})
	h := b.hint()
	if !slices.Equal(h.Queues, []string{"a", "b"}) || !slices.Equal(h.Executions, []string{"x"}) || !h.Functions || h.All {
		t.Errorf("got %+v", h)
	}
	for i := range maxListed + 1 {
		b.add(Hint{Executions: []string{fmt.Sprint("id", i)}})
	}
	h = b.hint()
	if !h.All || len(h.Executions) != 0 || !slices.Equal(h.Cancelled, []string{"t"}) {
		t.Errorf("beyond the bound: got All %v, %d executions, cancelled %v", h.All, len(h.Executions), h.Cancelled)
	}
}
