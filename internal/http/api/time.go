// Package api is generated from openapi.yaml, but for its type of points in time:
// the models, and the server that calls a StrictServerInterface. It serves
// package http only and imports nothing of this module.
package api

import "time"

// Time is a point in time as the API writes it: RFC 3339 in UTC with exactly six
// digits of microseconds. It reads any RFC 3339 time.
type Time time.Time

const timeLayout = "2006-01-02T15:04:05.000000Z"

// AppendText appends the time as the API writes it.
func (t Time) AppendText(b []byte) ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(b, timeLayout), nil
}

// MarshalText writes the time as the API writes it.
func (t Time) MarshalText() ([]byte, error) {
	return t.AppendText(make([]byte, 0, len(timeLayout)))
}

// UnmarshalText reads an RFC 3339 time of any offset and precision.
func (t *Time) UnmarshalText(b []byte) error {
	read, err := time.Parse(time.RFC3339, string(b))
	*t = Time(read)
	return err
}
