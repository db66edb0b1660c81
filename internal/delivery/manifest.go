package delivery

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"time"

	"github.com/stent-dev/stent/internal/wire"
)

// ManifestError says why a worker's manifest could not be had. The message is
// safe to show and says what to do.
type ManifestError struct {
	Type        string // as in Result and TurnResult
	Message     string
	Unreachable bool // no connection could be made
}

func (e *ManifestError) Error() string { return e.Message }

// Manifest asks a worker which functions it serves. It takes 10 s at most.
// Its errors are *ManifestError.
func (c *Client) Manifest(ctx context.Context, url, secret string) (*wire.Manifest, error) {
	ctx, cancel := context.WithTimeout(ctx, defaultManifestTimeout)
	defer cancel()
	manifest, f := c.manifest(ctx, url, secret)
	if f != nil {
		return nil, &ManifestError{
			Type: f.errorType, Unreachable: f.outcome == Unreachable,
			Message: "reading the worker's manifest: " + f.message,
		}
	}
	return manifest, nil
}

func (c *Client) manifest(ctx context.Context, url, secret string) (*wire.Manifest, *failure) {
	t := c.targets.get(url, newTarget)
	if t.fail != nil {
		return nil, t.fail
	}
	s := c.signers.get(secret, newSigner)
	if s.fail != nil {
		return nil, s.fail
	}
	h, err := manifestHeader(s, t.basic)
	if err != nil {
		return nil, &failure{errorType: "invalid_request", message: err.Error()}
	}
	resp, f := c.roundTrip(ctx, t, func(ctx context.Context) *http.Request {
		return (&http.Request{
			Method: http.MethodGet, URL: t.url, Host: t.url.Host, Header: h,
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		}).WithContext(ctx)
	})
	if f != nil {
		return nil, f
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		f := statusFailure(resp)
		f.message += "; a worker answers GET at its URL with 200 and its manifest. Is this the URL of a worker? A plain handler is registered with PUT /v1/functions/{name}"
		return nil, f
	}
	body, f := successBody(ctx, resp, c.opts.MaxAnswerBytes, "manifest")
	if f != nil {
		return nil, f
	}
	return decodeManifest(body)
}

func manifestHeader(s signer, basic string) (http.Header, error) {
	h := http.Header{
		wire.HeaderProtocol: {wire.Protocol},
		"Accept":            {contentTypeJSON},
		"User-Agent":        {userAgent},
	}
	if basic != "" {
		h.Set("Authorization", basic)
	}
	if len(s.keys) > 0 {
		id := "manifest_" + rand.Text()
		h.Set(headerWebhookID, id)
		return h, s.sign(h, id, time.Now(), nil)
	}
	return h, nil
}

func decodeManifest(body []byte) (*wire.Manifest, *failure) {
	manifest := new(wire.Manifest)
	if f := decodeStrict(body, manifest, "manifest"); f != nil {
		return nil, f
	}
	if fmt.Sprint(manifest.Protocol) != wire.Protocol {
		return nil, &failure{
			errorType: "unsupported_protocol",
			message:   fmt.Sprintf(`the manifest says "protocol": %d, this service speaks %s: update the older of the two`, manifest.Protocol, wire.Protocol),
		}
	}
	for i, function := range manifest.Functions {
		if function.Name == "" {
			return nil, invalidAnswer("manifest", fmt.Sprintf("functions[%d] has no name", i))
		}
	}
	return manifest, nil
}
