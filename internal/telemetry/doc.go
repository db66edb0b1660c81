// Package telemetry is what Stent tells about itself: metrics for Prometheus,
// traces by OTLP, and the attributes of its logs. It imports no other package of
// this module, so that all of them may tell what they do.
//
// Nothing here is labelled by the id of an execution or a task in a metric, and no
// payload is in a metric, a span or a log line.
package telemetry
