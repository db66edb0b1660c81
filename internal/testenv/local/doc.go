//go:build unix

// Package local runs throw-away PostgreSQL and Redis servers from the binaries
// of this machine, and finds a browser; it installs those on Debian when they are
// missing. It imports the standard library and testenv/supervise.
//
// A server lives in a scratch directory of its own, listens on a free port of
// 127.0.0.1 and trusts every local connection: it is for tests. It dies with
// the process that started it.
package local
