package durable_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stent-dev/stent/durable"
)

func noop(context.Context, int) (int, error)         { return 0, nil }
func noflow(*durable.Context, int) (int, error)      { return 0, nil }
func sign(key []byte, id, stamp, body string) string { return signWith("v1", key, id, stamp, body) }

func signWith(version string, key []byte, id, stamp, body string) string {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, stamp, body)
	return version + "," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func TestManifestTellsEverythingThatWasRegistered(t *testing.T) {
	t.Parallel()
	w := durable.NewWorker()
	durable.Activity(w, "charge", noop,
		durable.FunctionVersion("2"), durable.Queue("eu"), durable.Priority(5), durable.Tags("billing"),
		durable.Timeout(30*time.Second), durable.HeartbeatTimeout(time.Minute),
		durable.Retry(durable.RetryPolicy{MaxAttempts: 5, InitialDelay: 100 * time.Millisecond, BackoffFactor: 1.5, MaxDelay: time.Hour, Jitter: -1, RetryFor: []string{"down"}}),
		durable.Idempotent("/order_id"), durable.CacheTTL(0), durable.MaxConcurrent(3), durable.RateLimit(100, time.Second))
	durable.Orchestrator(w, "order", noflow)
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
	want := `{"protocol":1,"functions":[{"name":"charge","kind":"activity","version":"2","queue":"eu","priority":5,"tags":["billing"],"timeout":"30s","heartbeat_timeout":"1m",` +
		`"retry_policy":{"max_attempts":5,"initial_delay":"100ms","backoff_factor":1.5,"max_delay":"1h","jitter":0,"retry_for":["down"]},` +
		`"idempotent":true,"idempotency_key_from":["/order_id"],"cache_ttl":"0s","max_concurrent":3,"rate_limit":{"limit":100,"per":"1s"}},{"name":"order","kind":"orchestrator"}]}`
	if rec.Body.String() != want || rec.Header().Get("Stent-Protocol") != "1" {
		t.Fatalf("got  %s\nwant %s", rec.Body, want)
	}
}

func TestMisuseAtRegistrationPanicsWithItsReason(t *testing.T) {
	t.Parallel()
	for want, register := range map[string]func(*durable.Worker){
		`activity "": the name is empty`:                       func(w *durable.Worker) { durable.Activity(w, "", noop) },
		`activity "a": the function is nil`:                    func(w *durable.Worker) { durable.Activity[int, int](w, "a", nil) },
		`orchestrator "a": the function is nil`:                func(w *durable.Worker) { durable.Orchestrator[int, int](w, "a", nil) },
		`orchestrator "a": the name is registered already`:     func(w *durable.Worker) { durable.Activity(w, "a", noop); durable.Orchestrator(w, "a", noflow) },
		`Timeout: 0s is not a positive duration`:               func(w *durable.Worker) { durable.Activity(w, "a", noop, durable.Timeout(0)) },
		`Retry: a Jitter of more than 1`:                       func(w *durable.Worker) { durable.Activity(w, "a", noop, durable.Retry(durable.RetryPolicy{Jitter: 2})) },
		`MaxConcurrent: 0 is less than 1`:                      func(w *durable.Worker) { durable.Activity(w, "a", noop, durable.MaxConcurrent(0)) },
		`Idempotent: "order" is not a JSON Pointer`:            func(w *durable.Worker) { durable.Activity(w, "a", noop, durable.Idempotent("order")) },
		`CacheTTL: -1s is negative`:                            func(w *durable.Worker) { durable.Activity(w, "a", noop, durable.CacheTTL(-time.Second)) },
		`Queue: an empty text`:                                 func(w *durable.Worker) { durable.Activity(w, "a", noop, durable.Queue("")) },
		`HeartbeatTimeout is for activities`:                   func(w *durable.Worker) { durable.Orchestrator(w, "a", noflow, durable.HeartbeatTimeout(1)) },
		`NewWorker: Secret: a secret begins with whsec_`:       func(*durable.Worker) { durable.NewWorker(durable.Secret("")) },
		`NewWorker: Secret: what follows whsec_ is not base64`: func(*durable.Worker) { durable.NewWorker(durable.Secret("whsec_?")) },
		`NewWorker: MaxBody: 0 is less than 1`:                 func(*durable.Worker) { durable.NewWorker(durable.MaxBody(0)) },
		`NewWorker: CacheSize: -1 is negative`:                 func(*durable.Worker) { durable.NewWorker(durable.CacheSize(-1)) },
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
					t.Errorf("got %q, want %q", got, want)
				}
			}()
			register(durable.NewWorker())
		}()
	}
}

