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
			if !isOpen(r.URL.Path) && !known(hashes, r.Header) {
				w.Header().Set("WWW-Authenticate", "Bearer")
				s.turnAway(w, r, &refusal{http.StatusUnauthorized, api.ProblemCodeUnauthorized, "Unauthorized", unauthorized(r.Header), nil})
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// unauthorized says what is wrong with the key of a request, or how it is sent.
func unauthorized(h http.Header) string {
	switch key, isBearer := bearer(h); {
	case h.Get("Authorization") == "":
		return `An API key is missing: send it in the header "Authorization: Bearer <key>".`
	case !isBearer || key == "":
		return `The header "Authorization" must be "Bearer <key>", with an API key of this service.`
	}
	return `The key in the header "Authorization: Bearer <key>" is not an API key of this service.`
}

// bearer gives the token of a request; ok tells whether it has one.
func bearer(h http.Header) (token string, ok bool) {
	scheme, token, found := strings.Cut(h.Get("Authorization"), " ")
	return strings.TrimSpace(token), found && strings.EqualFold(scheme, "Bearer")
}

func known(hashes [][sha256.Size]byte, h http.Header) bool {
	key, ok := bearer(h)
	if !ok {
		return false
	}
	hash := sha256.Sum256([]byte(key))
	match := 0
	for i := range hashes {
		match |= subtle.ConstantTimeCompare(hash[:], hashes[i][:])
	}
	return match == 1
}
