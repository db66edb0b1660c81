package delivery

import (
	"strings"
	"testing"
)

func TestErrorBodiesReachTheOrchestratorAsTypeMessageDetails(t *testing.T) {
	t.Parallel()
	const problem, plain, html = "application/problem+json", "application/json", "text/html"
	for name, tt := range map[string]struct {
		contentType, body            string
		errorType, message, contains string
		details                      string
	}{
		"our form":        {plain, `{"error":{"type":"Declined","message":"no money","details":{"a": 1}}}`, "Declined", "no money", "", `{"a": 1}`},
		"problem":         {problem, `{"type":"https://x.test/problems/out-of-stock","title":"Out","detail":"none left"}`, "out-of-stock", "none left", "", `{"type":"https://x.test/problems/out-of-stock","title":"Out","detail":"none left"}`},
		"problem, code":   {problem, `{"type":"https://x.test/a","code":"b","title":"Out"}`, "b", "Out", "", `{"type":"https://x.test/a","code":"b","title":"Out"}`},
		"problem, blank":  {problem, `{"type":"about:blank","title":"Out"}`, "http_500", "Out", "", `{"type":"about:blank","title":"Out"}`},
		"problem, urn":    {problem, `{"type":"urn:problem:stock","title":"Out"}`, "stock", "Out", "", `{"type":"urn:problem:stock","title":"Out"}`},
		"error is text":   {plain, `{"error":"boom"}`, "http_500", "boom", "", `{"error":"boom"}`},
		"list of details": {plain, `{"detail":[1]}`, "http_500", "the endpoint answered 500 Internal Server Error", "", `{"detail":[1]}`},
		"no JSON type":    {html, `{"error":{"type":"Declined","message":"no"}}`, "Declined", "no", "", ""},
		"HTML":            {html, "<h1>\x1b]0;owned\x07\u202e</h1>\n", "http_500", "", `<h1>\x1b]0;owned\a\u202e</h1>`, ""},
		"not UTF-8":       {html, "\xff", "http_500", "", `\xff`, ""},
		"broken JSON":     {plain, `{"error":`, "http_500", "", `{"error":`, ""},
		"array":           {plain, `[1]`, "http_500", "", `[1]`, ""},
		"null":            {plain, `null`, "http_500", "", `null`, ""},
		"nothing":         {plain, ``, "http_500", "the endpoint answered 500 Internal Server Error", "", ""},
		"endless text":    {html, strings.Repeat("x", maxErrorBytes+1), "http_500", "", "xxx…", ""},
		"depth bomb":      {plain, `{"error":` + strings.Repeat("[", 20_000), "http_500", "", "[[[", ""},
		"long type":       {plain, `{"error":{"type":"` + strings.Repeat("t", 500) + `"}}`, strings.Repeat("t", maxType) + "…", "the endpoint answered 500 Internal Server Error", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := client(t).Activity(t.Context(), request(answering(t, 500, tt.body, "Content-Type", tt.contentType)))
			wantFailure(t, got, Failed, tt.errorType, true)
			if tt.message != "" && got.Error.Message != tt.message {
				t.Errorf("message %q, want %q", got.Error.Message, tt.message)
			}
			wantText(t, got.Error.Message, tt.contains)
			if string(got.Error.Details) != tt.details {
				t.Errorf("details %s, want %s", got.Error.Details, tt.details)
			}
			if len(got.Error.Message) > maxMessage+10 || tt.contentType == html && len(got.Error.Message) > maxExcerpt+100 {
				t.Errorf("a message of %d bytes", len(got.Error.Message))
			}
		})
	}
}
