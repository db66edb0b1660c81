package delivery

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// The headers of Standard Webhooks, as net/http spells them.
const (
	headerWebhookID        = "Webhook-Id"
	headerWebhookTimestamp = "Webhook-Timestamp"
	headerWebhookSignature = "Webhook-Signature"
)

// errInvalidSecret does not quote the secret, as the library's error may.
var errInvalidSecret = errors.New("the signing secret is not base64 with the prefix whsec_")

// signer signs for one receiver, once for each of its keys, so that a secret can
// be rotated: while both are valid, the secret is the new and the old one,
// separated by a space.
type signer struct {
	keys []*standardwebhooks.Webhook
	fail *failure
}

func newSigner(secret string) signer {
	var s signer
	for _, part := range strings.Fields(secret) {
		key, err := standardwebhooks.NewWebhook(part)
		if err != nil {
			return invalidSecret()
		}
		s.keys = append(s.keys, key)
	}
	if len(s.keys) == 0 && secret != "" { // whoever gave it believes that deliveries are signed
		return invalidSecret()
	}
	return s
}

func invalidSecret() signer {
	return signer{fail: &failure{outcome: Failed, errorType: "invalid_secret", message: errInvalidSecret.Error() + ": register the worker with a valid one"}}
}

// sign adds the signature headers of https://www.standardwebhooks.com.
func (s signer) sign(h http.Header, id string, now time.Time, body []byte) error {
	if len(s.keys) == 0 {
		return nil
	}
	signatures := make([]string, len(s.keys))
	for i, key := range s.keys {
		signature, err := key.Sign(id, now, body)
		if err != nil {
			return fmt.Errorf("signing: %w", err)
		}
		signatures[i] = signature
	}
	h[headerWebhookTimestamp] = []string{strconv.FormatInt(now.Unix(), 10)}
	h[headerWebhookSignature] = []string{strings.Join(signatures, " ")}
	return nil
}
