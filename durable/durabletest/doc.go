// Package durabletest is an in-process Stent for unit tests of orchestrators and
// activities, with a clock that the test moves.
//
//	func TestOrderIsRefundedWhenNobodyApproves(t *testing.T) {
//		env := durabletest.New(t, newWorker()) // the worker as the program makes it
//		env.Answer("charge", errors.New("down"), Receipt{ID: "r-1"}) // fails once
//		env.Answer("refund", nil)
//
//		order := env.Dispatch("order", Order{ID: "ORD-1"})
//		env.Advance(48 * time.Hour)
//
//		if order.State() != durable.StateCompleted || len(order.Calls("refund")) != 1 {
//			t.Fatalf("%+v", order.Get())
//		}
//	}
//
// Orchestrators run as they do in production: their turns go through the worker's
// handler, and what follows from the answers is decided by the same code as in the
// service, over a store in memory. So retries, timers, signals, cancellation,
// sub-workflows, maps, counters, versions, max_duration, and executions that are
// blocked by code which does not fit their history, all behave as there. Make the
// worker with durable.CacheSize(0) to have each turn replayed from the start.
//
// Activities are the worker's own unless [Stub] or [Env.Answer] stands in for them.
//
// # Time
//
// The clock stands still until the test moves it, by [Env.Advance] or, to wherever
// something is due next, by [Execution.Wait]; nothing sleeps. Each call runs all
// that is due by then before it returns, one thing after the other, in the test's
// own goroutine, so that a test goes the same way each time. Ids are the same each
// time, too, and retries have no jitter.
//
// An attempt of an activity takes no time on this clock unless [After] or [Takes]
// says so; then it is in flight meanwhile, races with other steps, and fails when
// it takes longer than its timeout. A context has no deadline.
//
// # What differs from the service
//
// There is no network: functions are always reachable, and nothing is signed.
// Calling a function that is neither served nor stubbed fails the test, where the
// service waits for somebody to register it. Queues, MaxConcurrent, RateLimit,
// ConcurrencyKey and CallbackURL are accepted and have no effect.
package durabletest
