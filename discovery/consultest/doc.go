// Package consultest gives tests a real Consul agent, and holds the contract that
// package discovery and its registries keep.
//
// Start runs a single server on free ports of the loopback interface, with a data
// folder that goes with the test. The binary is, in this order:
//
//   - the one that the environment variable RESEAT_CONSUL names;
//   - consul from PATH, if it is version 1.22.5 or newer;
//   - what tools/consul/build.sh builds, once, into the repository's cache.
//
// There is no skipping: if none can be had, the test fails.
//
// Contract is the one suite that passes on a real agent and on devconsul. It is
// about what discovery promises, and about the traps in Consul that devconsul
// must have as well.
package consultest
