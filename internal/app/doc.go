// Package app puts Stent's programs together: settings, logging, the store, the
// engine, the REST service and the scheduler. Only cmd, bench, examples and
// end-to-end tests import it; it may import everything in internal.
package app
