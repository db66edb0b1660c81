package delivery

import (
	"net/http"
	"strings"
	"time"
)

// Bounds of a Retry-After, whatever a worker says.
const (
	minRetryAfter = time.Second
	maxRetryAfter = 24 * time.Hour
)

// retryAfter reads the header of RFC 9110, section 10.2.3: seconds or a date.
// It is clamped to 1 s .. 24 h; ok is false when it is absent or neither.
func retryAfter(header string, now time.Time) (after time.Duration, ok bool) {
	header = strings.TrimSpace(header)
	if header == "" {
		return 0, false
	}
	if strings.Trim(header, "0123456789") == "" {
		return seconds(header), true
	}
	date, err := http.ParseTime(header)
	if err != nil {
		return 0, false
	}
	return min(max(date.Sub(now), minRetryAfter), maxRetryAfter), true
}

// seconds reads decimal digits of any length, clamped.
func seconds(digits string) time.Duration {
	after := time.Duration(0)
	for _, digit := range digits {
		after = after*10 + time.Duration(digit-'0')*time.Second
		if after >= maxRetryAfter {
			return maxRetryAfter
		}
	}
	return max(after, minRetryAfter)
}
