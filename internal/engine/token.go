package engine

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"github.com/stent-dev/stent/internal/workflow"
)

// tokens makes and reads task tokens: the lease that they name, followed by the
// first 16 bytes of its HMAC-SHA256 (RFC 2104), in base64url.
type tokens struct{ secret []byte }

// encoding is strict, so that a lease has one spelling only.
var encoding = base64.RawURLEncoding.Strict()

const (
	leaseBytes = 16 + 16 + 8
	macBytes   = 16
)

func (t tokens) sign(l workflow.Lease) string {
	b := make([]byte, 0, leaseBytes+sha256.Size)
	b = append(b, l.Execution[:]...)
	b = append(b, l.Task[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(l.Token))
	return encoding.EncodeToString(t.mac(b)[:leaseBytes+macBytes])
}

// mac appends the code of the lease in b.
func (t tokens) mac(b []byte) []byte {
	h := hmac.New(sha256.New, t.secret)
	h.Write(b[:leaseBytes])
	return h.Sum(b[:leaseBytes])
}

// read gives the lease that a token names, or ErrBadToken.
func (t tokens) read(text string) (workflow.Lease, error) {
	b, err := encoding.DecodeString(text)
	if err != nil || len(b) != leaseBytes+macBytes {
		return workflow.Lease{}, ErrBadToken
	}
	want := t.mac(append(make([]byte, 0, leaseBytes+sha256.Size), b[:leaseBytes]...))
	if !hmac.Equal(want[leaseBytes:leaseBytes+macBytes], b[leaseBytes:]) {
		return workflow.Lease{}, ErrBadToken
	}
	return workflow.Lease{
		Execution: workflow.ID(b[0:16]), Task: workflow.ID(b[16:32]), Token: int64(binary.BigEndian.Uint64(b[32:])),
	}, nil
}
