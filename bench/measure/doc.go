// Package measure is what all benchmarks need to be believed: who measured, where,
// with which code and under which load, and histograms of what was measured.
//
// A benchmark begins with [Begin], which notes commit, machine and load, and starts
// to watch how late this machine wakes a goroutine up. It ends with [Run.End]. A run
// on a machine that was late by more than [MaxDelay] is void: what it says of us is
// what the machine does to everybody. Latencies go into a [Hist], counted from the
// time in the schedule, so that a [Load] which could not be offered counts in full and
// not as silence.
//
// Results are JSON files, each with the [Run] that it was measured in.
package measure
