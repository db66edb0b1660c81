package delivery

import (
	"fmt"
	"net/netip"
	"slices"
	"syscall"

	"code.dny.dev/ssrf"
)

// What is allowed unless Options.Strict is set: loopback and private networks,
// where most workers live. The library denies all special purpose networks.
var (
	privateV4 = []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8"),
		netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	}
	privateV6 = []netip.Prefix{netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("fc00::/7")}

	// The metadata service of Azure stands at a public address, that of AWS for
	// IPv6 at a private one.
	metadataV4 = netip.MustParsePrefix("168.63.129.16/32")
	metadataV6 = netip.MustParsePrefix("fd00:ec2::254/128")
)

// deniedError says which address was refused and why.
type deniedError struct {
	addr   netip.Addr
	reason string
}

func (e *deniedError) Error() string {
	return fmt.Sprintf("deliveries to %s are not allowed: %s", e.addr, e.reason)
}

// guard refuses addresses that no delivery may go to. It looks at the final
// address, after name resolution, so that no spelling or DNS answer gets round it.
type guard struct {
	ranges *ssrf.Guardian
	deny   []netip.AddrPort
}

func newGuard(opts Options) *guard {
	rules := []ssrf.Option{ssrf.WithAnyPort(), ssrf.WithAnyNetwork(), ssrf.WithDeniedV4Prefixes(metadataV4)}
	if !opts.Strict {
		rules = append(rules, ssrf.WithAllowedV4Prefixes(privateV4...), ssrf.WithAllowedV6Prefixes(privateV6...))
	}
	return &guard{ranges: ssrf.New(rules...), deny: slices.Clone(opts.Deny)}
}

// control is the hook of net.Dialer that sees each address before it is dialled.
func (g *guard) control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return &deniedError{reason: fmt.Sprintf("%q is not an IP address and port", address)}
	}
	return g.check(ap)
}

func (g *guard) check(ap netip.AddrPort) error {
	// A zone makes no prefix match, a mapped address only IPv6 ones.
	addr := ap.Addr().Unmap().WithZone("")
	if slices.Contains(g.deny, netip.AddrPortFrom(addr, ap.Port())) {
		return &deniedError{addr: addr, reason: fmt.Sprintf("port %d there belongs to the service itself", ap.Port())}
	}
	if metadataV6.Contains(addr) {
		return &deniedError{addr: addr, reason: "it is a cloud metadata service"}
	}
	if err := g.ranges.SafeAddr(addr); err != nil {
		return &deniedError{addr: addr, reason: err.Error()}
	}
	return nil
}
