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
			first(a.Passing, b.Passing),
			first(!a.Draining, !b.Draining),
			cmp.Compare(weight(v, b.Incarnation), weight(v, a.Incarnation)),
			cmp.Compare(a.Incarnation, b.Incarnation),
		)
	})
	return out
}

// first orders what is so before what is not.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

func weight(v discovery.View, incarnation string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(v.Region))
	_, _ = h.Write([]byte{0, byte(v.Epoch), byte(v.Epoch >> 8), 0})
	_, _ = h.Write([]byte(incarnation))
	return h.Sum64()
}
