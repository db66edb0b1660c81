// Package http is Stent's REST service: the handlers that openapi.yaml
// describes, over the use cases of package engine. It imports engine, workflow
// and its own generated http/api; generated types never leave it.
//
// A request passes, from the outside in:
//
//	identify   gives it an id
//	observe    logs it, and answers a panic with a problem
//	limit      refuses headers that are too large
//	authorize  checks the API key
//	validate   checks it against openapi.yaml, and the body as strict JSON
//	strict     the generated decoding
//	handlers   functions.go workers.go executions.go signals.go tasks.go context.go system.go
//
// Every error, whoever finds it, is written by one function (problem.go).
//
// Values of the user's are given back as the bytes that came. encoding/json would
// re-encode them, so what carries such values is written by render.go.
package http
