package delivery

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const protocol = "Stent-Protocol"

func TestTurnAnswerIsDecoded(t *testing.T) {
	t.Parallel()
	body := `{"commands":[{"key":"ship#0","op":"call","name":"ship","input":{"a": 1}}],"await":{"any":["ship#0",{"all":["x#0"]}]},"outcome":null}`
	got := client(t).Turn(t.Context(), request(answering(t, 200, body, protocol, "1")))
	if got.Outcome != Completed || got.Error != nil {
		t.Fatalf("got %+v %+v", got, got.Error)
	}
	a := got.Answer
	if len(a.Commands) != 1 || string(a.Commands[0].Input) != `{"a": 1}` || len(a.Await.Any) != 2 || a.Outcome != nil {
		t.Errorf("got %+v", a)
	}
	got = client(t).Turn(t.Context(), request(answering(t, 200, `{"outcome":{"completed":null}}`, protocol, "1")))
	if got.Outcome != Completed || string(got.Answer.Outcome.Completed) != "null" {
		t.Errorf("got %+v", got)
	}
}

func TestTurnAnswersThatAreNotValidFail(t *testing.T) {
	t.Parallel()
	v1 := []string{protocol, "1"}
	for name, tt := range map[string]struct {
		status          int
		body            string
		headers         []string
		errorType, text string
	}{
		"no protocol":      {200, `{}`, nil, "missing_protocol", "proxy"},
		"other protocol":   {200, `{}`, []string{protocol, "2"}, "unsupported_protocol", "2"},
		"unknown field":    {200, `{"comands":[]}`, v1, "invalid_answer", `unknown field "comands"`},
		"wrong type":       {200, `{"commands":[{"key":5}]}`, v1, "invalid_answer", "commands.key: got number, want string"},
		"array":            {200, `[]`, v1, "invalid_answer", "object"},
		"bad await":        {200, `{"await":{"any":["a"],"all":["b"]}}`, v1, "invalid_answer", "await"},
		"empty outcome":    {200, `{"outcome":{}}`, v1, "invalid_answer", "outcome"},
		"two outcomes":     {200, `{"outcome":{"completed":1,"continue_as_new":{"input":1}}}`, v1, "invalid_answer", "outcome"},
		"HTML":             {200, `<html>`, v1, "invalid_json", "<html>"},
		"cut JSON":         {200, `{"commands":[`, v1, "invalid_json", "not JSON"},
		"more than one":    {200, `{} {}`, v1, "invalid_json", "follows"},
		"empty":            {200, ``, v1, "invalid_json", "empty"},
		"depth bomb":       {200, `{"await":` + strings.Repeat(`{"all":[`, 5_000), v1, "json_too_deep", "64"},
		"too large":        {200, `{"commands":[` + strings.Repeat(" ", DefaultMaxAnswerBytes), v1, "result_too_large", "4194304"},
		"compressed":       {200, `{}`, []string{protocol, "1", "Content-Encoding", "br"}, "content_encoding", "br"},
		"204":              {204, ``, v1, "http_204", "204"},
		"202":              {202, `{}`, []string{protocol, "1", "Stent-Async", "true"}, "http_202", "202"},
		"redirect":         {307, ``, []string{"Location", "/x"}, "redirect", "/x"},
		"error of handler": {500, `{"error":{"type":"Panic","message":"oops"}}`, v1, "Panic", "oops"},
		"gone":             {410, ``, nil, "http_410", "410"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := client(t).Turn(t.Context(), request(answering(t, tt.status, tt.body, tt.headers...)))
			if got.Outcome != Failed || got.Error == nil || got.Error.Type != tt.errorType || got.Answer != nil {
				t.Fatalf("got %+v %+v", got, got.Error)
			}
			wantText(t, got.Error.Message, tt.text)
			if got.DisableWorker != (tt.status == 410) || got.StatusCode != tt.status || got.Contact != ContactMade {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestTurnIsThrottledOrUnreachableLikeAnActivity(t *testing.T) {
	t.Parallel()
	c := client(t)
	got := c.Turn(t.Context(), request(answering(t, 503, "", "Retry-After", "9")))
	if got.Outcome != Throttled || got.RetryAfter != 9*time.Second {
		t.Errorf("got %+v", got)
	}
	if got := c.Turn(t.Context(), request(answering(t, 500, "", "Retry-After", "9"))); got.Outcome != Failed || got.RetryAfter != 0 {
		t.Errorf("got %+v", got)
	}
	if got := c.Turn(t.Context(), request("http://127.0.0.1:1")); got.Outcome != Unreachable {
		t.Errorf("got %+v", got)
	}
}

func TestTurnIsToldNoDeadlineBeyondItsRequest(t *testing.T) {
	t.Parallel()
	told := make(chan string, 1)
	url := worker(t, func(w http.ResponseWriter, r *http.Request) {
		told <- r.Header.Get("Stent-Deadline")
		w.Header().Set(protocol, "1")
		_, _ = w.Write([]byte(`{"outcome":{"completed":null}}`))
	})
	begun := time.Now()
	for _, deadline := range []time.Time{{}, begun.Add(time.Second), begun.Add(24 * time.Hour)} {
		r := request(url)
		r.Deadline, r.Timeout = deadline, time.Minute
		if got := client(t).Turn(t.Context(), r); got.Outcome != Completed {
			t.Fatalf("got %+v", got)
		}
		header := <-told
		if deadline.IsZero() && header == "" {
			continue
		}
		got, err := time.Parse(time.RFC3339, header)
		if err != nil {
			t.Fatal(err)
		}
		early, late := deadline.Truncate(time.Microsecond), deadline
		if deadline.After(begun.Add(r.Timeout)) {
			early, late = begun.Add(r.Timeout).Truncate(time.Microsecond), time.Now().Add(r.Timeout)
		}
		if got.Before(early) || got.After(late) {
			t.Errorf("told %v of %v", got, deadline)
		}
	}
}

func FuzzDecodeAnswer(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"commands":null,"await":"a","outcome":{"failed":{"error":{"type":"t","message":"m"}}}}`,
		`{"await":{"any":[{"all":[]}]}}`, `[`, `{"commands":[{"inputs":[1,{"a":"]"}]}]}`, "\xff", `"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		answer, fail := decodeAnswer(trimSpace(body))
		if (answer == nil) == (fail == nil) {
			t.Fatalf("answer %v, failure %v", answer, fail)
		}
		if fail != nil && (fail.errorType == "" || fail.message == "") {
			t.Fatalf("a failure that does not say why: %+v", fail)
		}
	})
}

func TestManifestIsRead(t *testing.T) {
	t.Parallel()
	wh, err := standardwebhooks.NewWebhook(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	url := worker(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.Header.Get(protocol) != "1" {
			t.Errorf("%s %v", r.Method, r.Header)
		}
		if err := wh.Verify(nil, r.Header); err != nil {
			t.Error(err)
		}
		_, _ = w.Write([]byte(`{"protocol":1,"functions":[{"name":"charge","kind":"activity","timeout":"5s"}]}`))
	})
	m, err := client(t).Manifest(t.Context(), url, testSecret)
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Functions) != 1 || m.Functions[0].Timeout != "5s" {
		t.Errorf("got %+v", m)
	}
}

func TestManifestErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ url, errorType, text string }{
		"not a worker":   {answering(t, 405, ""), "http_405", "Is this the URL of a worker?"},
		"HTML":           {answering(t, 200, "<html>"), "invalid_json", "<html>"},
		"typo":           {answering(t, 200, `{"protocol":1,"functions":[{"nam":"x"}]}`), "invalid_answer", `"nam"`},
		"other protocol": {answering(t, 200, `{"protocol":2,"functions":[]}`), "unsupported_protocol", "2"},
		"no name":        {answering(t, 200, `{"protocol":1,"functions":[{"kind":"activity"}]}`), "invalid_answer", "functions[0]"},
		"nobody there":   {"http://127.0.0.1:1", "unreachable", "127.0.0.1:1"},
		"denied":         {"http://169.254.169.254/", "address_denied", "169.254.169.254"},
		"redirect":       {answering(t, 308, "", "Location", "https://x.test/"), "redirect", "https://x.test/"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := client(t).Manifest(t.Context(), tt.url, "")
			var e *ManifestError
			if !errors.As(err, &e) || e.Type != tt.errorType || e.Unreachable != (name == "nobody there") {
				t.Fatalf("got %#v", err)
			}
			wantText(t, err.Error(), tt.text)
		})
	}
}

func TestOriginIsNormal(t *testing.T) {
	t.Parallel()
	c := client(t)
	var got []string
	for _, url := range []string{"http://Host/a?b", "https://u:p@host", "http://[::1]:9/x", "http://host:8080", "not a url"} {
		got = append(got, c.Origin(url))
	}
	want := []string{"http://host:80", "https://host:443", "http://[::1]:9", "http://host:8080", "not a url"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
