//go:build unix

// Package webtest tests the dashboard as people use it: in a real Chromium, on a
// whole Stent with a real worker. There is nothing in it but tests; they take
// screenshots of every page into STENT_SCREENSHOTS, when that names a directory.
package webtest
