package http

import (
	"compress/gzip"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// fetch asks for a path with headers given as "Name: value".
func fetch(t *testing.T, c client, path string, headers ...string) (*http.Response, string) {
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
	return response, string(body)
}

// The reference needs no key, and every file that it names is served here.
func TestReferenceIsServedWithAllThatItNeeds(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{Engine: &fake{}, APIKeys: []string{"k"}})
	response, page := fetch(t, c, "/docs")
	if response.StatusCode != http.StatusOK || !strings.Contains(response.Header.Get("Content-Security-Policy"), "default-src 'self'") {
		t.Fatalf("%d %v", response.StatusCode, response.Header)
	}
	if strings.Contains(page, "//") && regexp.MustCompile(`(src|href)="[^"]*//`).MatchString(page) {
		t.Errorf("the page asks another host:\n%s", page)
	}
	for _, file := range regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		response, body := fetch(t, c, "/"+file[1])
		if response.StatusCode != http.StatusOK || body == "" {
			t.Errorf("%s: %d", file[1], response.StatusCode)
		}
		again, _ := fetch(t, c, "/"+file[1], "If-None-Match: "+response.Header.Get("Etag"))
		if etag := response.Header.Get("Etag"); etag != "" && again.StatusCode != http.StatusNotModified {
			t.Errorf("%s again: %d", file[1], again.StatusCode)
		}
	}
	if response, _ := fetch(t, c, "/docs/"); response.Header.Get("Location") != "/docs" {
		t.Errorf("/docs/ leads to %q", response.Header.Get("Location"))
	}
	if response, _ := fetch(t, c, "/docs/nothing.js"); response.StatusCode != http.StatusNotFound {
		t.Errorf("what is not there: %d", response.StatusCode)
	}
}

func TestReferenceIsSentCompressedToThoseWhoTakeIt(t *testing.T) {
	t.Parallel()
	c := setup(t, Options{Engine: &fake{}})
	_, plain := fetch(t, c, "/docs/swagger-ui.css")
	response, body := fetch(t, c, "/docs/swagger-ui.css", "Accept-Encoding: br, gzip")
	if response.Header.Get("Content-Encoding") != "gzip" || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/css") {
		t.Fatalf("%v", response.Header)
	}
	expanded, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(expanded); err != nil || string(text) != plain {
		t.Errorf("%d bytes came compressed, and %d as they are (%v)", len(text), len(plain), err)
	}
}
