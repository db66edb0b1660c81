package http

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
)

// dashboardPath is what the paths of the dashboard's assets begin with. They and the
// page itself need no key: the page asks for one when the API does.
const dashboardPath = "/dashboard/"

// dashboardPolicy lets the page load what comes from here, and nothing else; no
// script or style may stand in the page, and no other page may frame it.
const dashboardPolicy = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// asset is a file of the dashboard, ready to be sent.
type asset struct {
	mediaType string
	tag       string // of its content, without quotes
	plain     []byte
	zipped    []byte // nil: it is not worth it
}

// serveDashboard adds the routes of the page and of its assets: two, so that metrics
// have no line for each file.
func (s *server) serveDashboard(r chi.Router, files fs.FS) error {
	assets := map[string]*asset{} // by path
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		a, err := readAsset(files, name)
		if err != nil {
			return fmt.Errorf("reading the dashboard's %s: %w", name, err)
		}
		assets[dashboardPath+name] = a
		return nil
	})
	if err != nil {
		return err
	}
	r.Method(http.MethodGet, "/", assets[dashboardPath+"index.html"])
	r.Get(dashboardPath+"*", func(w http.ResponseWriter, r *http.Request) {
		if a := assets[r.URL.Path]; a != nil {
			a.ServeHTTP(w, r)
			return
		}
		s.notFound(w, r)
	})
	return nil
}

func readAsset(files fs.FS, name string) (*asset, error) {
	content, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	hash := sha256.Sum256(content)
	a := &asset{mediaType: mediaTypes[path.Ext(name)], tag: hex.EncodeToString(hash[:12]), plain: content}
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write(content) // into memory, which does not fail
	if err := w.Close(); err != nil {
		return nil, err
	}
	if zipped.Len() < len(content) {
		a.zipped = zipped.Bytes()
	}
	return a, nil
}

// mediaTypes of the dashboard's files; those of the system differ from machine to machine.
var mediaTypes = map[string]string{
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// ServeHTTP sends the asset. Its path stays when it changes, so a client that has it
// asks each time whether that is still the one.
func (a *asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.mediaType)
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Security-Policy", dashboardPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	body, tag := a.plain, a.tag
	if a.zipped != nil {
		h.Set("Vary", "Accept-Encoding")
		if takesGzip(r) {
			h.Set("Content-Encoding", "gzip")
			body, tag = a.zipped, tag+"-gzip" // a strong tag is of the bytes that are sent
		}
	}
	h.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// takesGzip tells whether the client names gzip and does not refuse it (RFC 9110, section 12.5.3).
func takesGzip(r *http.Request) bool {
	for offered := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, weight, _ := strings.Cut(offered, ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			weight = strings.ReplaceAll(weight, " ", "")
			return strings.TrimRight(strings.TrimPrefix(weight, "q="), "0.") != "" || weight == ""
		}
	}
	return false
}

// isDashboard tells whether a path is the dashboard's.
func isDashboard(path string) bool { return path == "/" || strings.HasPrefix(path, dashboardPath) }
