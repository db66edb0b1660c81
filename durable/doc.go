// Package durable is the Go SDK of Stent: durable functions over HTTP.
//
// A [Worker] is an http.Handler that serves two kinds of functions. Activities
// do work and are retried. Orchestrators decide what to do next, in ordinary Go;
// everything that they do through their [Context] is stored, so that they go on
// where they stood after a crash, and no completed step runs again.
//
//	w := durable.NewWorker()
//	durable.Activity(w, "charge", func(ctx context.Context, o Order) (Receipt, error) { … })
//	durable.Orchestrator(w, "order", func(ctx *durable.Context, o Order) (Receipt, error) {
//		receipt, err := durable.Call[Receipt](ctx, "charge", o)
//		if err != nil {
//			return receipt, err
//		}
//		return receipt, ctx.Sleep(24 * time.Hour)
//	})
//	http.ListenAndServe(":9000", w)
//
// A [Client] speaks to the service: it registers workers, dispatches executions,
// waits for them, sends signals.
//
// # How an orchestrator runs
//
// The service hands an orchestrator turns. In each, the code runs until it waits
// for something that has not happened; the worker answers with what the code
// commanded, and keeps its goroutine suspended for the next turn. When the
// goroutine is gone, because the worker was restarted or needed the room, the
// code is replayed from its start: steps that are in the history return at once
// with what was recorded, in the order in which they settled, until the code
// comes to where it stood. So it must do the same each time:
//
//	time.Now()                      // wrong: another time in each replay
//	ctx.Now()                       // right
//
//	time.Sleep(time.Hour)           // wrong: holds the turn, and is lost in a crash
//	ctx.Sleep(time.Hour)            // right
//
//	rand.IntN(6); uuid.NewString()  // wrong: others in each replay
//	ctx.Rand().IntN(6); ctx.NewID() // right
//
//	http.Get(url)                   // wrong: done again in each replay
//	durable.Call[Page](ctx, "fetch", url) // right: in an activity
//
//	os.Getenv("REGION")             // wrong: may change
//	durable.Local(ctx, "region", readRegion) // right: recorded
//
//	for id := range orders { … Start … }              // wrong: a map has no order
//	for _, id := range slices.Sorted(maps.Keys(orders)) { … } // right
//
//	go func() { durable.Call[int](ctx, …) }()         // wrong: a Context is for one goroutine
//	a, b := durable.Start[int](ctx, …), durable.Start[int](ctx, …) // right: both run at once
//
//	for _, f := range futures { f.Get() }             // slow: up to a turn for each
//	values, err := durable.Gather(ctx, futures)       // right: one turn for all
//
//	log.Print("charged")            // printed again by each replay
//	ctx.Logger().Info("charged")    // silent while replaying
//
// An orchestrator's variables are its own; it must not read or change what
// other goroutines use.
//
// # Changing the code of an orchestrator
//
// Executions that are under way replay with the new code. If it does not command
// a step that the history has, the turn is answered with an error, and if it
// commands another kind of step under a known key, the service refuses the turn;
// either way nothing is lost, the execution shows as blocked with what was
// expected and what came, and goes on when code that fits is there. [Version]
// makes a change that both fit.
//
// # Deferred functions
//
// A suspended orchestrator may be given up at any time: its goroutine ends by
// runtime.Goexit, and deferred functions run. [Context.Evicted] tells that it was
// this, and not the end of the execution:
//
//	defer lock.Release()                                 // wrong: also runs when suspended code is given up
//	defer func() { if !ctx.Evicted() { lock.Release() } }() // right, for what must run at the end only
//
// A deferred function must not block.
//
// # Errors
//
// A step that fails for good returns a [*StepError] with the type and message
// that the function gave; errors.Is tells [ErrCancelled] and [ErrTimeout]. An
// activity says by the error that it returns what shall happen:
//
//	return r, err                                      // retried by the policy
//	return r, durable.Terminal(err)                    // not retried
//	return r, durable.Throttled(30 * time.Second)      // tried again then, no attempt used
//	return r, durable.Errorf("card_declined", "…")     // with a type, for callers and RetryFor
//
// What an activity tells with [AddCounter] and [SetState] is stored with its
// result, once for the step, and not at all if the attempt fails.
//
// A panic in an activity is a failure of the type panic. A panic in an
// orchestrator fails the turn, not the execution: the turn is delivered again, to
// better code in the end.
package durable
