package http

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"time"
)

// asset serves an embedded file, which may be there as NAME.gz instead, under a
// Content-Security-Policy. Browsers ask whether it has changed each time they use it,
// so that a page never runs with files of another version.
func asset(from fs.FS, name, policy string) http.HandlerFunc {
	compressed, content := readAsset(from, name)
	plainTag, compressedTag := etag(content), etag(compressed)
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		h.Add("Vary", "Accept-Encoding")
		body := content
		h.Set("Etag", plainTag)
		if compressed != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			body = compressed
			h.Set("Etag", compressedTag)
			h.Set("Content-Encoding", "gzip")
		}
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(body))
	}
}

// readAsset gives what is embedded; compressed is nil for what is not there so. It
// panics if there is no such file: the program has been built without it.
func readAsset(from fs.FS, name string) (compressed, content []byte) {
	content, err := fs.ReadFile(from, name)
	if err == nil {
		return nil, content
	}
	if compressed, err = fs.ReadFile(from, name+".gz"); err != nil {
		panic(err)
	}
	expanded, err := gzip.NewReader(bytes.NewReader(compressed))
	if err == nil {
		content, err = io.ReadAll(expanded)
	}
	if err != nil {
		panic(err)
	}
	return compressed, content
}

func etag(content []byte) string {
	hash := sha256.Sum256(content)
	return `"` + hex.EncodeToString(hash[:16]) + `"`
}
