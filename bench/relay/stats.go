package relay

import "sync/atomic"

// Stats are the counters of a relay since it was made: what they say has happened,
// has happened. A test whose fault has a zero here has tested nothing.
type Stats struct {
	ToTarget, ToClient Packets

	Flows    int    // now known
	Evicted  uint64 // flows forgotten because there were too many
	Rebound  uint64 // flows that were given a new upstream socket
	Refused  uint64 // times that the target refused packets
	Vanished uint64 // times that the relay closed its port for that
}

// Packets are the counters of one direction. While nothing is moving,
//
//	Received + Duplicated = Forwarded + Lost + Cut + Overflowed + TooBig + Failed + Queued
type Packets struct {
	Received   uint64
	Forwarded  uint64 // copies too
	Lost       uint64 // by Way.Loss
	Cut        uint64 // dropped by Way.Cut
	Overflowed uint64 // dropped because too much was waiting: for Way.Rate, or at all
	TooBig     uint64 // dropped for more than MTU bytes
	Failed     uint64 // could not be sent: the relay had vanished, or the kernel refused
	Queued     uint64 // now waiting

	Duplicated uint64 // copies made
	Reordered  uint64 // of those forwarded: after one that had come later; not copies
	Corrupted  uint64 // of those forwarded: with a byte changed
	Delayed    uint64 // of those forwarded: did not go straight through
}

// counters are those of one direction while they count.
type counters struct {
	received, forwarded, lost, cut, overflowed, tooBig, failed atomic.Uint64
	duplicated, reordered, corrupted, delayed                  atomic.Uint64
}

func (c *counters) packets(queued uint64) Packets {
	return Packets{
		Received: c.received.Load(), Forwarded: c.forwarded.Load(), Lost: c.lost.Load(), Cut: c.cut.Load(),
		Overflowed: c.overflowed.Load(), TooBig: c.tooBig.Load(), Failed: c.failed.Load(), Queued: queued,
		Duplicated: c.duplicated.Load(), Reordered: c.reordered.Load(),
		Corrupted: c.corrupted.Load(), Delayed: c.delayed.Load(),
	}
}

// Stats returns the counters so far.
func (r *Relay) Stats() Stats {
	queued := r.line.queued()
	r.mu.Lock()
	flows := len(r.flows)
	r.mu.Unlock()
	return Stats{
		ToTarget: r.ways[toTarget].packets(queued[toTarget]),
		ToClient: r.ways[toClient].packets(queued[toClient]),
		Flows:    flows, Evicted: r.evicted.Load(), Rebound: r.rebound.Load(),
		Refused: r.refused.Load(), Vanished: r.vanished.Load(),
	}
}
