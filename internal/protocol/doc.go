// Package protocol translates between the JSON that Stent and its workers exchange
// (internal/wire) and the decision core (internal/workflow): manifests to functions,
// journals to turns, answers to events. What a worker may say, and how large it may
// be (docs/limits.md), is checked here.
//
// It is written once for the scheduler and for durable/durabletest, so it imports
// the standard library and those two packages only.
package protocol
