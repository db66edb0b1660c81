// Package cli is the command line of Stent: every command that speaks to the
// service, over REST. It imports the SDK, whose client it uses, and nothing else of
// this module but internal/wire.
//
// A command writes what was asked for to standard output, as aligned tables for
// people or as REST answered it (--output json), and everything else to standard
// error. Colour and live screens are for terminals only. Run gives the exit code,
// whose meanings are pinned; see Exit.
package cli
