package durable

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// signatureWindow is how far a delivery's time may be from now, either way.
const signatureWindow = 5 * time.Minute

// decodeSecret reads a secret in the form of Standard Webhooks,
// https://www.standardwebhooks.com: "whsec_" and 24 to 64 bytes in base64.
func decodeSecret(s string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(s, "whsec_")
	if !ok {
		return nil, errors.New("a secret begins with whsec_")
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, errors.New("what follows whsec_ is not base64")
	}
	if len(key) == 0 {
		return nil, errors.New("nothing follows whsec_")
	}
	return key, nil
}

// verify checks a signature: one of those in webhook-signature must
// be that of one of the keys.
func verify(keys [][]byte, h http.Header, body []byte, now time.Time) error {
	id, stamp, signatures := h.Get("webhook-id"), h.Get("webhook-timestamp"), h.Get("webhook-signature")
	if id == "" || stamp == "" || signatures == "" {
		return errors.New("the delivery is not signed: webhook-id, webhook-timestamp or webhook-signature is missing")
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return errors.New("webhook-timestamp is not a number of seconds")
	}
	if age := now.Sub(time.Unix(seconds, 0)); age > signatureWindow || age < -signatureWindow {
		return fmt.Errorf("webhook-timestamp is %s and the worker's clock %s: they differ by more than %v",
			time.Unix(seconds, 0).UTC().Format(time.RFC3339), now.UTC().Format(time.RFC3339), signatureWindow)
	}
	for _, key := range keys {
		want := signature(key, id, stamp, body)
		for _, s := range strings.Fields(signatures) {
			version, encoded, _ := strings.Cut(s, ",")
			got, err := base64.StdEncoding.DecodeString(encoded)
			if version == "v1" && err == nil && hmac.Equal(got, want) {
				return nil
			}
		}
	}
	return errors.New("the delivery's signature is not one of this worker's secret")
}

func signature(key []byte, id, stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "."))
	mac.Write(body)
	return mac.Sum(nil)
}
