// Package workflow is Stent's decision core: what an execution is, and every
// transition that it can make. It is pure: it takes a loaded Snapshot, events
// and the time, and returns a Change for a store to save. It does no I/O, reads
// no clock and no randomness of its own, and imports the standard library only,
// so that both databases behave alike and the whole can be simulated.
//
// An execution is one run of a function. It owns a tree of tasks: the root task
// runs the function itself; an orchestrator's steps are its child tasks, unique
// by (parent, run, step key), so the tasks are the journal that replay reads.
//
//	execution   pending ──▶ running ──▶ completed | failed | timed_out
//	                          │  ▲
//	                          ▼  │
//	                        blocked        (any open state) ──▶ cancelling ──▶ cancelled
//
//	task        pending ──▶ running ──▶ completed | failed
//	               ▲           │
//	               └── retry ──┤
//	                           ▼
//	                        waiting        (any open state) ──▶ cancelled
//
// How an open task is held is said by three fields:
//
//	due      DueAt set, no holder: whoever polls may lease it from then on
//	held     DueAt nil, Holder set: one scheduler has it, fenced by Token
//	waiting  neither: something else (a child, a signal) will move it on
//	parked   neither, but pending and scheduled: its execution is paused
//
// Calls that share a result (of idempotent and cached functions) wait for each
// other: the first owns the result and runs, the others are waiting for it without
// a lease, and take its value. When the owner ends without one, the next runs.
//
// A dead letter is the record of a delivered task that failed. Its replay opens the
// task again, and what failed or was swept because of it, up to the execution; a
// restart opens an execution whatever its state, with a new run of its orchestrator.
//
//	result    (absent) ──▶ running ──▶ completed ──▶ (expired)
//	              ▲           │ the owner failed, or was cancelled
//	              └───────────┘
//
// Token grows with every lease. An answer counts only with the newest token.
package workflow
