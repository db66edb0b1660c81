package durable_test

import "runtime"

// exit ends the goroutine as, say, t.FailNow in an orchestrator would.
func exit() { runtime.Goexit() }
