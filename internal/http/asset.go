package http

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// asset is an embedded file of a page, ready to be sent.
type asset struct {
	mediaType string
	policy    string // Content-Security-Policy
	tag       string // of its content, without quotes
	plain     []byte
	zipped    []byte // nil: it is not worth it
}

// mediaTypes of assets; those of the system differ from machine to machine.
var mediaTypes = map[string]string{
	".css":  "text/css; charset=utf-8",
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".png":  "image/png",
	".svg":  "image/svg+xml",
}

// readAsset reads a file, which may be there as NAME.gz instead.
func readAsset(files fs.FS, name, policy string) (*asset, error) {
	a := &asset{mediaType: mediaTypes[path.Ext(name)], policy: policy}
	var err error
	if a.plain, err = fs.ReadFile(files, name); errors.Is(err, fs.ErrNotExist) {
		if a.zipped, err = fs.ReadFile(files, name+".gz"); err == nil {
			a.plain, err = unzip(a.zipped)
		}
	} else if err == nil {
		a.zipped, err = zip(a.plain)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the page's %s: %w", name, err)
	}
	if len(a.zipped) >= len(a.plain) {
		a.zipped = nil
	}
	hash := sha256.Sum256(a.plain)
	a.tag = hex.EncodeToString(hash[:12])
	return a, nil
}

func zip(content []byte) ([]byte, error) {
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, err := w.Write(content)
	err = errors.Join(err, w.Close())
	return zipped.Bytes(), err
}

func unzip(content []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// ServeHTTP sends the asset. Its path stays when it changes, so a client that has it
// asks each time whether that is still the one.
func (a *asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.mediaType)
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Security-Policy", a.policy)
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
