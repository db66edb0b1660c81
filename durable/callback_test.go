package durable_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
)

const (
	secret      = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3" // of key
	otherSecret = "whsec_YW5vdGhlciBrZXkgb2YgMjQgYnl0ZXMu"
)

// callback is a request that tells how an execution ended, signed by secret.
func callback(id, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/ended", strings.NewReader(body))
	now := fmt.Sprint(time.Now().Unix())
	r.Header.Set("Stent-Event", "execution.completed")
	r.Header.Set("webhook-id", id)
	r.Header.Set("webhook-timestamp", now)
	r.Header.Set("webhook-signature", sign([]byte("0123456789abcdef01234567"), id, now, body))
	return r
}

func TestCallbackIsReadOnlyIfItIsSigned(t *testing.T) {
	t.Parallel()
	const body = `{"id": "e", "state": "completed", "result": 7}`
	for name, c := range map[string]struct {
		request *http.Request
		secrets []string
		want    string // of the error
	}{
		"signed":         {callback("callback-t", body), []string{otherSecret, secret}, ""},
		"unchecked":      {callback("callback-t", body), nil, ""},
		"another secret": {callback("callback-t", body), []string{otherSecret}, "not signed by a secret that is known"},
		"no secret":      {callback("callback-t", body), []string{"shh"}, "secret 1: a secret begins with whsec_"},
		"a delivery":     {callback("t", body), []string{secret}, `is no callback: its webhook-id is "t"`},
		"no execution":   {callback("callback-t", "7"), []string{secret}, "is not an execution"},
		"nothing":        {callback("callback-t", "null"), []string{secret}, "is not an execution"},
	} {
		got, err := durable.ReadCallback(c.request, c.secrets...)
		switch {
		case c.want != "":
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: got %v", name, err)
			}
			if errors.Is(err, durable.ErrNotSigned) != (name == "another secret") {
				t.Errorf("%s: %v is or is not ErrNotSigned", name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case got.ID != "callback-t" || got.Event != "execution.completed" || string(got.Execution.Result) != "7":
			t.Errorf("%s: got %+v of %+v", name, got, got.Execution)
		}
	}
}

func FuzzReadCallback(f *testing.F) {
	f.Add("callback-t", `{"id": "e"}`)
	f.Add("", "")
	f.Fuzz(func(t *testing.T, id, body string) {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
		r.Header["Webhook-Id"] = []string{id}
		if c, err := durable.ReadCallback(r); err == nil && c.Execution.ID == "" {
			t.Error("an execution without an id")
		}
	})
}

// Whoever is told how an execution ended checks who tells it.
func ExampleReadCallback() {
	ended := func(w http.ResponseWriter, r *http.Request) {
		c, err := durable.ReadCallback(r, secret)
		if err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
			return
		}
		fmt.Println(c.Event, string(c.Execution.Result))
	}

	ended(httptest.NewRecorder(), callback("callback-t", `{"id": "e", "state": "completed", "result": 7}`))
	// Output: execution.completed 7
}
