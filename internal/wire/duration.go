package wire

import (
	"strconv"
	"strings"
	"time"
)

// FormatDuration writes d as the protocol does: whole numbers of d, h, m, s and
// ms, such as "1h30m". A fraction of a millisecond is rounded up, so that a
// timer is never early; what is not positive is "0s".
func FormatDuration(d time.Duration) string {
	if d <= 0 {
		return "0s"
	}
	var b strings.Builder
	ms := int64(d / time.Millisecond)
	if d%time.Millisecond != 0 {
		ms++
	}
	for _, u := range [...]struct {
		name string
		size int64
	}{{"d", 86_400_000}, {"h", 3_600_000}, {"m", 60_000}, {"s", 1_000}, {"ms", 1}} {
		if n := ms / u.size; n > 0 {
			b.WriteString(strconv.FormatInt(n, 10))
			b.WriteString(u.name)
			ms %= u.size
		}
	}
	return b.String()
}
