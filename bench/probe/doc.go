// Package probe looks into the processes of a benchmark: their profiles and their
// memory, over HTTP on this machine.
//
// A process whose environment has [Env] calls [Serve] and logs the event "probe"
// with its address; whoever started it asks with a [Client]. Nobody else sets that
// variable: without it there is no listener and nothing is measured. A listener that
// nobody asks costs a few KiB of memory and no time.
package probe
