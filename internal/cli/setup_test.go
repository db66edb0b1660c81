package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stent-dev/stent/internal/cli"
)

var update = flag.Bool("update", false, "write the golden files anew")

// now is what time it is in these tests.
var now = time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)

// terminal is one that a test reads from, and that may be changed before it is used.
type terminal struct {
	cli.Terminal
	out, err bytes.Buffer
	env      map[string]string
}

// newTerminal is where commands run as in a script: no screen, and nobody to ask.
func newTerminal(env map[string]string) *terminal {
	t := &terminal{env: env}
	t.Terminal = cli.Terminal{
		In: strings.NewReader(""), Out: &t.out, Err: &t.err,
		Size: func() (int, int) { return 100, 30 },
		Now:  func() time.Time { return now },
	}
	return t
}

// run carries out a command line.
func (t *terminal) run(ctx context.Context, args ...string) cli.Exit {
	return cli.New(t.Terminal, func(name string) string { return t.env[name] }).Run(ctx, args)
}

// service answers requests as a service would: by method and path, with a status
// and a body, which is a text, a function or a value to write as JSON.
type service struct {
	answers map[string]answer
	asked   []string // each request: method, path with query, and body
}

type answer struct {
	status int
	body   any
}

// serve starts a service for a test, and gives a terminal that is set up for it.
func serve(t *testing.T, answers map[string]answer) (*service, *terminal) {
	t.Helper()
	s := &service{answers: answers}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, newTerminal(map[string]string{"STENT_URL": server.URL})
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.asked = append(s.asked, strings.TrimSpace(r.Method+" "+r.RequestURI+" "+string(body)))
	a, known := s.answers[r.Method+" "+r.URL.Path]
	if !known {
		a = answer{http.StatusNotFound, `{"code":"not_found","detail":"There is nothing at this path.","status":404}`}
	}
	kind := "application/json"
	if a.status >= 400 {
		kind = "application/problem+json"
	}
	w.Header().Set("Content-Type", kind)
	switch body := a.body.(type) {
	case func(http.ResponseWriter, *http.Request):
		body(w, r)
	case string:
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, body)
	default:
		w.WriteHeader(a.status)
		writeJSON(w, body)
	}
}

func writeJSON(w http.ResponseWriter, body any) { _ = json.NewEncoder(w).Encode(body) }

// golden compares a text with the file that keeps it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
