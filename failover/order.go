package failover

import (
	"cmp"
	"hash/fnv"
	"slices"

	"github.com/reseat-proxy/reseat/discovery"
)

// Order ranks the servers that may take a region over, best first: where a set is
// published its members and nobody else; those whose check passes before those whose
// check does not (their news may be late); those that stay before those that are being
// emptied, which would only hand the region on; then by rendezvous hashing of (region,
// epoch, incarnation), so that all observers of one view agree, and regions that fall
// together spread over the servers. The holder that was lost is left out.
func Order(v discovery.View, lost string) []discovery.Server {
	var out []discovery.Server
	for _, s := range v.Servers {
		if s.Incarnation != lost && (!v.InSyncKnown || slices.Contains(v.InSync, s.Incarnation)) {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b discovery.Server) int {
		return cmp.Or(
			cmp.Compare(doubts(a), doubts(b)),
			cmp.Compare(weight(v, b.Incarnation), weight(v, a.Incarnation)),
			cmp.Compare(a.Incarnation, b.Incarnation),
		)
	})
	return out
}

// doubts are how little is to be expected of a server: a check that fails weighs more
// than that it is to be emptied.
func doubts(s discovery.Server) (n int) {
	if !s.Passing {
		n += 2
	}
	if s.Draining {
		n++
	}
	return n
}

func weight(v discovery.View, incarnation string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(v.Region))
	_, _ = h.Write([]byte{0, byte(v.Epoch), byte(v.Epoch >> 8), 0})
	_, _ = h.Write([]byte(incarnation))
	return h.Sum64()
}
