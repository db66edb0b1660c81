//go:build unix

// Package testenv gives tests what they need around them: an empty PostgreSQL
// database, a Redis server, an SQLite file, and the programs of this module as
// real processes that can be killed, and a browser.
//
// They come from, in this order: STENT_TEST_DATABASE_URL, STENT_TEST_REDIS_URL
// and STENT_TEST_CHROMIUM; the binaries of this machine; Debian's packages, when
// running as root. Otherwise the test fails with a message that says what to
// install: nothing is skipped.
//
// It may import anything but other packages of this module, and only tests
// import it. Servers are held by a helper process (cmd/testenv), which stops
// them and deletes their data when the test process is gone, however that came
// about; so nothing runs in the test process that goleak would find.
package testenv
