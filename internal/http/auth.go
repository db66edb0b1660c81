package http

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/stent-dev/stent/internal/http/api"
)

// isOpen tells whether a path needs no key: whoever runs the service asks for it, or
// it is a page, which tells nothing of what is stored and asks for a key itself.
func isOpen(path string) bool {
	switch path {
	case "/", "/healthz", "/readyz", "/openapi.yaml", referencePath:
		return true
	}
	return strings.HasPrefix(path, dashboardPath) || strings.HasPrefix(path, referencePath+"/")
}

// authorize lets requests through that carry one of the keys as a bearer token
// (RFC 6750); without keys it lets all through. Keys are compared by their
// hashes, every one of them, so that the time tells nothing about them.
func (s *server) authorize(keys []string) func(http.Handler) http.Handler {
	hashes := make([][sha256.Size]byte, len(keys))
	for i, key := range keys {
		hashes[i] = sha256.Sum256([]byte(key))
	}
	return func(next http.Handler) http.Handler {
		if len(hashes) == 0 {
			return next
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !isOpen(r.URL.Path) && !known(hashes, r.Header.Get("Authorization")) {
				w.Header().Set("WWW-Authenticate", "Bearer")
				detail := `An API key is needed: send it in the header "Authorization", after "Bearer ".`
				if r.Header.Get("Authorization") != "" {
					detail = `What the header "Authorization" has is not an API key of this service, after "Bearer ".`
				}
				s.turnAway(w, r, &refusal{http.StatusUnauthorized, api.ProblemCodeUnauthorized, "Unauthorized", detail, nil})
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func known(hashes [][sha256.Size]byte, authorization string) bool {
	scheme, key, found := strings.Cut(authorization, " ")
	if !found || !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	hash := sha256.Sum256([]byte(strings.TrimSpace(key)))
	match := 0
	for i := range hashes {
		match |= subtle.ConstantTimeCompare(hash[:], hashes[i][:])
	}
	return match == 1
}
