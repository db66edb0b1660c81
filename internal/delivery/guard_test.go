package delivery

import (
	"io"
	"log"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

var discardLog = log.New(io.Discard, "", 0)

func TestForbiddenRangesAreDenied(t *testing.T) {
	t.Parallel()
	always := []string{
		"0.0.0.0", "0.1.2.3", "100.64.0.1", "169.254.169.254", "192.0.0.192", "198.18.0.1", "198.19.255.255",
		"192.0.2.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
		"::", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:a9fe:a9fe::1",
		"2001::1", "2001:db8::1", "3fff::1", "5f00::1", "fd00:ec2::254",
		"::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "::169.254.169.254",
	}
	private := []string{
		"127.0.0.1", "127.255.255.255", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "::1", "fd12::1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1",
	}
	public := []string{"1.1.1.1", "172.32.0.1", "169.253.1.1", "100.63.0.1", "2606:4700::1111", "::ffff:1.1.1.1"}
	normal, strict := newGuard(Options{}), newGuard(Options{Strict: true})
	check := func(g *guard, name string, addresses []string, denied bool) {
		for _, a := range addresses {
			err := g.check(netip.AddrPortFrom(netip.MustParseAddr(a), 80))
			if (err != nil) != denied {
				t.Errorf("%s: %s: %v, want denied %v", name, a, err, denied)
			}
		}
	}
	check(normal, "normal", always, true)
	check(strict, "strict", always, true)
	check(normal, "normal", private, false)
	check(strict, "strict", private, true)
	check(normal, "normal", public, false)
	check(strict, "strict", public, false)
}

func TestDeniedAddressFailsForGoodInAnySpelling(t *testing.T) {
	t.Parallel()
	c := client(t)
	for _, host := range []string{
		"169.254.169.254", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[fe80::1]", "[fe80::1%25lo]", "0.0.0.0", "[::]",
		"2852039166", "0xA9FEA9FE", "0251.0376.0251.0376", "0xa9.0xfe.0xa9.0xfe", "169.254.43518", "169.16689662", "169.254.169.254.", "127.1",
		"１６９.254.169.254",
	} {
		got := c.Activity(t.Context(), request("http://"+host+"/latest/meta-data"))
		wantFailure(t, got, Failed, "address_denied", false)
		if got.Contact != ContactUnknown {
			t.Errorf("%s: contact %v", host, got.Contact)
		}
	}
	got := c.Activity(t.Context(), request("http://169.254.169.254/"))
	wantText(t, got.Error.Message, "169.254.169.254", "169.254.0.0/16")
}

func TestNamesThatOnlyLookLikeNumbersAreNoAddresses(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"worker1": false, "1worker": false, "a.b.c": false, "10.0.0.1.example": false, "0xyz": false, "127.0.0.1": false, "::1": false,
		"worker.1": true, "1.2.3": true, "0x7f": true, "127.0.0.1.": true,
	} {
		if got := ambiguousAddress(host); got != want {
			t.Errorf("%s: %v", host, got)
		}
	}
}

func TestNameThatResolvesToADeniedAddressIsDenied(t *testing.T) {
	t.Parallel()
	raw := strings.Replace(answering(t, 200, "{}"), "127.0.0.1", "localhost", 1)
	if got := client(t).Activity(t.Context(), request(raw)); got.Outcome != Completed {
		t.Errorf("got %+v", got)
	}
	strict := client(t, func(o *Options) { o.Strict = true })
	wantFailure(t, strict.Activity(t.Context(), request(raw)), Failed, "address_denied", false)
}

func TestOwnListenersAreDenied(t *testing.T) {
	t.Parallel()
	raw := answering(t, 200, "{}")
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	own := netip.MustParseAddrPort(u.Host)
	c := client(t, func(o *Options) { o.Deny = []netip.AddrPort{own} })
	wantFailure(t, c.Activity(t.Context(), request(raw)), Failed, "address_denied", false)
	mapped := "http://[::ffff:127.0.0.1]:" + strconv.Itoa(int(own.Port()))
	wantFailure(t, c.Activity(t.Context(), request(mapped)), Failed, "address_denied", false)
}
