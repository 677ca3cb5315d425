// Package relay is a bad network between real processes on one machine: a UDP
// relay that delays, loses, doubles, reorders, damages and cuts, for chaos tests
// where `tc netem` is not to be had. Clients are told the relay's address
// instead of the target's. It works below QUIC and knows nothing of it.
//
//	client ──> listener ──[ faults ToTarget ]──> upstream socket ──> target
//	client <── listener <─[ faults ToClient ]─── upstream socket <── target
//
// Each client address is a flow and has an upstream socket of its own, connected
// to the target, so that the target sees clients apart, and a refusal is noticed.
//
// # Faults
//
// Each direction has a [Way]. What happens to a packet, in this order: it is
// dropped by the cut; lost; doubled; and each copy by itself is damaged, waits
// for the rate limit, is delayed, and may be held back. A packet larger than
// [MTU] is dropped, as the networks that players have would.
//
// [Relay.Set] changes everything at once: when it returns, no packet meets the
// old faults any more. Packets that are on their way keep the delay they were
// given, but a cut takes them too. Jitter is independent for each packet, so it
// reorders packets that are closer together than it is wide, as netem's does;
// [Way.Reorder] reorders without touching the others.
//
// # Seeds
//
// All choices come from [Config.Seed], the number of the flow (in the order in
// which clients first appeared) and the direction; each packet takes equally many
// random numbers whether they are needed or not. So the n-th packet of a flow
// meets the same fate in every run under the same faults, whatever the faults
// were before and however flows are interleaved. What a test may expect to be
// equal between runs is which packets are lost, doubled, damaged and held back,
// and by how much they are delayed; not when they come: that is up to the
// scheduler. The queue limits depend on time as well.
//
// # Refusals
//
// When the target's process is gone but its machine is not, the kernel answers
// packets with ICMP, and a client with a connected socket gets ECONNREFUSED. A
// relay cannot forge ICMP. Instead it vanishes: it closes its listening socket,
// so that the kernel refuses the client's next packet. The client learns one
// packet later than it would without a relay; from then on all its packets are
// refused. The news travels like any packet to the client: it is delayed, lost
// and cut like one. Packets for the client that arrive after it are lost
// ([Packets.Failed]). The relay vanishes for all clients, since they have the
// same target.
//
// While it is gone, the relay asks the target every 10 ms with an empty datagram
// whether it is back: no refusal within 10 ms means yes. It then opens the same
// port again. It also comes back at once for [Relay.SetTarget], and for a cut in
// any direction, as nobody is refused through a cut cable. A target must bear
// empty datagrams; QUIC does. On Linux a second socket, which receives nothing,
// keeps the port meanwhile; elsewhere another process may take it, and Run then
// returns an error. Whoever wants silence instead sets [Config.Silent].
//
// # Rebinding
//
// [Relay.Rebind] gives flows new upstream sockets, as a NAT that forgot them: the
// target sees the client come from another port, and what it still sends to the
// old one is gone.
//
// # Limits
//
// Memory is bounded: by [Config.MaxFlows], beyond which the flow that was silent
// the longest is forgotten, and [Config.MaxQueued] packets that wait; beyond that
// packets are dropped and counted. A packet that need not wait is written by the
// goroutine that read it, without a copy or an allocation; all that wait are in
// one heap with one timer.
//
// Every fault is counted when it happens: see [Stats]. The kernel drops packets
// too when a process does not read in time, and nobody counts these.
package relay
