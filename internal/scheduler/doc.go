// Package scheduler leases due tasks and delivers them: loops around the use
// cases of package engine and the POSTs of package delivery. It decides nothing
// about executions. It imports engine, delivery, workflow,
// wire and wake.
//
// A scheduler works in tenures. A tenure has an id of its own, joins, beats, takes
// tasks and leaves. When others have taken it for dead, or it could not beat for
// as long as a lease lasts, the tenure ends at once: its deliveries are cut,
// nothing of it counts any more, and the next tenure begins.
//
//	join ──▶ ready ──▶ draining ──▶ left        (asked to stop)
//	           └─────▶ expired                  (a new tenure begins)
package scheduler
