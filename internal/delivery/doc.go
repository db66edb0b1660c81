// Package delivery is one POST to a worker, or to the receiver of a callback: it signs the request, keeps it away
// from forbidden addresses, sends it and classifies the answer. A Breaker beside
// it remembers which endpoints cannot be reached.
//
// The line that matters most is drawn between "the handler never ran" and "the
// handler may have run":
//
//	refused, DNS, no route, TLS, connect timeout ── Unreachable, costs no attempt
//	a connection stood, then cut, timeout, garbage ── Failed, costs an attempt
//
// Whenever it cannot be proved that nothing was sent, the handler may have run,
// and the delivery is not repeated here: attempts are counted in the database,
// so a repetition that nobody counted would be one attempt too many.
//
// It imports the standard library, internal/wire, internal/workflow, the Standard
// Webhooks library and code.dny.dev/ssrf.
package delivery
