// Package arch holds the rules on what may import what, as tests: which
// package of this module imports which other, where each third-party module
// may be used, and that docs/dependencies.md names them all. It imports the
// standard library only.
package arch
