// Package engine is Stent's use cases over the decision core: dispatching,
// signalling, leasing, committing, registering, asking. It knows no HTTP and no
// SQL; it imports workflow, db and wake.
//
// Everything that changes an execution is an event, and every event takes the
// same way: it joins the queue of a commit loop, which gathers what has come
// meanwhile and commits it as one transaction (commit.go). A lone event commits at once.
package engine
