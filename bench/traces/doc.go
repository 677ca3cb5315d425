// Package traces takes in OpenTelemetry traces without any collector besides
// itself: an OTLP/HTTP receiver on loopback, for processes that are started on this
// machine to be measured.
//
//	          POST /v1/traces (protobuf, may be gzipped)
//	edge ─────────────┐
//	sidecar ──────────┼──▶ Collector ──▶ Trace ──▶ Draw: a tree with times
//	sidecar ──────────┘     bounded       │
//	                                      └─▶ JSON
//
// What it keeps is bounded: beyond [MaxSpans] the trace that has been silent the
// longest is forgotten as a whole, so a trace that is there has all that arrived of
// it. Spans of one trace come from several processes and in several requests:
// [Collector.Wait] waits until enough are there.
//
// Times are those of the processes' own clocks. On one machine that is one clock.
package traces
