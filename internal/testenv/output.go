//go:build unix

package testenv

import (
	"bytes"
	"strings"
	"sync"
	"testing"
)

// output keeps what a program writes and passes whole lines on to a test's log.
type output struct {
	t      testing.TB
	prefix string

	mu   sync.Mutex
	all  bytes.Buffer
	done int // bytes of all that were logged
}

func newOutput(t testing.TB, name string) *output {
	return &output{t: t, prefix: "[" + name + "] "}
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all.Write(b)
	fresh := o.all.Bytes()[o.done:]
	end := bytes.LastIndexByte(fresh, '\n') + 1
	for line := range strings.Lines(string(fresh[:end])) {
		o.t.Log(o.prefix + strings.TrimRight(line, "\r\n"))
	}
	o.done += end
	return len(b), nil
}

// String returns all that was written.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.String()
}
