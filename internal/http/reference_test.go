package http

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// fetch asks for a path with headers given as "Name: value".
func fetch(t *testing.T, c client, path string, headers ...string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	response, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, body}
}

// The reference needs no key, and every file that it names is served here.
func TestReferenceIsServedWithAllThatItNeeds(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{Engine: &fake{}, APIKeys: []string{"k"}})
	page := fetch(t, c, "/docs")
	if page.status != http.StatusOK || !strings.Contains(page.header.Get("Content-Security-Policy"), "default-src 'self'") {
		t.Fatalf("%d %v", page.status, page.header)
	}
	if regexp.MustCompile(`(src|href)="[^"]*//`).Match(page.body) {
		t.Errorf("the page asks another host:\n%s", page.body)
	}
	for _, file := range regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(string(page.body), -1) {
		got := fetch(t, c, "/"+file[1])
		if got.status != http.StatusOK || len(got.body) == 0 {
			t.Errorf("%s: %d", file[1], got.status)
		}
		if tag := got.header.Get("Etag"); tag != "" {
			if again := fetch(t, c, "/"+file[1], "If-None-Match: "+tag); again.status != http.StatusNotModified {
				t.Errorf("%s again: %d", file[1], again.status)
			}
		}
	}
	if got := fetch(t, c, "/docs/"); got.header.Get("Location") != "/docs" {
		t.Errorf("/docs/ leads to %q", got.header.Get("Location"))
	}
	if got := fetch(t, c, "/docs/nothing.js"); got.status != http.StatusNotFound {
		t.Errorf("what is not there: %d", got.status)
	}
}

func TestReferenceIsSentCompressedToThoseWhoTakeIt(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{Engine: &fake{}})
	plain := fetch(t, c, "/docs/swagger-ui.css")
	got := fetch(t, c, "/docs/swagger-ui.css", "Accept-Encoding: br, gzip")
	if got.header.Get("Content-Encoding") != "gzip" || !strings.HasPrefix(got.header.Get("Content-Type"), "text/css") {
		t.Fatalf("%v", got.header)
	}
	expanded, err := gzip.NewReader(bytes.NewReader(got.body))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(expanded); err != nil || !bytes.Equal(text, plain.body) {
		t.Errorf("%d bytes came compressed, and %d as they are (%v)", len(text), len(plain.body), err)
	}
}
