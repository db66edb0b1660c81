package delivery

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// target is a worker's URL, parsed once.
type target struct {
	url    *url.URL
	origin string
	basic  string // value of the Authorization header, from the URL's user and password
	fail   *failure
}

// Origin returns scheme://host:port of a worker's URL, the key that a Breaker
// knows an endpoint by. A URL that cannot be parsed is its own origin.
func (c *Client) Origin(rawURL string) string {
	return c.targets.get(rawURL, newTarget).origin
}

func newTarget(rawURL string) *target {
	u, err := url.Parse(rawURL)
	if err != nil {
		var e *url.Error
		if errors.As(err, &e) {
			err = e.Err // without the URL itself, which may hold a password
		}
		return badTarget(rawURL, "invalid_url", fmt.Sprintf("the URL is not valid: %v", err))
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return badTarget(rawURL, "invalid_url", fmt.Sprintf("the URL %q is not an absolute http or https URL", u.Redacted()))
	}
	if ambiguousAddress(u.Hostname()) {
		return badTarget(rawURL, "address_denied", fmt.Sprintf(
			"the host %q is a number but not a dotted IPv4 address: such spellings are refused because programs read them differently", u.Hostname()))
	}
	t := &target{origin: origin(u)}
	if u.User != nil {
		password, _ := u.User.Password()
		t.basic = "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password))
		u.User = nil
	}
	u.Fragment, u.RawFragment = "", ""
	t.url = u
	return t
}

func badTarget(rawURL, errorType, message string) *target {
	return &target{origin: rawURL, fail: &failure{outcome: Failed, errorType: errorType, message: message}}
}

func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "80"
		if u.Scheme == "https" {
			port = "443"
		}
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// ambiguousAddress reports whether a host is a spelling of an IPv4 address that
// some resolvers understand and others do not: decimal, octal, hexadecimal, or
// with fewer than four parts. The rule is that of the WHATWG URL standard: a
// host whose last label is a number is an address.
func ambiguousAddress(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	last := host[strings.LastIndexByte(host, '.')+1:]
	digits := "0123456789"
	if hex, ok := strings.CutPrefix(last, "0x"); ok {
		return strings.Trim(hex, digits+"abcdef") == ""
	}
	return last != "" && strings.Trim(last, digits) == ""
}
