package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
)

// rounds is how often each race is run.
const rounds = 200

func TestIdenticalSignalsAtTheSameTimeAreOneSignal(t *testing.T) {
	t.Parallel()
	c := start(t, onPostgres, patient)
	c.api()
	apis := []*cluster{c.at(0), c.at(1)}
	c.register("later", "activity", "http://127.0.0.1:1", "")
	a := c.must(http.StatusCreated, "POST", "/v1/executions", `{"function": "later", "delay": "1h"}`)
	path := fmt.Sprintf("/v1/executions/%s", a.field(t, "id"))
	for round := range rounds {
		const senders = 8
		var answers [senders]answer
		var all sync.WaitGroup
		for i := range senders {
			all.Go(func() {
				answers[i] = apis[i%2].do("POST", path+"/signals/go", fmt.Sprint(round), "Idempotency-Key", fmt.Sprintf("key-%d", round))
			})
		}
		all.Wait()
		first := 0
		for _, a := range answers {
			if a.status != http.StatusAccepted || a.field(t, "id") != answers[0].field(t, "id") {
				t.Fatalf("round %d: %d %s, and %s", round, a.status, a.body, answers[0].body)
			}
			if a.header.Get("Idempotent-Replayed") != "true" {
				first++
			}
		}
		if first != 1 {
			t.Fatalf("round %d: %d answers say that theirs was the first", round, first)
		}
	}
	var list struct{ Items []json.RawMessage }
	if err := json.Unmarshal(c.must(http.StatusOK, "GET", path+"/signals?limit=500", "").body, &list); err != nil || len(list.Items) != rounds {
		t.Fatalf("%d signals in the mailbox (%v), want %d", len(list.Items), err, rounds)
	}
	repeat := func(status int, payload string) answer {
		return c.must(status, "POST", path+"/signals/go", payload, "Idempotency-Key", "key-7")
	}
	if code := repeat(http.StatusUnprocessableEntity, "8").field(t, "code"); code != "idempotency_key_reused" {
		t.Errorf("another payload: %v", code)
	}
	c.must(http.StatusOK, "POST", path+"/cancel", `{"mode": "force"}`)
	repeat(http.StatusAccepted, "7") // the first answer, also after the end
	c.must(http.StatusConflict, "POST", path+"/signals/go", "1", "Idempotency-Key", "fresh")
}