func TestRequestsThatNoServiceSendsAreRefusedWithTheirReason(t *testing.T) {
	t.Parallel()
	w := durable.NewWorker(durable.MaxBody(500))
	t.Cleanup(w.Close)
	durable.Orchestrator(w, "flow", noflow)
	turn := func(more string) string {
		return `{"protocol":1,"type":"turn","task":{"id":"t"}` + more + `}`
	}
	for _, c := range []struct {
		function, body string
		status         int
		detail         string
	}{
		{"", "{}", 400, "Stent-Function is missing"},
		{"other", "{}", 404, `this worker has no function \"other\"`},
		{"flow", strings.Repeat(" ", 501), 413, "limit of 500 bytes"},
		{"flow", "", 400, "not a turn"},
		{"flow", "[]", 400, "not a turn"},
		{"flow", `{"protocol":2,"type":"turn"}`, 400, "protocol is 2"},
		{"flow", `{"protocol":1,"type":"move"}`, 400, `type is \"move\"`},
		{"flow", `{"protocol":1,"type":"turn"}`, 400, "task.id is missing"},
		{"flow", turn(`,"history":[{"op":"call"}]`), 400, "history[0]: the key is missing"},
		{"flow", turn(`,"history":[{"key":"a"},{"key":"a"}]`), 400, `key \"a\" comes twice`},
		{"flow", turn(`,"history":[{"key":"a","op":"call","status":"completed"}]`), 400, "has no seq"},
		{"flow", turn(`,"history":[{"key":"a","op":"call","status":"completed","seq":1},{"key":"b","op":"call","status":"failed","seq":1}]`), 400, "the same seq 1"},
	} {
		rec := post(w, c.function, []byte(c.body), nil)
		if rec.Code != c.status || !strings.Contains(rec.Body.String(), c.detail) || rec.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %.80s: %d %s", c.function, c.body, rec.Code, rec.Body)
		}
	}
	if rec := post(w, "flow", []byte("{}"), http.Header{"Stent-Protocol": {"2"}}); rec.Code != 400 {
		t.Errorf("another protocol: %d", rec.Code)
	}
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, httptest.NewRequest(http.MethodPut, "/", nil))
	if rec.Code != 405 || rec.Header().Get("Allow") == "" {
		t.Errorf("PUT: %d", rec.Code)
	}
}

func TestOnlySignedDeliveriesRun(t *testing.T) {
	t.Parallel()
	key, old := []byte("0123456789abcdef01234567"), []byte("another key of 24 bytes.")
	secret := func(k []byte) string { return "whsec_" + base64.StdEncoding.EncodeToString(k) }
	w := durable.NewWorker(durable.Secret(secret(key), secret(old)))
	t.Cleanup(w.Close)
	durable.Activity(w, "work", noop)
	now := fmt.Sprint(time.Now().Unix())
	late, early := fmt.Sprint(time.Now().Add(-6*time.Minute).Unix()), fmt.Sprint(time.Now().Add(6*time.Minute).Unix())
	good := sign(key, "id", now, "1")
	for name, c := range map[string]struct {
		id, stamp, signature string
		want                 int
	}{
		"signed":            {"id", now, good, 200},
		"the older secret":  {"id", now, sign(old, "id", now, "1"), 200},
		"several":           {"id", now, "v2,xyz v1a,abc " + good, 200},
		"another version":   {"id", now, signWith("v2", key, "id", now, "1"), 401},
		"another body":      {"id", now, sign(key, "id", now, "2"), 401},
		"another id":        {"other", now, good, 401},
		"an unknown secret": {"id", now, sign([]byte("x"), "id", now, "1"), 401},
		"too old":           {"id", late, sign(key, "id", late, "1"), 401},
		"too new":           {"id", early, sign(key, "id", early, "1"), 401},
		"no time":           {"id", "noon", sign(key, "id", "noon", "1"), 401},
		"nothing":           {"", "", "", 401},
		"a callback":        {"callback-id", now, sign(key, "callback-id", now, "1"), 401},
		"garbage":           {"id", now, ",, v1 v1,", 401},
	} {
		rec := post(w, "work", []byte("1"), http.Header{
			"Webhook-Id": {c.id}, "Webhook-Timestamp": {c.stamp}, "Webhook-Signature": {c.signature},
		})
		if rec.Code != c.want {
			t.Errorf("%s: %d %s", name, rec.Code, rec.Body)
		}
	}
}

func TestSignatureIsThatOfTheStandardsOwnExample(t *testing.T) {
	t.Parallel()
	// The example of the Standard Webhooks specification.
	key, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", `{"test": 2432232314}`)
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
}

func FuzzTurn(f *testing.F) {
	s := newService("flow", 1)
	f.Add([]byte(asJSON(s.request())))
	f.Add([]byte(`{"protocol":1,"type":"turn","task":{"id":"t"},"history":[{"seq":1,"key":"a#0","op":"call","name":"a","status":"completed","value":1}]}`))
	f.Add([]byte(`{"protocol":1,"type":"turn","task":{"id":"t"},"history":[{"seq":-1,"key":"l#0","op":"local","name":"l","status":"failed","error":{}}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		w := durable.NewWorker(durable.Logger(discard))
		defer w.Close()
		durable.Orchestrator(w, "flow", func(ctx *durable.Context, _ any) (any, error) {
			v, err := durable.Local(ctx, "l", func() (int, error) { return 1, nil })
			if err != nil {
				return nil, err
			}
			ctx.CancelRequested()
			items, err := durable.MapCollect[int](ctx, "m", []int{v})
			if err != nil {
				return nil, err
			}
			return len(items), durable.All(ctx, durable.Start[int](ctx, "a", 1), ctx.Timer(1), durable.Dispatch(ctx, "d", 1))
		})
		first := post(w, "flow", body, nil)
		again := post(w, "flow", body, nil)
		if first.Code != again.Code || !bytes.Equal(first.Body.Bytes(), again.Body.Bytes()) {
			t.Fatalf("%d %s\nthen %d %s", first.Code, first.Body, again.Code, again.Body)
		}
	})
}
